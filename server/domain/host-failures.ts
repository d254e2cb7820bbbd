import { addMs, msBetween, type StoreMs } from './store-time.js';

/**
 * A host that fails sessions that were placed on it is excluded from placement for a while (back-off), which grows with every
 * failure in a row. Afterwards it gets one session as a trial. The first session that a client claims on the host proves that the
 * host works again, and its failures are forgotten.
 *
 * Without this, a host that can start nothing would win every placement, because it is always the emptiest one (moby/swarmkit#1552).
 */

/**
 * What counts as a failure. A reservation that no client claimed is no evidence by itself: its player may never have come.
 *
 * - `refused`: the host ended a session that was reserved on it, before any client claimed it.
 * - `unanswered`: a reservation expired unclaimed, and the host, which says for which sessions it is ready, was never ready for it.
 */
export const HOST_FAILURE_REASONS = ['refused', 'unanswered'] as const;
export type HostFailureReason = (typeof HOST_FAILURE_REASONS)[number];

/** The failures of a host since the last session that a client claimed there. */
export interface HostFailures {
  /** Failures in a row, 1 or more. */
  readonly count: number;
  /** Of the last failure. */
  readonly reason: HostFailureReason;
  /** The host gets no new session until then. */
  readonly untilMs: StoreMs;
  /**
   * Failures of sessions that were reserved until then are counted already: a host that fails fails all its reserved sessions at
   * once.
   */
  readonly countedUntilMs: StoreMs;
}

/** How long a host is excluded: `firstMs` after one failure, twice as long after each further one, and `maxMs` at most. */
export interface BackOff {
  readonly firstMs: number;
  readonly maxMs: number;
}

export const DEFAULT_BACK_OFF: BackOff = { firstMs: 5_000, maxMs: 300_000 };

/** Failures are forgotten when the back-off has been over for this long and the host got no session meanwhile. */
export const FAILURES_KEPT_MS = 600_000;

/** How long a host is excluded after so many failures in a row. */
export function backOffMs(count: number, { firstMs, maxMs }: BackOff): number {
  return Math.min(firstMs * 2 ** (count - 1), maxMs);
}

/**
 * Whether a host is excluded at that time. A time that is further away than any back-off comes from a clock that was set back
 * since.
 */
export function isLeftOut({ untilMs }: HostFailures, now: StoreMs, { maxMs }: BackOff): boolean {
  return now < untilMs && msBetween(now, untilMs) <= maxMs;
}

/** Whether the failures are too old to count. */
export function areForgotten({ untilMs }: HostFailures, now: StoreMs): boolean {
  return msBetween(untilMs, now) > FAILURES_KEPT_MS;
}

/**
 * The failures of a host after another one, or `null` when it is counted already.
 *
 * @param reservedAtMs when the session was reserved that the host failed
 */
export function addHostFailure(
  before: HostFailures | null,
  reason: HostFailureReason,
  reservedAtMs: StoreMs,
  now: StoreMs,
  backOff: BackOff,
): HostFailures | null {
  const known = before === null || areForgotten(before, now) ? null : before;
  if (known !== null && reservedAtMs <= known.countedUntilMs) return null;
  const count = (known?.count ?? 0) + 1;
  return { count, reason, untilMs: addMs(now, backOffMs(count, backOff)), countedUntilMs: now };
}

/**
 * The failures of a host that gets a session as a trial: the host is excluded again, as long as before, unless a client claims
 * that session. Its failure counts.
 */
export function startTrial(failures: HostFailures, now: StoreMs, backOff: BackOff): HostFailures {
  return {
    ...failures,
    untilMs: addMs(now, backOffMs(failures.count, backOff)),
    countedUntilMs: addMs(now, -1),
  };
}
