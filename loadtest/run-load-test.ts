import { randomBytes } from 'node:crypto';
import { monotonicMs } from './drive/clock.js';
import { WorkerPool } from './drive/worker-pool.js';
import { BrokerFleet } from './fleet/broker-fleet.js';
import { LoadTestFailure } from './fleet/failure.js';
import { learnRegions } from './fleet/probe.js';
import { LATENCY_STEPS, brokerConfig } from './plan/broker-config.js';
import { judgeLevel, nextRate, type JudgedLevel } from './plan/knee.js';
import type { Phase } from './plan/profile.js';
import { regionsOf } from './plan/world.js';
import { judgeReport, type LoadReport } from './report/load-report.js';
import { checkFaults, checkRegions } from './run-checks.js';
import { FaultPlan } from './run-faults.js';
import type { RunOptions, SpawnTarget, UrlTarget } from './run-options.js';
import { planWorkers, sessionMsOf, type Place } from './run-setup.js';
import { RunWatch } from './run-watch.js';

/** What spawned brokers call what they serve. */
const TITLE = 'starfall';
const POOL = 'console-x';

/** The first arrival is due so long after everybody is there. */
const LEAD_MS = 200;

/** Between two levels, so that one that broke leaves nothing to the next. */
const LEVEL_PAUSE_MS = 1_000;

/** A level's rate is doubled no further than this. */
const HIGHEST_RATE = 100_000;

const LOOK_MS = 200;
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
  checkFaults(options);
  const { target } = options;
  if (target.kind === 'url') {
    const place = await reach(target, options);
    checkRegions(options, place.regions);
    return play(options, place, undefined);
  }
  checkRegions(options, regionsOf(target.regions));
  const { fleet, place } = await spawn(target);
  try {
    return await play(options, place, fleet);
  } finally {
    await fleet.stop();
  }
}

async function spawn(target: SpawnTarget): Promise<{ fleet: BrokerFleet; place: Place }> {
  const { brokers, redisUrl, command, limits = {} } = target;
  const regions = regionsOf(target.regions);
  const authSecret = randomBytes(48).toString('base64');
  const fleet = await BrokerFleet.start({
    ...{ brokers, command, authSecret },
    config: brokerConfig({ regions, title: TITLE, pool: POOL, limits }),
    ...(redisUrl === undefined ? {} : { redisUrl }),
  });
  const urls = fleet.brokers.map(({ url }) => url.replace(/^http/, 'ws'));
  const tokens = target.tokensOf(authSecret);
  return { fleet, place: { urls, regions, title: TITLE, pool: POOL, tokens, playerTokens: undefined } };
}

async function reach(target: UrlTarget, { device, clients }: RunOptions): Promise<Place> {
  const { title, pool, tokens, playerTokens } = target;
  const urls = target.urls.map((url) => url.replace(/^http/, 'ws').replace(/\/+$/, ''));
  if (playerTokens !== undefined && playerTokens.length < clients) {
    throw new LoadTestFailure(`There are ${playerTokens.length} tokens for ${clients} players.`);
  }
  const token = playerTokens?.[0] ?? tokens?.player('load-probe');
  if (token === undefined) throw new LoadTestFailure('Players need tokens.');
  const known = await Promise.all(urls.map((url) => learnRegions(url, token, device)));
  const regions = (known[0] ?? []).filter(({ state }) => state === 'open');
  if (regions.length === 0) throw new LoadTestFailure('No region of the target is open.');
  return { urls, regions, title, pool, tokens, playerTokens };
}

async function play(options: RunOptions, place: Place, fleet: BrokerFleet | undefined): Promise<LoadReport> {
  const plans = planWorkers(options, place);
  const bounds = fleet === undefined ? {} : { latencyPolicies: { [place.title]: LATENCY_STEPS } };
  const watch = new RunWatch(options, { place, fleet, bounds });
  const pool = new WorkerPool(plans, (worker, tick) => watch.heard(worker, tick));
  watch.follow(pool);
  const faults = new FaultPlan({
    ...{ pool, plans, fleet, urls: place.urls, tokens: place.tokens, seed: options.seed },
    record: (seen) => watch.record(seen),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  try {
    watch.stage('opening hosts');
    const failed = await pool.openHosts();
    if (failed[0] !== undefined) {
      throw new LoadTestFailure(`${failed.length} of ${options.hosts} hosts were not taken. ${failed[0]}`);
    }
    if (options.profile !== 'storm') await connectAll(options, pool, watch);
    await load(options, pool, watch, faults);
    pool.say({ type: 'quiet' });
    watch.stage('waiting for faults to end');
    await faults.stop();
    await settle(options, pool, watch, faults);
    watch.pictured(await pool.picture());
    if (fleet === undefined) {
      await leaveAll(pool, watch);
      await faults.reopen();
    }
    await pool.close(fleet === undefined);
    return judgeReport(await watch.finish(faults.happened), options.assertions);
  } finally {
    await faults.stop();
    await pool.close(false);
    if (fleet === undefined) await faults.reopen();
    watch.stop();
  }
}

async function connectAll(options: RunOptions, pool: WorkerPool, watch: RunWatch): Promise<void> {
  const { clients, connectPerSecond, workers } = options;
  watch.stage('connecting');
  pool.say({ type: 'connect', startAtMs: monotonicMs() + LEAD_MS, perSecond: connectPerSecond / workers });
  for (let before = -1, now = 0; now > before && now < clients && options.signal?.aborted !== true;) {
    before = now;
    const isThere = (): boolean => pool.gauges.connected + pool.gauges.shutOut >= clients;
    await until(isThere, CONNECT_STALL_MS, options, pool);
    now = pool.gauges.connected + pool.gauges.shutOut;
  }
  if (pool.gauges.connected === 0 && options.signal?.aborted !== true) {
    const errors = Object.keys(watch.connectionErrors).join(', ');
    throw new LoadTestFailure(
      `No player could connect${errors === '' ? '' : `: ${errors}`}. Are the tokens good, and the brokers ready?`,
    );
  }
}

async function load(
  options: RunOptions,
  pool: WorkerPool,
  watch: RunWatch,
  faults: FaultPlan,
): Promise<void> {
  const startAtMs = monotonicMs() + LEAD_MS;
  watch.begin(startAtMs);
  faults.start(options.faults, startAtMs);
  if (options.profile === 'step') {
    await climb(options, pool, watch, startAtMs);
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
  watch.stage('loading', { startAtMs, durationMs });
  pool.say({ type: 'phase', startAtMs, phase });
  await until(() => monotonicMs() >= startAtMs + durationMs, durationMs + LOOK_MS + LEAD_MS, options, pool);
}

/** Twice the load with each level, until one does not hold. */
async function climb(
  options: RunOptions,
  pool: WorkerPool,
  watch: RunWatch,
  startAtMs: number,
): Promise<void> {
  const { durationMs, kneeP99Ms } = options;
  const levels: JudgedLevel[] = [];
  for (let fromMs = startAtMs; ;) {
    const ratePerSecond = nextRate(levels, options.ratePerSecond, HIGHEST_RATE);
    if (ratePerSecond === undefined || options.signal?.aborted === true) return;
    const index = levels.length;
    const sessionMs = sessionMsOf(options, ratePerSecond);
    watch.stage(`${ratePerSecond} a second`, { startAtMs: fromMs, durationMs });
    pool.say({
      type: 'phase',
      startAtMs: fromMs,
      phase: { kind: 'arrivals', curve: 'even', index, durationMs, ratePerSecond, sessionMs },
    });
    const endAtMs = fromMs + durationMs;
    await until(() => monotonicMs() >= endAtMs, endAtMs - monotonicMs() + LOOK_MS, options, pool);
    // The last arrivals of a level get as long for their answer as all others of it.
    await until(() => monotonicMs() >= endAtMs + kneeP99Ms, kneeP99Ms + LOOK_MS, options, pool);
    levels.push(judgeLevel(watch.level(index, ratePerSecond, durationMs), { maxP99Ms: kneeP99Ms }));
    watch.levels = levels;
    const pausedUntilMs = endAtMs + kneeP99Ms + LEVEL_PAUSE_MS;
    await until(() => monotonicMs() >= pausedUntilMs, LEVEL_PAUSE_MS + LOOK_MS, options, pool);
    fromMs = monotonicMs() + LEAD_MS;
  }
}

/** Everybody has an answer and is where the brokers say, or the time for it is over. */
async function settle(
  options: RunOptions,
  pool: WorkerPool,
  watch: RunWatch,
  faults: FaultPlan,
): Promise<void> {
  const { hosts, clients, signal } = options;
  const isEarly = signal?.aborted === true;
  watch.stage(isEarly ? 'ending early, coming to rest' : 'coming to rest');
  const isAtRest = (): boolean => {
    const { unanswered, unresumed, stranded, leaving, moving, connected, shutOut } = pool.gauges;
    const onTheWay = unanswered + unresumed + stranded + leaving + moving;
    // Who was still to connect when somebody ended the run is not waited for.
    return onTheWay === 0 && (isEarly || connected + shutOut >= clients);
  };
  const withinMs = faults.killedHosts > 0 ? SETTLE_AFTER_KILL_MS : SETTLE_MS;
  // Also when the load was ended early.
  const settled = await until(isAtRest, withinMs, {}, pool);
  // Without hosts of its own the run cannot say what they hold.
  watch.settled = settled && hosts > 0;
}

async function leaveAll(pool: WorkerPool, watch: RunWatch): Promise<void> {
  watch.stage('leaving');
  pool.say({ type: 'leave-all' });
  const deadlineMs = monotonicMs() + LEAVE_MS;
  const isThere = (): boolean =>
    Object.keys(pool.gauges.playing).length > 0 || pool.gauges.leaving + pool.gauges.waiting > 0;
  do await pause(LOOK_MS);
  while (isThere() && monotonicMs() < deadlineMs);
}

/** Whether it came true in time; a run that is ended early waits for nothing. */
async function until(
  isTrue: () => boolean,
  withinMs: number,
  { signal }: Pick<RunOptions, 'signal'>,
  pool: WorkerPool,
): Promise<boolean> {
  const deadlineMs = monotonicMs() + withinMs;
  for (;;) {
    await Promise.race([pause(Math.min(LOOK_MS, Math.max(1, withinMs))), pool.failed]);
    if (isTrue()) return true;
    if (monotonicMs() >= deadlineMs || signal?.aborted === true) return false;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
