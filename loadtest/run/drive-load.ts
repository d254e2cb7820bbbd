import { monotonicMs } from '../drive/clock.js';
import type { WorkerPool } from '../drive/workers/worker-pool.js';
import { LoadTestFailure } from '../fleet/load-test-failure.js';
import type { Phase } from '../plan/profile.js';
import { judgeLevel, nextRate, type JudgedLevel } from '../plan/saturation-point.js';
import type { RunMonitor } from './monitor/run-monitor.js';
import { sessionMsOf } from './plan-workers.js';
import type { RunOptions } from './run-options.js';
import { POLL_INTERVAL_MS, waitUntil } from './wait-until.js';

/** Time from an order to the workers until the first arrival or connection that it schedules. */
export const LEAD_MS = 200;

/** Pause between two levels, so that a level that did not hold leaves no work to the next one. */
const LEVEL_PAUSE_MS = 1_000;

/** The rate of a level is doubled no further than this. */
const HIGHEST_RATE = 100_000;

/**
 * Brokers limit how many clients they admit in a second, so the time to connect all of them is not known beforehand. The
 * run gives up when no further player connects within this time.
 */
const CONNECT_STALL_MS = 15_000;

/** Connects all players before the load. @throws LoadTestFailure when none could connect */
export async function connectPlayers(
  options: RunOptions,
  pool: WorkerPool,
  monitor: RunMonitor,
): Promise<void> {
  const { clients, connectPerSecond, workers, signal } = options;
  monitor.setStage('connecting');
  pool.broadcast({
    type: 'connect',
    startAtMs: monotonicMs() + LEAD_MS,
    perSecond: connectPerSecond / workers,
  });
  const countSettled = (): number => pool.gauges.connected + pool.gauges.rejected;
  for (let before = -1, now = 0; now > before && now < clients && signal?.aborted !== true;) {
    before = now;
    await waitUntil(() => countSettled() >= clients, { withinMs: CONNECT_STALL_MS, signal, pool });
    now = countSettled();
  }
  if (pool.gauges.connected === 0 && signal?.aborted !== true) {
    const errors = Object.keys(monitor.connectionErrors).join(', ');
    throw new LoadTestFailure(
      `No player could connect${errors === '' ? '' : ` (${errors})`}. Check that the tokens are valid and that the brokers are ready.`,
    );
  }
}

/**
 * Plays the load of the profile, to its end or until the run is ended early.
 *
 * @param startAtMs when the first arrival is due, by the monotonic clock
 */
export async function driveLoad(
  options: RunOptions,
  pool: WorkerPool,
  monitor: RunMonitor,
  startAtMs: number,
): Promise<void> {
  if (options.profile === 'step') await driveLevels(options, pool, monitor, startAtMs);
  else await drivePhase(options, pool, monitor, startAtMs);
}

async function drivePhase(
  options: RunOptions,
  pool: WorkerPool,
  monitor: RunMonitor,
  startAtMs: number,
): Promise<void> {
  const { durationMs, signal } = options;
  monitor.setStage('loading', { startAtMs, durationMs });
  pool.broadcast({ type: 'phase', startAtMs, phase: phaseOf(options) });
  const withinMs = durationMs + POLL_INTERVAL_MS + LEAD_MS;
  await waitUntil(() => monotonicMs() >= startAtMs + durationMs, { withinMs, signal, pool });
}

function phaseOf(options: RunOptions): Phase {
  const { durationMs, ratePerSecond, profile } = options;
  const sessionMs = sessionMsOf(options, ratePerSecond);
  if (profile === 'storm') return { kind: 'storm', index: 0, durationMs, sessionMs };
  const curve = profile === 'evening' ? 'day' : 'even';
  return { kind: 'arrivals', index: 0, durationMs, ratePerSecond, sessionMs, curve };
}

/** Doubles the rate with each level until one does not hold, then narrows the gap. */
async function driveLevels(
  options: RunOptions,
  pool: WorkerPool,
  monitor: RunMonitor,
  startAtMs: number,
): Promise<void> {
  const { durationMs, saturationP99Ms, signal } = options;
  const levels: JudgedLevel[] = [];
  const waitFor = (atMs: number): Promise<boolean> => {
    const withinMs = atMs - monotonicMs() + POLL_INTERVAL_MS;
    return waitUntil(() => monotonicMs() >= atMs, { withinMs, signal, pool });
  };
  for (let levelStartAtMs = startAtMs; ;) {
    const ratePerSecond = nextRate(levels, options.ratePerSecond, HIGHEST_RATE);
    if (ratePerSecond === undefined || signal?.aborted === true) return;
    const index = levels.length;
    const sessionMs = sessionMsOf(options, ratePerSecond);
    monitor.setStage(`${ratePerSecond} a second`, { startAtMs: levelStartAtMs, durationMs });
    pool.broadcast({
      type: 'phase',
      startAtMs: levelStartAtMs,
      phase: { kind: 'arrivals', curve: 'even', index, durationMs, ratePerSecond, sessionMs },
    });
    const levelEndAtMs = levelStartAtMs + durationMs;
    await waitFor(levelEndAtMs);
    // The last arrivals of a level get as long for their answer as all others of the level.
    await waitFor(levelEndAtMs + saturationP99Ms);
    const level = monitor.measureLevel(index, ratePerSecond, durationMs);
    levels.push(judgeLevel(level, { maxP99Ms: saturationP99Ms }));
    monitor.levels = levels;
    await waitFor(levelEndAtMs + saturationP99Ms + LEVEL_PAUSE_MS);
    levelStartAtMs = monotonicMs() + LEAD_MS;
  }
}
