import type { HostLimitKind } from '@duskline/protocol/vocabulary';
import type { HostClock } from '../runtime/clock.js';
import { LimitTracker, type LimitNotice } from './limit-tracker.js';
import type { SessionRecord } from '../sessions/session-record.js';
import { isHeld } from '../sessions/session-transitions.js';

/** The longest that a Node timer waits; a longer one would fire at once. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** What the enforcer needs from the host, and tells it. */
export interface LimitEnforcerPort {
  records(): readonly SessionRecord[];
  /** Tells the broker; false when that has to wait. */
  sendNotice(record: SessionRecord, notice: LimitNotice): boolean;
  /** Tells the application. */
  emitNotice(record: SessionRecord, notice: LimitNotice): void;
  /** Ends the session. */
  endSession(record: SessionRecord, kind: HostLimitKind): void;
}

/**
 * Holds every session of a host to its limits, with one timer for all of them, set to what is due first.
 * Needs no broker: what could not be told is told after the next registration.
 */
export class LimitEnforcer {
  readonly #clock: HostClock;
  readonly #port: LimitEnforcerPort;
  readonly #trackers = new WeakMap<SessionRecord, LimitTracker>();
  #cancelTimer: () => void = () => undefined;
  #nextCheckAtMs = Infinity;
  #stopped = false;

  constructor(clock: HostClock, port: LimitEnforcerPort) {
    this.#clock = clock;
    this.#port = port;
  }

  /**
   * To be called when a session may have got limits. Activity needs no call: it only moves a limit away, and a
   * timer that comes too early finds nothing due. So a player's every touch costs no more than noting the time.
   */
  scheduleCheck(): void {
    if (this.#stopped) return;
    const dueAtMs = Math.min(...this.#trackedSessions().map(({ tracker }) => tracker.dueAtMs));
    if (dueAtMs >= this.#nextCheckAtMs || dueAtMs === Infinity) return;
    this.#cancelTimer();
    this.#nextCheckAtMs = dueAtMs;
    const delayMs = Math.max(0, dueAtMs - this.#clock.monotonicMs());
    this.#cancelTimer = this.#clock.setTimer(() => this.#checkLimits(), Math.min(MAX_TIMER_MS, delayMs));
  }

  /** The player of a session did something. */
  recordActivity(record: SessionRecord): void {
    if (!isHeld(record.state)) return;
    const notice = this.#trackerOf(record)?.recordActivity(this.#clock.monotonicMs());
    if (notice !== undefined) this.#deliverNotice(record, notice);
  }

  /** Tells the broker what it missed, as it is by now. */
  resendNotices(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const { record, tracker } of this.#trackedSessions()) {
      for (const notice of tracker.unreportedNotices(nowMs)) {
        tracker.recordReported(notice.kind, this.#port.sendNotice(record, notice));
      }
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
  }

  #checkLimits(): void {
    this.#nextCheckAtMs = Infinity;
    const nowMs = this.#clock.monotonicMs();
    for (const { record, tracker } of this.#trackedSessions()) {
      // A listener that hears of one session may end another.
      if (!isHeld(record.state)) continue;
      const { notices, reached } = tracker.checkLimits(nowMs);
      if (reached !== undefined) this.#port.endSession(record, reached);
      for (const notice of notices) this.#deliverNotice(record, notice);
    }
    this.scheduleCheck();
  }

  #deliverNotice(record: SessionRecord, notice: LimitNotice): void {
    this.#trackerOf(record)?.recordReported(notice.kind, this.#port.sendNotice(record, notice));
    this.#port.emitNotice(record, notice);
  }

  #trackedSessions(): { readonly record: SessionRecord; readonly tracker: LimitTracker }[] {
    return this.#port.records().flatMap((record) => {
      const tracker = isHeld(record.state) ? this.#trackerOf(record) : undefined;
      return tracker === undefined ? [] : [{ record, tracker }];
    });
  }

  /** `undefined` until the session has limits and its client has shown the ticket. */
  #trackerOf(record: SessionRecord): LimitTracker | undefined {
    const { limits, admittedAtMs } = record;
    if (limits === undefined || admittedAtMs === undefined) return undefined;
    let tracker = this.#trackers.get(record);
    if (tracker === undefined) {
      tracker = new LimitTracker(limits, admittedAtMs);
      this.#trackers.set(record, tracker);
    }
    return tracker;
  }
}
