import { regionPoolName, type RegionPool } from '../../catalog.js';
import type { StoreMs } from '../../store-time.js';
import { DEFAULT_REBALANCE_LIMITS, type RebalanceLimits } from './rebalance-limits.js';

/** Key of a host in maps: `<region>/<pool>/<hostId>`. Host ids are unique only within their region pool. */
export function hostKey(regionPool: RegionPool, hostId: string): string {
  return `${regionPoolName(regionPool)}/${hostId}`;
}

/** A host of the region that is judged, as of its last heartbeat. */
export interface HostReport {
  readonly pool: string;
  readonly hostId: string;
  /**
   * The load that the host measured, as a share of the host. Neither taken slots nor the expected load of new sessions are part
   * of it: a full host is not hot, and what is only expected may not happen.
   */
  readonly measuredLoad: number;
  readonly heartbeatAtMs: StoreMs;
  /** Whether the store excludes it from new sessions because an earlier round judged it hot. */
  readonly isExcluded: boolean;
}

/** Kept for hot hosts and for hosts above the threshold. Other hosts need no entry. */
interface HostHeat {
  readonly heartbeatAtMs: StoreMs;
  /** Heartbeats in a row above the threshold. */
  readonly heartbeatsAbove: number;
  readonly hot: boolean;
}

/**
 * The hosts of one region that are hot or may become hot, by `<pool>/<hostId>`. Each region has its own: one of another region
 * cannot be looked up here.
 */
export type HotHosts = ReadonlyMap<string, HostHeat>;

export const NO_HOT_HOSTS: HotHosts = new Map();

/** Excludes a hot host of the judged region from new sessions, or includes it again. */
export interface HostExclusion {
  readonly kind: 'exclude' | 'include';
  readonly pool: string;
  readonly hostId: string;
}

/**
 * Decides which hosts of a region are hot, with hysteresis: a host becomes hot after `hotHeartbeats` heartbeats in a row above
 * `hotAbove`, and stays hot until one below `coolBelow`. A heartbeat that was counted before is not counted again, since
 * rounds may be more frequent than heartbeats. A host that is excluded in the store counts as hot before, so that the broker
 * that takes the region over continues where the last one stopped.
 *
 * @param reports one for each host of the region; hosts without a report are forgotten
 */
export function trackHotHosts(
  previous: HotHosts,
  reports: Iterable<HostReport>,
  limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS,
): HotHosts {
  const next = new Map<string, HostHeat>();
  for (const { pool, hostId, measuredLoad, heartbeatAtMs, isExcluded } of reports) {
    const isAbove = measuredLoad > limits.hotAbove;
    // Most hosts are cool: no key is built for them unless some host has an entry.
    if (!isAbove && !isExcluded && previous.size === 0) continue;
    const key = keyInRegion(pool, hostId);
    const before = previous.get(key);
    if (before?.heartbeatAtMs === heartbeatAtMs) {
      next.set(key, before);
      continue;
    }
    const heartbeatsAbove = isAbove ? (before?.heartbeatsAbove ?? 0) + 1 : 0;
    const staysHot = (before?.hot === true || isExcluded) && measuredLoad >= limits.coolBelow;
    const hot = staysHot || heartbeatsAbove >= limits.hotHeartbeats;
    if (hot || heartbeatsAbove > 0) next.set(key, { heartbeatAtMs, heartbeatsAbove, hot });
  }
  return next;
}

export function isHot(hosts: HotHosts, pool: string, hostId: string): boolean {
  return hosts.get(keyInRegion(pool, hostId))?.hot === true;
}

/** The hosts whose exclusion in the store does not match whether they are hot. */
export function findExclusionChanges(hosts: HotHosts, reports: Iterable<HostReport>): HostExclusion[] {
  const changes: HostExclusion[] = [];
  for (const { pool, hostId, isExcluded } of reports) {
    const hot = hosts.size > 0 && isHot(hosts, pool, hostId);
    if (hot !== isExcluded) changes.push({ kind: hot ? 'exclude' : 'include', pool, hostId });
  }
  return changes;
}

function keyInRegion(pool: string, hostId: string): string {
  return `${pool}/${hostId}`;
}
