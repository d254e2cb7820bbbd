import { regionPoolName, type RegionPool } from '../../catalog.js';
import { DEFAULT_REBALANCE_LIMITS, type RebalanceLimits } from './rebalance-limits.js';

/** Key of a host in maps: `<region>/<pool>/<hostId>`. Host ids are unique only within their region pool. */
export function hostKey(regionPool: RegionPool, hostId: string): string {
  return `${regionPoolName(regionPool)}/${hostId}`;
}

/** The load of a host as of its last heartbeat. */
export interface HostLoadReport {
  readonly hostId: string;
  readonly regionPool: RegionPool;
  /** Share of the host, as `HostSnapshot.load`. */
  readonly load: number;
  /** Time of the heartbeat, in milliseconds since 1970 by the store's clock. */
  readonly heartbeatAtMs: number;
}

/** Kept for hot hosts and for hosts above the threshold. Other hosts need no entry. */
interface HostHeat {
  readonly heartbeatAtMs: number;
  /** Heartbeats in a row above the threshold. */
  readonly heartbeatsAbove: number;
  readonly hot: boolean;
}

/** Hosts that are hot or may become hot, by host key. */
export type HotHosts = ReadonlyMap<string, HostHeat>;

export const NO_HOT_HOSTS: HotHosts = new Map();

/**
 * Decides which hosts are hot, with hysteresis: a host becomes hot after `hotHeartbeats` heartbeats in a row above
 * `hotAbove`, and stays hot until one below `coolBelow`. A heartbeat that was counted before is not counted again, since
 * rounds may be more frequent than heartbeats.
 *
 * @param reports one for each host of the region; hosts without a report are forgotten
 */
export function trackHotHosts(
  previous: HotHosts,
  reports: Iterable<HostLoadReport>,
  limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS,
): HotHosts {
  const next = new Map<string, HostHeat>();
  for (const { hostId, regionPool, load: congestion, heartbeatAtMs } of reports) {
    const above = congestion > limits.hotAbove;
    // Most hosts are below the threshold: no key is built for them unless some host has an entry.
    if (!above && previous.size === 0) continue;
    const key = hostKey(regionPool, hostId);
    const before = previous.get(key);
    if (before?.heartbeatAtMs === heartbeatAtMs) {
      next.set(key, before);
      continue;
    }
    const heartbeatsAbove = above ? (before?.heartbeatsAbove ?? 0) + 1 : 0;
    const staysHot = before?.hot === true && congestion >= limits.coolBelow;
    const hot = staysHot || heartbeatsAbove >= limits.hotHeartbeats;
    if (hot || heartbeatsAbove > 0) next.set(key, { heartbeatAtMs, heartbeatsAbove, hot });
  }
  return next;
}

export function isHot(hosts: HotHosts, regionPool: RegionPool, hostId: string): boolean {
  return hosts.get(hostKey(regionPool, hostId))?.hot === true;
}
