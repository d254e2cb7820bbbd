import type { SessionLimits } from '@duskline/protocol';
import type { HostLimitKind } from '@duskline/protocol/vocabulary';

/** How close a session is to a limit, as reported to the player. */
export interface LimitNotice {
  readonly kind: HostLimitKind;
  /** Milliseconds until the session ends; `null` if the limit is no longer near. */
  readonly endsInMs: number | null;
}

interface Limit {
  readonly kind: HostLimitKind;
  readonly lengthMs: number;
  /** How long before the limit to warn, in milliseconds, the earliest warning first. */
  readonly warnings: readonly number[];
  /** How many of the warnings were given. */
  readonly warningsGiven: number;
  /** Whether the broker has received the latest notice, as far as the host knows. */
  readonly isReported: boolean;
}

/** The limits of one session, and the notices that its player got. Immutable: the functions below return the next value. */
export interface LimitTracker {
  readonly limits: readonly Limit[];
  readonly startedAtMs: number;
  readonly lastActivityAtMs: number;
}

/** The next value, and the notices that follow from the step. */
export interface LimitStep {
  readonly tracker: LimitTracker;
  readonly notices: readonly LimitNotice[];
}

/** The result of a check. */
export interface LimitCheck extends LimitStep {
  /** The limit that ends the session now. */
  readonly reached: HostLimitKind | undefined;
}

/**
 * Starts the limits of a session. Warnings that are not shorter than their limit are ignored: they would be due as soon as the limit
 * starts, for `idle` after every input.
 *
 * @param startedAtMs when a client was first admitted
 */
export function startLimits(
  { idleMs, maxLengthMs, warnBeforeMs }: SessionLimits,
  startedAtMs: number,
): LimitTracker {
  const createLimit = (kind: HostLimitKind, lengthMs: number | undefined): Limit[] => {
    if (lengthMs === undefined) return [];
    const warnings = warnBeforeMs.filter((aheadMs) => aheadMs > 0 && aheadMs < lengthMs);
    return [{ kind, lengthMs, warnings: warnings.sort((a, b) => b - a), warningsGiven: 0, isReported: true }];
  };
  return {
    limits: [...createLimit('idle', idleMs), ...createLimit('max_length', maxLengthMs)],
    startedAtMs,
    lastActivityAtMs: startedAtMs,
  };
}

/** When the next warning or limit is due. `Infinity` without limits. */
export function limitsDueAtMs(tracker: LimitTracker): number {
  return Math.min(
    ...tracker.limits.map((limit) => endsAtMs(tracker, limit) - (limit.warnings[limit.warningsGiven] ?? 0)),
  );
}

/** The player was active. There is a notice if a warning of the idle limit had been given. */
export function recordActivity(tracker: LimitTracker, nowMs: number): LimitStep {
  const active = { ...tracker, lastActivityAtMs: nowMs };
  const idle = tracker.limits.find(({ kind }) => kind === 'idle');
  if (idle === undefined || idle.warningsGiven === 0) return { tracker: active, notices: [] };
  const reset = { ...idle, warningsGiven: 0, isReported: true };
  return { tracker: replaceLimit(active, reset), notices: [createNotice(active, reset, nowMs)] };
}

/** Returns what is due. Of several due warnings, as after a pause of the process, only the last is given. */
export function checkLimits(tracker: LimitTracker, nowMs: number): LimitCheck {
  const [first] = [...tracker.limits].sort((a, b) => endsAtMs(tracker, a) - endsAtMs(tracker, b));
  if (first !== undefined && nowMs >= endsAtMs(tracker, first)) {
    return { tracker, notices: [], reached: first.kind };
  }
  const notices: LimitNotice[] = [];
  const limits = tracker.limits.map((limit) => {
    const leftMs = endsAtMs(tracker, limit) - nowMs;
    const passed = limit.warnings.filter((aheadMs) => leftMs <= aheadMs).length;
    if (passed <= limit.warningsGiven) return limit;
    const warned = { ...limit, warningsGiven: passed, isReported: true };
    notices.push(createNotice(tracker, warned, nowMs));
    return warned;
  });
  return { tracker: { ...tracker, limits }, notices, reached: undefined };
}

/** The latest notice of this kind could not be sent to the broker. */
export function recordUnsentNotice(tracker: LimitTracker, kind: HostLimitKind): LimitTracker {
  const limit = tracker.limits.find((each) => each.kind === kind);
  return limit === undefined ? tracker : replaceLimit(tracker, { ...limit, isReported: false });
}

/** The notices that could not be sent, with their current values. From now on they count as sent. */
export function collectUnsentNotices(tracker: LimitTracker, nowMs: number): LimitStep {
  const unsent = tracker.limits.filter(({ isReported }) => !isReported);
  if (unsent.length === 0) return { tracker, notices: [] };
  return {
    tracker: { ...tracker, limits: tracker.limits.map((limit) => ({ ...limit, isReported: true })) },
    notices: unsent.map((limit) => createNotice(tracker, limit, nowMs)),
  };
}

function replaceLimit(tracker: LimitTracker, changed: Limit): LimitTracker {
  return {
    ...tracker,
    limits: tracker.limits.map((limit) => (limit.kind === changed.kind ? changed : limit)),
  };
}

function createNotice(tracker: LimitTracker, limit: Limit, nowMs: number): LimitNotice {
  const leftMs = Math.max(0, Math.round(endsAtMs(tracker, limit) - nowMs));
  return { kind: limit.kind, endsInMs: limit.warningsGiven === 0 ? null : leftMs };
}

function endsAtMs(tracker: LimitTracker, { kind, lengthMs }: Limit): number {
  return (kind === 'idle' ? tracker.lastActivityAtMs : tracker.startedAtMs) + lengthMs;
}
