import type { StoreMs } from '../../domain/store-time.js';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import { hostKey, isHot, type HotHosts } from '../../domain/rebalance/limits/hot-hosts.js';
import type { FleetSnapshot, Heat, WaitingPlayer } from '../../domain/rebalance/snapshot/fleet-snapshot.js';
import { withScheduledChains } from '../../domain/rebalance/snapshot/scheduled-chains.js';
import type { HostRecord } from '../../store/fleet-store.js';
import type { LocatedSession } from '../sessions/sessions-on-target.js';
import { groupByHost, sessionIdsOf, toHostSnapshot } from './host-snapshot.js';
import type { RegionPoolHosts } from './read-fleet.js';
import type { RoundRequest } from './rebalancer.js';
import type { SessionSnapshotCache } from './session-snapshot-cache.js';

/** What a round has read of the fleet. */
export interface FleetReading {
  /** Time of the store, in milliseconds since 1970. */
  readonly nowMs: StoreMs;
  readonly hosts: readonly RegionPoolHosts[];
  readonly sessions: readonly LocatedSession[];
  readonly waiting: readonly WaitingPlayer[];
}

/**
 * Builds the snapshot that a round is planned from.
 *
 * @param hot the hot hosts of the round's region
 */
export function toFleetSnapshot(
  { nowMs, hosts, sessions, waiting }: FleetReading,
  request: RoundRequest,
  hot: HotHosts,
  cache: SessionSnapshotCache,
): FleetSnapshot {
  const closed = new Set(request.closedRegionPools);
  const quarantined = new Set(request.quarantinedHosts);
  const excluded = new Set(request.excludedSessions);
  const sessionsOf = groupByHost(sessions, sessionIdsOf(request.scheduledChains));
  const snapshot: FleetSnapshot = {
    nowMs,
    storeIsRecovering: request.storeIsRecovering,
    waiting,
    hosts: hosts.flatMap((inPool) =>
      inPool.hosts.map((host) => {
        const key = hostKey(inPool.regionPool, host.hostId);
        return toHostSnapshot(inPool.regionPool, host, {
          heat: heatOf(host, inPool.regionPool, request.region, hot),
          regionPoolIsOpen: !closed.has(regionPoolName(inPool.regionPool)),
          quarantined: quarantined.has(key),
          sessions: sessionsOf.get(key) ?? [],
        });
      }),
    ),
    sessions: cache.snapshotSessions(sessions, (sessionId) => excluded.has(sessionId)),
  };
  return withScheduledChains(snapshot, request.scheduledChains);
}

/** The rounds of another region judge its hosts. This one reads their result, which is in the store. */
function heatOf(
  { hostId, closures }: HostRecord,
  { region, pool }: RegionPool,
  ownRegion: string,
  hot: HotHosts,
): Heat {
  if (region !== ownRegion) return closures.includes('hot') ? 'excluded' : 'cool';
  return isHot(hot, pool, hostId) ? 'hot' : 'cool';
}
