import type { Clock } from '@duskline/sdk-runtime';

/** A sleep of the device is noticed within this time of its waking, in milliseconds. */
const SLICE_MS = 500;

/** Timers of a busy or throttled page are late by up to a second. A timer that is later than this shows a sleep. */
const MAX_DELAY_MS = 2_000;

export interface WatchedTimerEvents {
  readonly onDue: () => void;
  /** Called instead of `onDue`: the timer was stopped because the device slept, or the process or page was frozen. */
  readonly onGap: () => void;
}

/**
 * A timer that notices when the device slept meanwhile. It waits in slices: many platforms stop timers during a sleep, and the
 * rest of a long one would still have to pass afterwards.
 *
 * @returns a function that cancels the timer
 */
export function setWatchedTimer(
  clock: Clock,
  delayMs: number,
  { onDue, onGap }: WatchedTimerEvents,
): () => void {
  const sliceMs = Math.min(delayMs, SLICE_MS);
  // The wall clock, because the monotonic one of some platforms stands still during a sleep.
  const dueAtMs = clock.wallMs() + sliceMs;
  let cancel = clock.setTimer(() => {
    if (clock.wallMs() - dueAtMs > MAX_DELAY_MS) onGap();
    else if (sliceMs < delayMs) cancel = setWatchedTimer(clock, delayMs - sliceMs, { onDue, onGap });
    else onDue();
  }, sliceMs);
  return () => cancel();
}
