import { monotonicMs } from '../drive/clock.js';
import { WorkerPool } from '../drive/workers/worker-pool.js';
import type { BrokerFleet } from '../fleet/broker-fleet.js';
import { LoadTestFailure } from '../fleet/load-test-failure.js';
import { selectRegions } from '../plan/simulated-regions.js';
import { evaluateReport, type LoadReport } from '../report/load-report.js';
import { LEAD_MS, connectPlayers, driveLoad } from './drive-load.js';
import { FaultInjector } from './fault-injector.js';
import { RunMonitor } from './monitor/run-monitor.js';
import { SPAWNED_LATENCY_POLICIES, connectToSystem, spawnSystem } from './open-system.js';
import { planWorkers, type ServedFleet } from './plan-workers.js';
import type { RunOptions } from './run-options.js';
import { leaveAllSessions, waitUntilSettled } from './settle.js';
import { validateFaultRegions, validateFaults } from './validate-run.js';

/**
 * Runs a load test, from the start of the first process to the end of the last.
 *
 * @throws LoadTestFailure when the run cannot be made, before it starts or while it runs
 */
export async function runLoadTest(options: RunOptions): Promise<LoadReport> {
  validateFaults(options);
  const { system } = options;
  if (system.kind === 'url') {
    const servedFleet = await connectToSystem(system, options);
    validateFaultRegions(options, servedFleet.regions);
    return runOnFleet(options, servedFleet, undefined);
  }
  validateFaultRegions(options, selectRegions(system.regions));
  const { brokers, servedFleet } = await spawnSystem(system);
  try {
    return await runOnFleet(options, servedFleet, brokers);
  } finally {
    await brokers.stop();
  }
}

/** @param brokers absent when the run loads brokers that it did not start: it leaves them as it found them */
async function runOnFleet(
  options: RunOptions,
  servedFleet: ServedFleet,
  brokers: BrokerFleet | undefined,
): Promise<LoadReport> {
  const plans = planWorkers(options, servedFleet);
  const bounds = brokers === undefined ? {} : { latencyPolicies: SPAWNED_LATENCY_POLICIES };
  const monitor = new RunMonitor(options, { servedFleet, brokers, bounds });
  const pool = new WorkerPool(plans, (worker, tick) => monitor.handleTick(worker, tick));
  monitor.attachPool(pool);
  const { urls, tokens } = servedFleet;
  const { seed, signal } = options;
  const faults = new FaultInjector({
    ...{ pool, plans, fleet: brokers, urls, tokens, seed },
    record: (seen) => monitor.record(seen),
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    await openHosts(options, pool, monitor);
    if (options.profile !== 'storm') await connectPlayers(options, pool, monitor);
    const startAtMs = monotonicMs() + LEAD_MS;
    monitor.startLoad(startAtMs);
    faults.start(options.faults, startAtMs);
    await driveLoad(options, pool, monitor, startAtMs);
    pool.broadcast({ type: 'stop-arrivals' });
    monitor.setStage('waiting for faults to end');
    await faults.stop();
    await waitUntilSettled(options, pool, monitor, faults);
    monitor.recordHostSnapshots(await pool.snapshotHosts());
    if (brokers === undefined) {
      await leaveAllSessions(pool, monitor);
      await faults.undrainRegions();
    }
    await pool.close(brokers === undefined);
    return evaluateReport(await monitor.finish(faults.injected), options.assertions);
  } finally {
    await faults.stop();
    await pool.close(false);
    if (brokers === undefined) await faults.undrainRegions();
    monitor.stop();
  }
}

async function openHosts({ hosts }: RunOptions, pool: WorkerPool, monitor: RunMonitor): Promise<void> {
  monitor.setStage('opening hosts');
  const failed = await pool.openHosts();
  if (failed[0] === undefined) return;
  throw new LoadTestFailure(`The brokers did not register ${failed.length} of ${hosts} hosts. ${failed[0]}`);
}
