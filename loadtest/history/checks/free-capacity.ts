import type { CreateCheck } from '../check.js';
import { requestName, type EventOf, type FleetHost } from '../events.js';

interface Waiting {
  readonly asked: EventOf<'asked'>;
  readonly event: EventOf<'queued' | 'refused'>;
}

/**
 * L5: nobody waits, and nobody was refused between two quiet pictures of the fleet, while a ready host within the
 * policy had room all the time.
 */
export const checkFreeCapacity: CreateCheck = ({ latencyPolicies = {}, slackMs }, report) => {
  const asked = new Map<string, EventOf<'asked'>>();
  const queued = new Map<string, Waiting>();
  const away = new Set<string>();
  let refused: Waiting[] = [];
  let before: EventOf<'fleet'> | undefined;

  const roomFor = ({ asked: request }: Waiting, picture: EventOf<'fleet'>): FleetHost | undefined => {
    const waitedMs = picture.atMs - request.atMs;
    const policy = latencyPolicies[request.title]?.filter(({ afterMs }) => afterMs + slackMs <= waitedMs);
    const maxRttMs =
      latencyPolicies[request.title] === undefined ? Infinity : (policy?.at(-1)?.maxRttMs ?? 0);
    return picture.hosts.find(
      ({ state, committed, slots, region, pool }) =>
        state === 'ready' &&
        committed < slots &&
        (request.rtt[region] ?? Infinity) <= maxRttMs &&
        request.pools?.includes(pool) !== false,
    );
  };
  const done = (event: EventOf<'matched' | 'cancelled' | 'gave-up' | 'offered'>): void =>
    void queued.delete(requestName(event));
  return {
    on: {
      connected: ({ player }) => void away.delete(player),
      disconnected: ({ player }) => void away.add(player),
      asked(event) {
        const key = requestName(event);
        if (!asked.has(key)) asked.set(key, event);
      },
      queued(event) {
        const key = requestName(event);
        const request = asked.get(key);
        if (request !== undefined && !queued.has(key)) queued.set(key, { asked: request, event });
      },
      matched: done,
      offered: done,
      cancelled: done,
      'gave-up': done,
      refused(event) {
        const key = requestName(event);
        queued.delete(key);
        const request = asked.get(key);
        if (event.code === 'NO_CAPACITY' && request !== undefined) refused.push({ asked: request, event });
        // The id is free again: the next one is another request.
        asked.delete(key);
      },
      fleet(event) {
        const last = before;
        before = event.quiet ? event : undefined;
        const between = refused;
        refused = [];
        if (!event.quiet) return;
        for (const waiting of queued.values()) {
          const { player, atMs } = waiting.event;
          if (atMs + slackMs > event.atMs || away.has(player)) continue;
          const host = roomFor(waiting, event);
          if (host !== undefined) report(`${player} waits, and ${host.host} has room`, waiting.event, event);
        }
        if (last === undefined) return;
        for (const waiting of between) {
          const host = roomFor(waiting, event);
          if (host === undefined || roomFor(waiting, last)?.host !== host.host) continue;
          report(
            `${waiting.event.player} was refused, and ${host.host} had room`,
            last,
            waiting.event,
            event,
          );
        }
      },
    },
  };
};
