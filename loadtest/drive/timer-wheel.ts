/** Something that is due; `cancel` makes it never happen. */
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
 * All timers of a process in one wheel: a hundred thousand of them cost one timer of the platform, and setting or
 * cancelling one costs the same however many there are. No clock of its own: `advance` moves it.
 */
export class TimerWheel {
  readonly #tickMs: number;
  readonly #slots: Entry[][] = Array.from({ length: SLOTS }, () => []);
  /** Everything up to this tick was run; during `advance`, the one that is being run. */
  #tick: number;
  #running = false;
  #size = 0;

  /** @param nowMs the wheel begins there */
  constructor(nowMs: number, tickMs = 1) {
    this.#tickMs = tickMs;
    this.#tick = Math.floor(nowMs / tickMs);
  }

  /** How many are due at some time. */
  get size(): number {
    return this.#size;
  }

  /** Runs at that moment or right after it, never before; what is overdue runs with the next `advance`. */
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

  /** Runs what is due by then, in the order of ticks. What that sets for the same time runs with it. */
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
    // It may grow meanwhile, and the loop takes in what it grows by.
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
