export interface Timer {
  cancel(): void;
}

interface Entry extends Timer {
  readonly tick: number;
  run: ((dueMs: number) => void) | undefined;
  readonly dueMs: number;
}

const SLOTS = 4_096;

/**
 * A hashed timer wheel: setting or cancelling a timer takes constant time, and a hundred thousand timers cost one timer of
 * the platform. The wheel has no clock of its own: `advance` moves it.
 */
export class TimerWheel {
  readonly #tickMs: number;
  readonly #slots: Entry[][] = Array.from({ length: SLOTS }, () => []);
  /** The last tick whose timers were run; during `advance`, the tick that is being run. */
  #tick: number;
  #running = false;
  #size = 0;

  /** @param nowMs start of the wheel */
  constructor(nowMs: number, tickMs = 1) {
    this.#tickMs = tickMs;
    this.#tick = Math.floor(nowMs / tickMs);
  }

  /** Number of pending timers. */
  get size(): number {
    return this.#size;
  }

  /** Runs at `dueMs` or up to one tick later, never earlier. An overdue timer runs with the next `advance`. */
  at(dueMs: number, run: (dueMs: number) => void): Timer {
    const earliest = this.#running ? this.#tick : this.#tick + 1;
    const tick = Math.max(earliest, Math.ceil(dueMs / this.#tickMs));
    const entry: Entry = {
      tick,
      dueMs,
      run,
      cancel: () => {
        if (entry.run === undefined) return;
        entry.run = undefined;
        this.#size -= 1;
      },
    };
    this.#size += 1;
    this.#slots[tick % SLOTS]?.push(entry);
    return entry;
  }

  /** Runs all timers that are due by `nowMs`, in the order of ticks, with those that they set for the same time. */
  advance(nowMs: number): void {
    const target = Math.floor(nowMs / this.#tickMs);
    this.#running = true;
    try {
      while (this.#tick < target) {
        this.#tick += 1;
        this.#runTick();
      }
    } finally {
      this.#running = false;
    }
  }

  #runTick(): void {
    const index = this.#tick % SLOTS;
    const slot = this.#slots[index];
    if (slot === undefined || slot.length === 0) return;
    let kept: Entry[] | undefined;
    // Timers may add entries to this slot: the loop visits them, too.
    for (const entry of slot) {
      const { run } = entry;
      if (run === undefined) continue;
      if (entry.tick > this.#tick) {
        (kept ??= []).push(entry);
        continue;
      }
      entry.run = undefined;
      this.#size -= 1;
      run(entry.dueMs);
    }
    this.#slots[index] = kept ?? [];
  }
}
