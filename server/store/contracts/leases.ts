/**
 * The steps of a sweep:
 * - `sessions`: sessions that expire, and free slots for entries that wait.
 * - `records`: records of ended sessions, and inboxes, to delete.
 * - `offers`: offers that were not accepted in time.
 * - `queue`: waiting entries for which no broker has polled for too long.
 * - `silent`: silent hosts.
 */
export const SWEEP_STEPS = ['sessions', 'records', 'offers', 'queue', 'silent'] as const;
export type SweepStep = (typeof SWEEP_STEPS)[number];

/** How long a host may be silent, or an entry unattended, before a sweep is due. */
export interface SweepLimits {
  /** As in `findSilentHosts`. */
  readonly silentForMs: number;
  /** `graceMs` of `expireUnattendedEntries`. */
  readonly queueGraceMs: number;
}

/** Which broker sweeps a region, and what there is to sweep. Errors: see `FleetStore`. */
export interface LeaseStore {
  /** Takes or renews a region's lease. Another holder gets it only after it expired or was released. */
  acquireLease(region: string, holder: string, ttlMs: number): Promise<boolean>;
  /** Gives the lease up if `holder` has it. */
  releaseLease(region: string, holder: string): Promise<void>;
  /**
   * The steps of a sweep that may have something to do, for each region pool in the order of `pools`. No step with work is
   * left out; a step that is named may still find nothing. Also measures how fast slots become free, so that it has to be
   * called every few seconds.
   */
  findDueSweeps(
    region: string,
    pools: readonly string[],
    limits: SweepLimits,
  ): Promise<readonly (readonly SweepStep[])[]>;
}
