import type { Drain } from '../../domain/drain.js';

/** Sessions and slots of a place. Slots count on ready, open hosts only. */
export interface Utilisation {
  readonly sessions: number;
  readonly slots: number;
}

/** What a look at one place finds. */
export interface PoolOverview {
  readonly utilisation: Utilisation;
  /** How many hosts the place has, and how many placements stand in its queue. */
  readonly hosts: number;
  readonly waiting: number;
  /** Whether mail or letters wait here for the broker that looks. */
  readonly hasInboxItems: boolean;
}

/** What a look at a region finds. */
export interface RegionOverview {
  /** As `listDrains` gives them. */
  readonly drains: readonly Drain[];
  /** In the order of the question. */
  readonly regionPools: readonly PoolOverview[];
}

/**
 * Steps of a sweep, by what they see to: `sessions` that expire (and what became free for those who wait), `records` of
 * ended ones and mail to forget, `offers` that nobody accepted, places in the `queue` that nobody attends, hosts that
 * are `silent`.
 */
export const SWEEP_STEPS = ['sessions', 'records', 'offers', 'queue', 'silent'] as const;
export type SweepStep = (typeof SWEEP_STEPS)[number];

/** After how many milliseconds something is due that has no time of its own. */
export interface SweepLimits {
  /** As in `findSilent`. */
  readonly silentForMs: number;
  /** As in `expireQueue`. */
  readonly queueGraceMs: number;
}

/**
 * What brokers ask all the time, a region at a time: most of it nearly always finds nothing, and a call for each place and
 * question would be most of what an idle broker does.
 */
export interface RegionOverviewStore {
  /** Looks at a region's drains and at those of its places that are in these pools. Changes nothing. */
  getRegionOverview(region: string, pools: readonly string[], brokerId: string): Promise<RegionOverview>;
  /**
   * Which steps of a sweep may have something to do, by place, in the order of the pools. Leaves out none that has; one
   * that is named may still find nothing. Measures how fast slots become free, so that it is to be called every few
   * seconds.
   */
  findDueSweeps(
    region: string,
    pools: readonly string[],
    times: SweepLimits,
  ): Promise<readonly (readonly SweepStep[])[]>;
}
