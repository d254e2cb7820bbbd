import type { HostLimitKind } from '@duskline/protocol/vocabulary';
import type { HostClock } from './clock.js';
import type { LimitNotice } from './limit-watch.js';
import type { SessionRecord } from './session-table.js';
import { isHeld } from './session-transitions.js';

/** The longest that a Node timer waits; a longer one would fire at once. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** What the keeper needs from the host, and tells it. */
export interface LimitOwner {
  records(): readonly SessionRecord[];
  /** Tells the broker; false when that has to wait. */
  send(record: SessionRecord, notice: LimitNotice): boolean;
  /** Tells the application. */
  announce(record: SessionRecord, notice: LimitNotice): void;
  /** Ends the session. */
  reached(record: SessionRecord, kind: HostLimitKind): void;
}

/**
 * Holds every session of a host to its limits, with one timer for all of them, set to what is due first.
 * Needs no broker: what could not be told is told after the next registration.
 */
export class LimitKeeper {
  readonly #clock: HostClock;
  readonly #owner: LimitOwner;
  #cancelTimer: () => void = () => undefined;
  #armedForMs = Infinity;
  #stopped = false;

  constructor(clock: HostClock, owner: LimitOwner) {
    this.#clock = clock;
    this.#owner = owner;
  }

  /**
   * To be called when a session may have got limits. Activity needs no call: it only moves a limit away, and a
   * timer that comes too early finds nothing due. So a player's every touch costs no more than noting the time.
   */
  arm(): void {
    if (this.#stopped) return;
    const dueAtMs = Math.min(...this.#watched().map(({ watch }) => watch.dueAtMs));
    if (dueAtMs >= this.#armedForMs || dueAtMs === Infinity) return;
    this.#cancelTimer();
    this.#armedForMs = dueAtMs;
    const delayMs = Math.max(0, dueAtMs - this.#clock.monotonicMs());
    this.#cancelTimer = this.#clock.setTimer(() => this.#look(), Math.min(MAX_TIMER_MS, delayMs));
  }

  /** The player of a session did something. */
  active(record: SessionRecord): void {
    if (!isHeld(record.state)) return;
    const notice = record.watch?.active(this.#clock.monotonicMs());
    if (notice !== undefined) this.#tell(record, notice);
  }

  /** Tells the broker what it missed, as it is by now. */
  catchUp(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const { record, watch } of this.#watched()) {
      for (const notice of watch.untold(nowMs)) {
        watch.noteTold(notice.kind, this.#owner.send(record, notice));
      }
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
  }

  #look(): void {
    this.#armedForMs = Infinity;
    const nowMs = this.#clock.monotonicMs();
    for (const { record, watch } of this.#watched()) {
      // A listener that hears of one session may end another.
      if (!isHeld(record.state)) continue;
      const { notices, reached } = watch.look(nowMs);
      if (reached !== undefined) this.#owner.reached(record, reached);
      for (const notice of notices) this.#tell(record, notice);
    }
    this.arm();
  }

  #tell(record: SessionRecord, notice: LimitNotice): void {
    record.watch?.noteTold(notice.kind, this.#owner.send(record, notice));
    this.#owner.announce(record, notice);
  }

  #watched(): { readonly record: SessionRecord; readonly watch: NonNullable<SessionRecord['watch']> }[] {
    return this.#owner.records().flatMap((record) => {
      const { state, watch } = record;
      return watch === undefined || !isHeld(state) ? [] : [{ record, watch }];
    });
  }
}
