import { regionPoolName, type RegionPool } from '../../catalog.js';
import { DEFAULT_REBALANCE_LIMITS, type RebalanceLimits } from './rebalance-limits.js';

/** A host as one string, for maps. Host ids are unique in their place only. */
export function hostKey(place: RegionPool, hostId: string): string {
  return `${regionPoolName(place)}/${hostId}`;
}

/** What a host reported last. */
export interface HostLoadReport {
  readonly hostId: string;
  readonly place: RegionPool;
  /** Share of the host, as `load` in the picture. */
  readonly congestion: number;
  /** When it reported, by the store's clock. */
  readonly beatAtMs: number;
}

/** What is remembered of a host that is warm: the others need no memory. */
interface HostHeat {
  readonly beatAtMs: number;
  /** Heartbeats in a row above the threshold. */
  readonly beatsAbove: number;
  readonly hot: boolean;
}

/** Warm and hot hosts, by host key. */
export type HotHosts = ReadonlyMap<string, HostHeat>;

export const NO_HOT_HOSTS: HotHosts = new Map();

/**
 * Counts heartbeats: hot after `hotBeats` in a row above `hotAbove`, until one below `coolBelow`. Looks come more often
 * than heartbeats do: the same heartbeat seen again counts for nothing.
 *
 * @param beats of the whole fleet: a host that is not among them is forgotten
 */
export function trackHotHosts(
  previous: HotHosts,
  beats: Iterable<HostLoadReport>,
  limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS,
): HotHosts {
  const next = new Map<string, HostHeat>();
  for (const { hostId, place, congestion, beatAtMs } of beats) {
    const above = congestion > limits.hotAbove;
    // Most hosts are cool and stay so: they cost one comparison unless somebody is warm at all.
    if (!above && previous.size === 0) continue;
    const key = hostKey(place, hostId);
    const before = previous.get(key);
    if (before?.beatAtMs === beatAtMs) {
      next.set(key, before);
      continue;
    }
    const beatsAbove = above ? (before?.beatsAbove ?? 0) + 1 : 0;
    const staysHot = before?.hot === true && congestion >= limits.coolBelow;
    const hot = staysHot || beatsAbove >= limits.hotBeats;
    if (hot || beatsAbove > 0) next.set(key, { beatAtMs, beatsAbove, hot });
  }
  return next;
}

export function isHot(hosts: HotHosts, place: RegionPool, hostId: string): boolean {
  return hosts.get(hostKey(place, hostId))?.hot === true;
}
