/**
 * How long a round may take before the loop goes on without it. Far longer than any that ends: every call to the store
 * and to the planner has a time limit of seconds, so only a fault of ours lets one last.
 */
const ROUND_TIMEOUT_MS = 30_000;

/** Work that comes again and again. */
export interface Loop {
  start(): void;
  /** The next round begins at once, or as soon as the one under way is over. */
  runSoon(): void;
  /** Resolves when the round under way is over. */
  stop(): Promise<void>;
}

export interface LoopOptions {
  readonly intervalMs: number;
  /** Has to bear that an earlier one, which was given up, is still at work. */
  readonly round: () => Promise<void>;
  readonly onFailed: (error: unknown) => void;
  /** Hears of a round that is given up. */
  readonly onOverdue: () => void;
  readonly roundTimeoutMs?: number;
}

/**
 * Runs `round` every `intervalMs`, the first time at once, and not twice at a time. It never stops by itself: not on an
 * error, and not on a round that does not end, or whatever it sees to would never be seen to again.
 */
export function createLoop({
  intervalMs,
  round,
  onFailed,
  onOverdue,
  roundTimeoutMs = ROUND_TIMEOUT_MS,
}: LoopOptions): Loop {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let runAgainSoon = false;
  let current: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    const startedAtMs = performance.now();
    let overdue: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      overdue = setTimeout(() => {
        onOverdue();
        resolve();
      }, roundTimeoutMs);
    });
    await Promise.race([round().catch(onFailed), patience]);
    clearTimeout(overdue);
    if (stopped) return;
    const restMs = runAgainSoon ? 0 : Math.max(0, intervalMs - (performance.now() - startedAtMs));
    runAgainSoon = false;
    timer = setTimeout(next, restMs);
  }

  function next(): void {
    timer = undefined;
    current = run();
  }

  return {
    start: next,
    runSoon() {
      if (timer === undefined) runAgainSoon = true;
      else {
        clearTimeout(timer);
        next();
      }
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await current;
    },
  };
}
