import type { CreateCheck } from '../check.js';
import { requestName, type EventOf, type FleetHost } from '../events.js';

interface Waiting {
  readonly request: EventOf<'requested'>;
  readonly event: EventOf<'queued' | 'refused'>;
}

/**
 * L5: no player waits, and no player was refused between two quiet snapshots of the fleet, while a ready host within the
 * latency policy had a free slot all the time.
 */
export const checkFreeCapacity: CreateCheck = ({ latencyPolicies = {}, slackMs }, report) => {
  const requests = new Map<string, EventOf<'requested'>>();
  const queued = new Map<string, Waiting>();
  const disconnected = new Set<string>();
  let refused: Waiting[] = [];
  let before: EventOf<'fleet'> | undefined;

  const findFreeHost = ({ request }: Waiting, snapshot: EventOf<'fleet'>): FleetHost | undefined => {
    const waitedMs = snapshot.atMs - request.atMs;
    const policy = latencyPolicies[request.title]?.filter(({ afterMs }) => afterMs + slackMs <= waitedMs);
    const maxRttMs =
      latencyPolicies[request.title] === undefined ? Infinity : (policy?.at(-1)?.maxRttMs ?? 0);
    return snapshot.hosts.find(
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
      connected: ({ player }) => void disconnected.delete(player),
      disconnected: ({ player }) => void disconnected.add(player),
      requested(event) {
        const key = requestName(event);
        if (!requests.has(key)) requests.set(key, event);
      },
      queued(event) {
        const key = requestName(event);
        const request = requests.get(key);
        if (request !== undefined && !queued.has(key)) queued.set(key, { request, event });
      },
      matched: done,
      offered: done,
      cancelled: done,
      'gave-up': done,
      refused(event) {
        const key = requestName(event);
        queued.delete(key);
        const request = requests.get(key);
        if (event.code === 'NO_CAPACITY' && request !== undefined) refused.push({ request, event });
        // After a refusal the client may use the id for a new request.
        requests.delete(key);
      },
      fleet(event) {
        const last = before;
        before = event.quiet ? event : undefined;
        const between = refused;
        refused = [];
        if (!event.quiet) return;
        for (const waiting of queued.values()) {
          const { player, atMs } = waiting.event;
          if (atMs + slackMs > event.atMs || disconnected.has(player)) continue;
          const host = findFreeHost(waiting, event);
          if (host !== undefined)
            report(`${player} waits although ${host.host} has a free slot`, waiting.event, event);
        }
        if (last === undefined) return;
        for (const waiting of between) {
          const host = findFreeHost(waiting, event);
          if (host === undefined || findFreeHost(waiting, last)?.host !== host.host) continue;
          report(
            `${waiting.event.player} was refused although ${host.host} had a free slot`,
            last,
            waiting.event,
            event,
          );
        }
      },
    },
  };
};
