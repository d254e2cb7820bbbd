import type { ServerClock } from '@duskline/server/runtime/runtime.js';
import { systemClock } from '@duskline/server/runtime/system-runtime.js';
import { nextTurn } from './event-loop.js';

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A clock that only a test moves. */
export class ManualClock implements ServerClock {
  /** In the order in which they were set. */
  readonly #timers = new Set<Timer>();
  #turns: (() => void)[] = [];
  #nowMs = 1_000_000;
  #sleptMs = 0;

  /** Number of timers that are set and have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Date.UTC(2030, 0, 1) + this.#sleptMs + this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  setBackgroundTimer(callback: () => void, delayMs: number): () => void {
    return this.setTimer(callback, delayMs);
  }

  /** The next turn is the next call of `settle` or `elapse`. */
  runNextTurn(callback: () => void): void {
    this.#turns.push(callback);
  }

  runAfterCallbacks(callback: () => void): void {
    process.nextTick(callback);
  }

  /** Moves the time forward, and fires the timers that become due, in order. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while (this.#fireNext(untilMs));
    this.#nowMs = untilMs;
  }

  /**
   * Moves the time forward as `advance` does, for code that also waits for promises and turns of the event loop: before the first
   * timer and after each one, all that waits for no timer runs.
   */
  async elapse(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await this.settle();
    while (this.#fireNext(untilMs)) await this.settle();
    this.#nowMs = untilMs;
  }

  /** Runs what waits for promises and turns of the event loop, until everything waits for a timer. */
  async settle(): Promise<void> {
    do {
      const turn = this.#turns;
      this.#turns = [];
      for (const callback of turn) callback();
      await nextTurn();
    } while (this.#turns.length > 0);
  }

  /** Moves the time forward as a sleep of the device or a pause of the process does: timers that become due fire late. */
  sleep(ms: number): void {
    this.#nowMs += ms;
    this.advance(0);
  }

  /**
   * Moves only the wall clock: it was set, or the device has slept and the monotonic clock and the timers have stood still
   * meanwhile.
   */
  jump(ms: number): void {
    this.#sleptMs += ms;
  }

  /** Fires the earliest timer that is due by then, of those due at the same time the one that was set first. */
  #fireNext(untilMs: number): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers)
      if (timer.atMs <= untilMs && (next === undefined || timer.atMs < next.atMs)) next = timer;
    if (next === undefined) return false;
    this.#timers.delete(next);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.callback();
    return true;
  }
}

/** The time of a manual clock, with the timers and turns of this process: for code that also waits for real servers or peers. */
export function withSystemTimers(clock: ManualClock): ServerClock {
  return { ...systemClock, monotonicMs: () => clock.monotonicMs(), wallMs: () => clock.wallMs() };
}
