import type { Clock } from '@duskline/sdk-runtime';

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A clock that only a test moves. */
export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  #nowMs = 1_000_000;
  #sleptMs = 0;

  /** Number of timers that are set and have not fired. A closed client or host must have none. */
  get pending(): number {
    return this.#timers.size;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** The same, by the name that the broker's clocks have. */
  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Date.UTC(2030, 0, 1) + this.#sleptMs + this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves the time forward, and fires the timers that become due, in order. */
  advance(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs;
    for (;;) {
      const [next] = [...this.#timers]
        .filter((timer) => timer.atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = untilMs;
  }

  /**
   * Moves the time forward as a sleep of the device or a pause of the process does: the timers that
   * become due fire afterwards, late.
   */
  sleep(durationMs: number): void {
    this.#nowMs += durationMs;
    this.advance(0);
  }

  /** Moves only the wall clock, as a sleep of the device does where timers and the monotonic clock stand still meanwhile. */
  jump(durationMs: number): void {
    this.#sleptMs += durationMs;
  }
}
