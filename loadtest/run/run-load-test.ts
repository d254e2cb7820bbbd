import { randomBytes } from 'node:crypto';
import { monotonicMs } from '../drive/clock.js';
import { WorkerPool } from '../drive/workers/worker-pool.js';
import { BrokerFleet } from '../fleet/broker-fleet.js';
import { LoadTestFailure } from '../fleet/load-test-failure.js';
import { discoverRegions } from '../fleet/discover-regions.js';
import { LATENCY_STEPS, brokerConfig } from '../plan/broker-config.js';
import { judgeLevel, nextRate, type JudgedLevel } from '../plan/saturation-point.js';
import type { Phase } from '../plan/profile.js';
import { selectRegions } from '../plan/simulated-regions.js';
import { evaluateReport, type LoadReport } from '../report/load-report.js';
import { validateFaults, validateFaultRegions } from './validate-run.js';
import { FaultInjector } from './fault-injector.js';
import type { RunOptions, SpawnTarget, UrlTarget } from './run-options.js';
import { planWorkers, sessionMsOf, type ServedFleet } from './plan-workers.js';
import { RunMonitor } from './run-monitor.js';

/** What spawned brokers call what they serve. */
const TITLE = 'starfall';
const POOL = 'console-x';

/** The first arrival is due so long after everybody is there. */
const LEAD_MS = 200;

/** Between two levels, so that one that broke leaves nothing to the next. */
const LEVEL_PAUSE_MS = 1_000;

/** A level's rate is doubled no further than this. */
const HIGHEST_RATE = 100_000;

const POLL_MS = 200;
/** Brokers let clients in at a pace of their own: as long as more come in, the rest is waited for. */
const CONNECT_STALL_MS = 15_000;
const SETTLE_MS = 15_000;

/** Hosts that were killed are found lost after a while, and their sessions are placed again. */
const SETTLE_AFTER_KILL_MS = 30_000;
const LEAVE_MS = 8_000;

/**
 * Plays a whole run, from the first process to the last.
 *
 * @throws LoadTestFailure for what cannot work, before or while it runs
 */
export async function runLoadTest(options: RunOptions): Promise<LoadReport> {
  validateFaults(options);
  const { target } = options;
  if (target.kind === 'url') {
    const place = await connectToTarget(target, options);
    validateFaultRegions(options, place.regions);
    return runOnFleet(options, place, undefined);
  }
  validateFaultRegions(options, selectRegions(target.regions));
  const { fleet, place } = await startFleet(target);
  try {
    return await runOnFleet(options, place, fleet);
  } finally {
    await fleet.stop();
  }
}

async function startFleet(target: SpawnTarget): Promise<{ fleet: BrokerFleet; place: ServedFleet }> {
  const { brokers, redisUrl, command, limits = {} } = target;
  const regions = selectRegions(target.regions);
  const authSecret = randomBytes(48).toString('base64');
  const fleet = await BrokerFleet.start({
    ...{ brokers, command, authSecret },
    config: brokerConfig({ regions, title: TITLE, pool: POOL, limits }),
    ...(redisUrl === undefined ? {} : { redisUrl }),
  });
  const urls = fleet.brokers.map(({ url }) => url.replace(/^http/, 'ws'));
  const tokens = target.createSigner(authSecret);
  return { fleet, place: { urls, regions, title: TITLE, pool: POOL, tokens, playerTokens: undefined } };
}

async function connectToTarget(target: UrlTarget, { device, clients }: RunOptions): Promise<ServedFleet> {
  const { title, pool, tokens, playerTokens } = target;
  const urls = target.urls.map((url) => url.replace(/^http/, 'ws').replace(/\/+$/, ''));
  if (playerTokens !== undefined && playerTokens.length < clients) {
    throw new LoadTestFailure(`There are ${playerTokens.length} tokens for ${clients} players.`);
  }
  const token = playerTokens?.[0] ?? tokens?.player('load-probe');
  if (token === undefined) throw new LoadTestFailure('Players need tokens.');
  const known = await Promise.all(urls.map((url) => discoverRegions(url, token, device)));
  const regions = (known[0] ?? []).filter(({ state }) => state === 'open');
  if (regions.length === 0) throw new LoadTestFailure('No region of the target is open.');
  return { urls, regions, title, pool, tokens, playerTokens };
}

async function runOnFleet(
  options: RunOptions,
  place: ServedFleet,
  fleet: BrokerFleet | undefined,
): Promise<LoadReport> {
  const plans = planWorkers(options, place);
  const bounds = fleet === undefined ? {} : { latencyPolicies: { [place.title]: LATENCY_STEPS } };
  const monitor = new RunMonitor(options, { place, fleet, bounds });
  const pool = new WorkerPool(plans, (worker, tick) => monitor.handleTick(worker, tick));
  monitor.attachPool(pool);
  const faults = new FaultInjector({
    ...{ pool, plans, fleet, urls: place.urls, tokens: place.tokens, seed: options.seed },
    record: (seen) => monitor.record(seen),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  try {
    monitor.setStage('opening hosts');
    const failed = await pool.openHosts();
    if (failed[0] !== undefined) {
      throw new LoadTestFailure(`${failed.length} of ${options.hosts} hosts were not taken. ${failed[0]}`);
    }
    if (options.profile !== 'storm') await connectAll(options, pool, monitor);
    await runLoad(options, pool, monitor, faults);
    pool.broadcast({ type: 'quiet' });
    monitor.setStage('waiting for faults to end');
    await faults.stop();
    await waitForRest(options, pool, monitor, faults);
    monitor.recordHostSnapshots(await pool.snapshotHosts());
    if (fleet === undefined) {
      await leaveAll(pool, monitor);
      await faults.undrainRegions();
    }
    await pool.close(fleet === undefined);
    return evaluateReport(await monitor.finish(faults.injected), options.assertions);
  } finally {
    await faults.stop();
    await pool.close(false);
    if (fleet === undefined) await faults.undrainRegions();
    monitor.stop();
  }
}

async function connectAll(options: RunOptions, pool: WorkerPool, monitor: RunMonitor): Promise<void> {
  const { clients, connectPerSecond, workers } = options;
  monitor.setStage('connecting');
  pool.broadcast({
    type: 'connect',
    startAtMs: monotonicMs() + LEAD_MS,
    perSecond: connectPerSecond / workers,
  });
  for (let before = -1, now = 0; now > before && now < clients && options.signal?.aborted !== true;) {
    before = now;
    const isThere = (): boolean => pool.gauges.connected + pool.gauges.shutOut >= clients;
    await waitUntil(isThere, CONNECT_STALL_MS, options, pool);
    now = pool.gauges.connected + pool.gauges.shutOut;
  }
  if (pool.gauges.connected === 0 && options.signal?.aborted !== true) {
    const errors = Object.keys(monitor.connectionErrors).join(', ');
    throw new LoadTestFailure(
      `No player could connect${errors === '' ? '' : `: ${errors}`}. Are the tokens good, and the brokers ready?`,
    );
  }
}

async function runLoad(
  options: RunOptions,
  pool: WorkerPool,
  monitor: RunMonitor,
  faults: FaultInjector,
): Promise<void> {
  const startAtMs = monotonicMs() + LEAD_MS;
  monitor.startLoad(startAtMs);
  faults.start(options.faults, startAtMs);
  if (options.profile === 'step') {
    await runStepLoad(options, pool, monitor, startAtMs);
    return;
  }
  const { durationMs, ratePerSecond, profile } = options;
  const sessionMs = sessionMsOf(options, ratePerSecond);
  const phase: Phase =
    profile === 'storm'
      ? { kind: 'storm', index: 0, durationMs, sessionMs }
      : {
          ...{ kind: 'arrivals', index: 0, durationMs, ratePerSecond, sessionMs },
          curve: profile === 'evening' ? 'day' : 'even',
        };
  monitor.setStage('loading', { startAtMs, durationMs });
  pool.broadcast({ type: 'phase', startAtMs, phase });
  await waitUntil(
    () => monotonicMs() >= startAtMs + durationMs,
    durationMs + POLL_MS + LEAD_MS,
    options,
    pool,
  );
}

/** Twice the load with each level, until one does not hold. */
async function runStepLoad(
  options: RunOptions,
  pool: WorkerPool,
  monitor: RunMonitor,
  startAtMs: number,
): Promise<void> {
  const { durationMs, saturationP99Ms: kneeP99Ms } = options;
  const levels: JudgedLevel[] = [];
  for (let fromMs = startAtMs; ;) {
    const ratePerSecond = nextRate(levels, options.ratePerSecond, HIGHEST_RATE);
    if (ratePerSecond === undefined || options.signal?.aborted === true) return;
    const index = levels.length;
    const sessionMs = sessionMsOf(options, ratePerSecond);
    monitor.setStage(`${ratePerSecond} a second`, { startAtMs: fromMs, durationMs });
    pool.broadcast({
      type: 'phase',
      startAtMs: fromMs,
      phase: { kind: 'arrivals', curve: 'even', index, durationMs, ratePerSecond, sessionMs },
    });
    const endAtMs = fromMs + durationMs;
    await waitUntil(() => monotonicMs() >= endAtMs, endAtMs - monotonicMs() + POLL_MS, options, pool);
    // The last arrivals of a level get as long for their answer as all others of it.
    await waitUntil(() => monotonicMs() >= endAtMs + kneeP99Ms, kneeP99Ms + POLL_MS, options, pool);
    levels.push(judgeLevel(monitor.measureLevel(index, ratePerSecond, durationMs), { maxP99Ms: kneeP99Ms }));
    monitor.levels = levels;
    const pausedUntilMs = endAtMs + kneeP99Ms + LEVEL_PAUSE_MS;
    await waitUntil(() => monotonicMs() >= pausedUntilMs, LEVEL_PAUSE_MS + POLL_MS, options, pool);
    fromMs = monotonicMs() + LEAD_MS;
  }
}

/** Everybody has an answer and is where the brokers say, or the time for it is over. */
async function waitForRest(
  options: RunOptions,
  pool: WorkerPool,
  monitor: RunMonitor,
  faults: FaultInjector,
): Promise<void> {
  const { hosts, clients, signal } = options;
  const isEarly = signal?.aborted === true;
  monitor.setStage(isEarly ? 'ending early, coming to rest' : 'coming to rest');
  const isAtRest = (): boolean => {
    const { unanswered, unresumed, stranded, leaving, moving, connected, shutOut } = pool.gauges;
    const onTheWay = unanswered + unresumed + stranded + leaving + moving;
    // Who was still to connect when somebody ended the run is not waited for.
    return onTheWay === 0 && (isEarly || connected + shutOut >= clients);
  };
  const withinMs = faults.killedHosts > 0 ? SETTLE_AFTER_KILL_MS : SETTLE_MS;
  // Also when the load was ended early.
  const settled = await waitUntil(isAtRest, withinMs, {}, pool);
  // Without hosts of its own the run cannot say what they hold.
  monitor.settled = settled && hosts > 0;
}

async function leaveAll(pool: WorkerPool, monitor: RunMonitor): Promise<void> {
  monitor.setStage('leaving');
  pool.broadcast({ type: 'leave-all' });
  const deadlineMs = monotonicMs() + LEAVE_MS;
  const isThere = (): boolean =>
    Object.keys(pool.gauges.playing).length > 0 || pool.gauges.leaving + pool.gauges.waiting > 0;
  do await pause(POLL_MS);
  while (isThere() && monotonicMs() < deadlineMs);
}

/** Whether it came true in time; a run that is ended early waits for nothing. */
async function waitUntil(
  isTrue: () => boolean,
  withinMs: number,
  { signal }: Pick<RunOptions, 'signal'>,
  pool: WorkerPool,
): Promise<boolean> {
  const deadlineMs = monotonicMs() + withinMs;
  for (;;) {
    await Promise.race([pause(Math.min(POLL_MS, Math.max(1, withinMs))), pool.failed]);
    if (isTrue()) return true;
    if (monotonicMs() >= deadlineMs || signal?.aborted === true) return false;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
