import { msBetween, type StoreMs } from '../../domain/store-time.js';
import { regionPoolName, type Catalog, type RegionPool } from '../../domain/catalog.js';
import { acceptableAfterMs } from '../../domain/ranking.js';
import type { RegionPoolOption, WaitingPlayer } from '../../domain/rebalance/snapshot/fleet-snapshot.js';
import type { QueuedEntry } from '../../store/contracts/queue.js';
import { decodeReach } from '../sessions/match-details.js';
import type { RegionPoolQueue } from './read-fleet.js';
import { regionPoolIn } from './session-snapshot.js';

/**
 * The players of these queues, each once, with every region pool that their latency policies accept after the time that they
 * have waited.
 */
export function toWaitingPlayers(
  catalog: Catalog,
  queues: readonly RegionPoolQueue[],
  nowMs: StoreMs,
): readonly WaitingPlayer[] {
  const optionsOf = new Map<string, Map<string, RegionPoolOption>>();
  for (const { regionPool, requests } of queues) {
    for (const request of requests) {
      const options = optionsOf.get(request.sessionId) ?? new Map<string, RegionPoolOption>();
      optionsOf.set(request.sessionId, options);
      for (const option of findOptions(catalog, regionPool, request, nowMs)) {
        options.set(regionPoolName(option.regionPool), option);
      }
    }
  }
  return [...optionsOf].map(([sessionId, options]) => ({ sessionId, options: [...options.values()] }));
}

function findOptions(
  catalog: Catalog,
  { region, pool }: RegionPool,
  { arrivedAtMs, meta }: QueuedEntry,
  nowMs: StoreMs,
): RegionPoolOption[] {
  const { reach = {}, rttMs } = decodeReach(meta.match);
  const policy = catalog.titles.get(meta.title)?.latencyPolicy ?? [];
  const others = Object.entries(reach).flatMap(([other, otherRttMs]) => {
    const afterMs = acceptableAfterMs(policy, otherRttMs);
    const isAcceptable = afterMs !== undefined && afterMs <= msBetween(arrivedAtMs, nowMs);
    return other !== region && isAcceptable
      ? [{ regionPool: regionPoolIn(catalog, other, pool), rttMs: otherRttMs }]
      : [];
  });
  return [{ regionPool: regionPoolIn(catalog, region, pool), rttMs }, ...others];
}
