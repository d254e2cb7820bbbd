import type { CreateCheck } from '../check.js';

/**
 * S3: in every quiet snapshot of the fleet, a host's slot counter equals the number of its sessions in the store, and those
 * past `reserved` are exactly the sessions that the host runs.
 */
export const checkSlotCounters: CreateCheck = (_, report) => {
  const running = new Map<string, Set<string>>();
  return {
    on: {
      admitted({ host, sessionId }) {
        running.set(host, (running.get(host) ?? new Set()).add(sessionId));
      },
      'host-ended': ({ host, sessionId }) => void running.get(host)?.delete(sessionId),
      'host-stopped': ({ host }) => void running.delete(host),
      fleet(event) {
        if (!event.quiet) return;
        for (const { host, committed, sessions } of event.hosts) {
          if (committed !== sessions.length) {
            report(`${host} counts ${committed} slots and has ${sessions.length} sessions`, event);
            continue;
          }
          const claimed = new Set(
            sessions.filter(({ state }) => state !== 'reserved').map(({ sessionId }) => sessionId),
          );
          const own = running.get(host) ?? new Set();
          for (const id of claimed) {
            if (!own.has(id)) report(`the store has ${id} on ${host}, which does not run it`, event);
          }
          for (const id of own) {
            if (!claimed.has(id)) report(`${host} runs ${id}, which the store does not have there`, event);
          }
        }
      },
    },
  };
};
