import { addMs } from '../../domain/store-time.js';
import { countOutcomes, targetName, type Drain, type OrderTarget } from '../../domain/drain.js';
import { closeTarget, openTarget } from './close-target.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { BrokerSettings } from '../settings.js';
import type { MoveRunnerPort } from '../rebalance/move-runner.js';
import type { Reporting } from '../reporting.js';
import { checkDrainOrder, checkTarget } from './check-drain-order.js';
import type { DrainOrder, DrainReport, Operator } from './drain-orders.js';
import { Refusal } from '../refusal.js';
import { advanceDrain, changeDrainState } from './run-drains.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Events } from '../messaging/broker-events.js';

/** Maximum number of attempts when other brokers change the same drain. */
const MAX_SWAP_ATTEMPTS = 5;

/** Closes the target at once; the region's drain loop empties it. */
export async function orderDrain(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & MoveRunnerPort,
  order: DrainOrder,
  { operatorId }: Operator,
): Promise<DrainReport> {
  await checkDrainOrder(context, order);
  const { target, mode, atDeadline, deadlineMs } = order;
  for (let attempt = 0; attempt < MAX_SWAP_ATTEMPTS; attempt += 1) {
    const known = await findDrain(context, target);
    if (known?.state === 'running') return createDrainReport(context, known);
    const orderedAtMs = await context.store.getTimeMs();
    const drain: Drain = {
      drainId: context.random.uuid(),
      target,
      mode,
      atDeadline,
      deadlineAtMs: addMs(orderedAtMs, deadlineMs),
      orderedAtMs,
      orderedBy: operatorId,
      state: 'running',
      finishedAtMs: null,
    };
    if (!(await context.store.compareAndSetDrain(known ?? null, drain))) continue;
    await closeTarget(context, target);
    await context.fleet.refreshDrains();
    await advanceDrain(context, drain);
    return createDrainReport(context, (await findDrain(context, target)) ?? drain);
  }
  throw new Refusal('UNAVAILABLE', { retryAboutMs: 1_000 });
}

/** Opens a target again. Sessions still on it stay there. */
export async function orderUndrain(
  context: BrokerSettings & StoreAccess & Reporting,
  target: OrderTarget,
): Promise<DrainReport> {
  checkTarget(context, target);
  for (let attempt = 0; attempt < MAX_SWAP_ATTEMPTS; attempt += 1) {
    const known = await findDrain(context, target);
    if (known === undefined || known.state === 'undone') throw new Refusal('NO_DRAIN');
    const undone = await changeDrainState(context, known, 'undone');
    if (undone === undefined) continue;
    const others = (await context.store.listDrains(target.region)).filter(
      ({ drainId }) => drainId !== undone.drainId,
    );
    await openTarget(context, target, others);
    await context.fleet.refreshDrains();
    return createDrainReport(context, undone);
  }
  throw new Refusal('UNAVAILABLE', { retryAboutMs: 1_000 });
}

/** Adds the outcomes of its sessions so far to a drain. */
export async function createDrainReport(context: StoreAccess, drain: Drain): Promise<DrainReport> {
  return { ...drain, progress: countOutcomes((await context.store.getDrainOutcomes(drain)).values()) };
}

async function findDrain(context: StoreAccess, target: OrderTarget): Promise<Drain | undefined> {
  const drains = await context.store.listDrains(target.region);
  return drains.find((drain) => targetName(drain.target) === targetName(target));
}
