import type { ServerClock } from '../../runtime/runtime.js';

/**
 * A loop starts its next round when the current one has taken this long. Calls to the store and to the rebalancer have time
 * limits of seconds, so only a round that hangs because of a bug takes this long.
 */
const ROUND_TIMEOUT_MS = 30_000;

/** Work that is repeated at an interval. */
export interface Loop {
  start(): void;
  /** Starts the next round at once, or as soon as the current one is over. */
  runSoon(): void;
  /** Resolves when the current round is over. */
  stop(): Promise<void>;
}

export interface LoopOptions {
  readonly intervalMs: number;
  /** May be called while an earlier, overdue round still runs. */
  readonly round: () => Promise<void>;
  readonly onFailed: (error: unknown) => void;
  /** Called when a round has taken `roundTimeoutMs`, and the loop stops waiting for it. */
  readonly onOverdue: () => void;
  readonly roundTimeoutMs?: number;
  readonly clock: Pick<ServerClock, 'monotonicMs' | 'setTimer'>;
}

/**
 * Runs `round` every `intervalMs`, the first time at once, one round at a time. Neither an error nor a round that hangs
 * stops the loop: its work has to go on.
 */
export function createLoop({
  intervalMs,
  round,
  onFailed,
  onOverdue,
  roundTimeoutMs = ROUND_TIMEOUT_MS,
  clock,
}: LoopOptions): Loop {
  /** While the loop waits for its next round. */
  let cancelTimer: (() => void) | undefined;
  let stopped = false;
  let runAgainSoon = false;
  let current: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    const startedAtMs = clock.monotonicMs();
    let cancelTimeout: (() => void) | undefined;
    const timeout = new Promise<void>((resolve) => {
      cancelTimeout = clock.setTimer(() => {
        onOverdue();
        resolve();
      }, roundTimeoutMs);
    });
    await Promise.race([round().catch(onFailed), timeout]);
    cancelTimeout?.();
    if (stopped) return;
    const restMs = runAgainSoon ? 0 : Math.max(0, intervalMs - (clock.monotonicMs() - startedAtMs));
    runAgainSoon = false;
    cancelTimer = clock.setTimer(next, restMs);
  }

  function next(): void {
    cancelTimer = undefined;
    current = run();
  }

  return {
    start: next,
    runSoon() {
      if (cancelTimer === undefined) runAgainSoon = true;
      else {
        cancelTimer();
        next();
      }
    },
    async stop() {
      stopped = true;
      cancelTimer?.();
      await current;
    },
  };
}
