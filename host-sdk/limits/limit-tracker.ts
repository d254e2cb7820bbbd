import type { SessionLimits } from '@duskline/protocol';
import type { HostLimitKind } from '@duskline/protocol/vocabulary';

/** How near one limit is, as the player is told. */
export interface LimitNotice {
  readonly kind: HostLimitKind;
  /** Until the session ends; `null` when the limit no longer threatens. */
  readonly endsInMs: number | null;
}

/** What a look at the clock found. */
export interface LimitCheck {
  readonly notices: readonly LimitNotice[];
  /** The limit that ends the session now. */
  readonly reached: HostLimitKind | undefined;
}

interface Limit {
  readonly kind: HostLimitKind;
  readonly lengthMs: number;
  /** How long ahead is warned, the earliest warning first. */
  readonly warnings: readonly number[];
  /** How many of the warnings are behind us. */
  warningsGiven: number;
  /** Whether the broker was told the latest notice. */
  isReported: boolean;
}

/**
 * The limits of one session. No clock and no timer: `nowMs` comes in with each call.
 *
 * A warning that is no shorter than its limit is left out: it would come with the limit's very beginning,
 * for `idle` after each and every thing the player does.
 */
export class LimitTracker {
  readonly #limits: readonly Limit[];
  readonly #startedAtMs: number;
  #lastActivityAtMs: number;

  /** @param startedAtMs when its client first showed its ticket */
  constructor({ idleMs, maxLengthMs, warnBeforeMs }: SessionLimits, startedAtMs: number) {
    this.#startedAtMs = startedAtMs;
    this.#lastActivityAtMs = startedAtMs;
    const createLimit = (kind: HostLimitKind, lengthMs: number | undefined): Limit[] => {
      if (lengthMs === undefined) return [];
      const warnings = warnBeforeMs.filter((aheadMs) => aheadMs > 0 && aheadMs < lengthMs);
      return [
        { kind, lengthMs, warnings: warnings.sort((a, b) => b - a), warningsGiven: 0, isReported: true },
      ];
    };
    this.#limits = [...createLimit('idle', idleMs), ...createLimit('max_length', maxLengthMs)];
  }

  /** When the next thing is due: a warning, or the end. `Infinity` without limits. */
  get dueAtMs(): number {
    return Math.min(
      ...this.#limits.map((limit) => this.#endsAtMs(limit) - (limit.warnings[limit.warningsGiven] ?? 0)),
    );
  }

  /** The player did something. Answers with what to tell, when the idle limit was warned of. */
  recordActivity(nowMs: number): LimitNotice | undefined {
    this.#lastActivityAtMs = nowMs;
    const idle = this.#limits.find(({ kind }) => kind === 'idle');
    if (idle === undefined || idle.warningsGiven === 0) return undefined;
    idle.warningsGiven = 0;
    return this.#createNotice(idle, nowMs);
  }

  /** What is due by now. Of warnings that are due together, as after a pause, only the last is given. */
  checkLimits(nowMs: number): LimitCheck {
    const [first] = [...this.#limits].sort((a, b) => this.#endsAtMs(a) - this.#endsAtMs(b));
    if (first !== undefined && nowMs >= this.#endsAtMs(first)) return { notices: [], reached: first.kind };
    const notices: LimitNotice[] = [];
    for (const limit of this.#limits) {
      const leftMs = this.#endsAtMs(limit) - nowMs;
      const passed = limit.warnings.filter((aheadMs) => leftMs <= aheadMs).length;
      if (passed <= limit.warningsGiven) continue;
      limit.warningsGiven = passed;
      notices.push(this.#createNotice(limit, nowMs));
    }
    return { notices, reached: undefined };
  }

  /** Notes whether the latest notice of that kind reached the broker. */
  recordReported(kind: HostLimitKind, isReported: boolean): void {
    for (const limit of this.#limits) if (limit.kind === kind) limit.isReported = isReported;
  }

  /** What the broker has not been told, as it is now. */
  unreportedNotices(nowMs: number): LimitNotice[] {
    return this.#limits
      .filter(({ isReported }) => !isReported)
      .map((limit) => this.#createNotice(limit, nowMs));
  }

  #createNotice(limit: Limit, nowMs: number): LimitNotice {
    const leftMs = Math.max(0, Math.round(this.#endsAtMs(limit) - nowMs));
    return { kind: limit.kind, endsInMs: limit.warningsGiven === 0 ? null : leftMs };
  }

  #endsAtMs({ kind, lengthMs }: Limit): number {
    return (kind === 'idle' ? this.#lastActivityAtMs : this.#startedAtMs) + lengthMs;
  }
}
