import { monotonicMs } from '../drive/clock.js';
import type { WorkerPool } from '../drive/workers/worker-pool.js';
import type { FaultInjector } from './fault-injector.js';
import type { RunMonitor } from './monitor/run-monitor.js';
import type { RunOptions } from './run-options.js';
import { POLL_INTERVAL_MS, pause, waitUntil } from './wait-until.js';

const SETTLE_MS = 15_000;

/** Longer after a host was killed: brokers declare the host lost only after a while, then place its sessions again. */
const SETTLE_AFTER_KILL_MS = 30_000;

const LEAVE_MS = 8_000;

/** Waits until every request is answered and every player is on the host that the brokers say, or the time is over. */
export async function waitUntilSettled(
  options: RunOptions,
  pool: WorkerPool,
  monitor: RunMonitor,
  faults: Pick<FaultInjector, 'killedHosts'>,
): Promise<void> {
  const { hosts, clients, signal } = options;
  const isEarly = signal?.aborted === true;
  monitor.setStage(isEarly ? 'ending early, settling' : 'settling');
  const isSettled = (): boolean => {
    const { unanswered, unresumed, onKilledHost, leaving, moving, connected, rejected } = pool.gauges;
    const inTransition = unanswered + unresumed + onKilledHost + leaving + moving;
    // When the run was ended early, players that had not connected yet are not waited for.
    return inTransition === 0 && (isEarly || connected + rejected >= clients);
  };
  const withinMs = faults.killedHosts > 0 ? SETTLE_AFTER_KILL_MS : SETTLE_MS;
  // Without `signal`: a run that was ended early settles, too.
  const settled = await waitUntil(isSettled, { withinMs, pool });
  // A run without hosts of its own does not know what the hosts hold.
  monitor.settled = settled && hosts > 0;
}

/** Lets all players leave their sessions and queues, so that brokers that go on after the run keep nothing of it. */
export async function leaveAllSessions(pool: WorkerPool, monitor: RunMonitor): Promise<void> {
  monitor.setStage('leaving');
  pool.broadcast({ type: 'leave-all' });
  const deadlineMs = monotonicMs() + LEAVE_MS;
  const areAnyLeft = (): boolean =>
    Object.keys(pool.gauges.playing).length > 0 || pool.gauges.leaving + pool.gauges.waiting > 0;
  do await pause(POLL_INTERVAL_MS);
  while (areAnyLeft() && monotonicMs() < deadlineMs);
}
