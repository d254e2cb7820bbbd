import type { SessionLimits } from '@duskline/protocol';
import type { HostLimitKind } from '@duskline/protocol/vocabulary';

/** How close a session is to a limit, as reported to the player. */
export interface LimitNotice {
  readonly kind: HostLimitKind;
  /** Milliseconds until the session ends; `null` if the limit is no longer near. */
  readonly endsInMs: number | null;
}

/** The result of a check. */
export interface LimitCheck {
  readonly notices: readonly LimitNotice[];
  /** The limit that ends the session now. */
  readonly reached: HostLimitKind | undefined;
}

interface Limit {
  readonly kind: HostLimitKind;
  readonly lengthMs: number;
  /** How long before the limit to warn, in milliseconds, the earliest warning first. */
  readonly warnings: readonly number[];
  /** How many of the warnings were given. */
  warningsGiven: number;
  /** Whether the broker has received the latest notice. */
  isReported: boolean;
}

/**
 * The limits of one session. No clock and no timer: callers pass `nowMs`.
 *
 * Warnings that are not shorter than their limit are ignored: they would be due as soon as the limit starts, for `idle` after every
 * input.
 */
export class LimitTracker {
  readonly #limits: readonly Limit[];
  readonly #startedAtMs: number;
  #lastActivityAtMs: number;

  /** @param startedAtMs when a client was first admitted */
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

  /** When the next warning or limit is due. `Infinity` without limits. */
  get dueAtMs(): number {
    return Math.min(
      ...this.#limits.map((limit) => this.#endsAtMs(limit) - (limit.warnings[limit.warningsGiven] ?? 0)),
    );
  }

  /** The player was active. Returns a notice if a warning of the idle limit had been given. */
  recordActivity(nowMs: number): LimitNotice | undefined {
    this.#lastActivityAtMs = nowMs;
    const idle = this.#limits.find(({ kind }) => kind === 'idle');
    if (idle === undefined || idle.warningsGiven === 0) return undefined;
    idle.warningsGiven = 0;
    return this.#createNotice(idle, nowMs);
  }

  /** Returns what is due. Of several due warnings, as after a pause of the process, only the last is given. */
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

  /** Records whether the latest notice of this kind was sent to the broker. */
  recordReported(kind: HostLimitKind, isReported: boolean): void {
    for (const limit of this.#limits) if (limit.kind === kind) limit.isReported = isReported;
  }

  /** The notices that the broker has not received, with their current values. */
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
