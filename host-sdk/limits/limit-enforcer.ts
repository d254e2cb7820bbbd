import type { Clock } from '@duskline/sdk-runtime';
import type { HostLimitKind } from '@duskline/protocol/vocabulary';
import { LimitTracker, type LimitNotice } from './limit-tracker.js';
import type { SessionRecord } from '../sessions/session-record.js';
import { isHeld } from '../sessions/session-transitions.js';

/** The longest delay of a Node timer. A longer one would fire at once. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** What the enforcer needs from the host. */
export interface LimitEnforcerPort {
  records(): readonly SessionRecord[];
  /** Sends the notice to the broker. Returns whether it was sent. */
  sendNotice(record: SessionRecord, notice: LimitNotice): boolean;
  /** Emits the event `limit`. */
  emitNotice(record: SessionRecord, notice: LimitNotice): void;
  /** Ends the session. */
  endSession(record: SessionRecord, kind: HostLimitKind): void;
}

/**
 * Enforces the limits of all sessions of a host, with one timer that is set to the first deadline. Needs no broker: notices that
 * could not be sent are sent after the next registration.
 */
export class LimitEnforcer {
  readonly #clock: Clock;
  readonly #port: LimitEnforcerPort;
  readonly #trackers = new WeakMap<SessionRecord, LimitTracker>();
  #cancelTimer: () => void = () => undefined;
  #nextCheckAtMs = Infinity;
  #stopped = false;

  constructor(clock: Clock, port: LimitEnforcerPort) {
    this.#clock = clock;
    this.#port = port;
  }

  /**
   * Call this when a session may have got limits. Activity needs no call: it only postpones a deadline, and a check that comes too
   * early finds nothing due. So recording an input is cheap.
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

  /** The player of the session was active. */
  recordActivity(record: SessionRecord): void {
    if (!isHeld(record.state)) return;
    const notice = this.#findTracker(record)?.recordActivity(this.#clock.monotonicMs());
    if (notice !== undefined) this.#deliverNotice(record, notice);
  }

  /** Sends the notices that the broker has not received, with their current values. */
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
      // A listener may have ended this session.
      if (!isHeld(record.state)) continue;
      const { notices, reached } = tracker.checkLimits(nowMs);
      if (reached !== undefined) this.#port.endSession(record, reached);
      for (const notice of notices) this.#deliverNotice(record, notice);
    }
    this.scheduleCheck();
  }

  #deliverNotice(record: SessionRecord, notice: LimitNotice): void {
    this.#findTracker(record)?.recordReported(notice.kind, this.#port.sendNotice(record, notice));
    this.#port.emitNotice(record, notice);
  }

  #trackedSessions(): { readonly record: SessionRecord; readonly tracker: LimitTracker }[] {
    return this.#port.records().flatMap((record) => {
      const tracker = isHeld(record.state) ? this.#findTracker(record) : undefined;
      return tracker === undefined ? [] : [{ record, tracker }];
    });
  }

  /** `undefined` until the session has limits and a client was admitted. */
  #findTracker(record: SessionRecord): LimitTracker | undefined {
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
