import { v7 as uuidv7 } from 'uuid';
import { regionPoolName } from '../../domain/catalog.js';
import { countOutcomes, targetName, type Drain, type OrderTarget } from '../../domain/drain.js';
import { closeTarget, openTarget } from './close-target.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { BrokerSettings } from '../settings.js';
import type { MoveRunnerPort } from '../rebalance/move-runner.js';
import type { Reporting } from '../reporting.js';
import type { CorePorts } from '../messaging/core-ports.js';
import {
  regionPoolsOfTarget,
  findSessionsOnTarget,
  type LocatedSession,
} from '../sessions/sessions-on-target.js';
import { planDrainMoves } from '../moves/move-drained-sessions.js';
import type { DrainOrder, DrainPreview, DrainReport, Operator } from './drain-orders.js';
import { Refusal, jittered } from '../refusal.js';
import { advanceDrain, changeDrainState } from './run-drains.js';

/** Maximum number of attempts when other brokers change the same drain. */
const MAX_SWAP_ATTEMPTS = 5;

/** Closes the target at once; the region's drain loop empties it. */
export async function orderDrain(
  context: CorePorts & MoveRunnerPort,
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
      drainId: uuidv7(),
      target,
      mode,
      atDeadline,
      deadlineAtMs: orderedAtMs + deadlineMs,
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
  throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
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
  throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
}

/** Computes the effects of a drain without starting it. */
export async function previewDrain(
  context: BrokerSettings & StoreAccess & MoveRunnerPort,
  order: DrainOrder,
): Promise<DrainPreview> {
  await checkDrainOrder(context, order);
  const { target } = order;
  const own = regionPoolsOfTarget(context, target);
  const [sessions, waiting, freeSlots] = await Promise.all([
    findSessionsOnTarget(context, target),
    target.hostId !== null
      ? [0]
      : Promise.all(own.map(async (place) => (await context.store.getQueueStatus(place, [], false)).length)),
    countFreeSlotsElsewhere(context, target),
  ]);
  return {
    target,
    sessions: sessions.length,
    waiting: waiting.reduce((sum, n) => sum + n, 0),
    freeSlots,
    ...(await previewMoves(context, target, sessions)),
  };
}

/** Adds the outcomes of its sessions so far to a drain. */
export async function createDrainReport(context: StoreAccess, drain: Drain): Promise<DrainReport> {
  return { ...drain, progress: countOutcomes((await context.store.getDrainOutcomes(drain)).values()) };
}

async function findDrain(context: StoreAccess, target: OrderTarget): Promise<Drain | undefined> {
  const drains = await context.store.listDrains(target.region);
  return drains.find((drain) => targetName(drain.target) === targetName(target));
}

/** @throws Refusal UNKNOWN_REGION, UNKNOWN_POOL */
function checkTarget({ catalog }: BrokerSettings, { region, pool }: OrderTarget): void {
  if (!catalog.regions.has(region)) throw new Refusal('UNKNOWN_REGION');
  if (pool !== null && !catalog.pools.has(pool)) throw new Refusal('UNKNOWN_POOL');
}

/** @throws Refusal UNKNOWN_REGION, UNKNOWN_POOL, UNKNOWN_HOST */
export async function checkHostTarget(
  context: BrokerSettings & StoreAccess,
  target: OrderTarget,
): Promise<void> {
  checkTarget(context, target);
  const { region, pool, hostId } = target;
  const known =
    pool !== null && hostId !== null && (await context.store.getEndpoints({ region, pool }, [hostId]))[0];
  if (!known) throw new Refusal('UNKNOWN_HOST');
}

async function checkDrainOrder(context: BrokerSettings & StoreAccess, order: DrainOrder): Promise<void> {
  const { target, deadlineMs, yesEverything } = order;
  if (target.hostId === null) checkTarget(context, target);
  else await checkHostTarget(context, target);
  if (!(deadlineMs > 0)) throw new Refusal('BAD_DEADLINE');
  if (target.pool !== null || yesEverything) return;
  await context.fleet.refreshDrains();
  const others = [...context.catalog.regions.keys()].filter((region) => region !== target.region);
  if (!others.some((region) => context.fleet.regionState(region) === 'open'))
    throw new Refusal('LAST_OPEN_REGION');
}

/** Counts where the sessions would go in a drain that moves them. */
async function previewMoves(
  context: BrokerSettings & StoreAccess & MoveRunnerPort,
  target: OrderTarget,
  sessions: readonly LocatedSession[],
): Promise<Pick<DrainPreview, 'fits' | 'noRoom' | 'notMovable'>> {
  const { moves, later, noRoom, fixed } = await planDrainMoves(context, target, sessions);
  const fits = new Map<string, { region: string; pool: string; sessions: number }>();
  for (const { to } of [...moves, ...later]) {
    const count = fits.get(regionPoolName(to.regionPool)) ?? { ...to.regionPool, sessions: 0 };
    count.sessions += 1;
    fits.set(regionPoolName(to.regionPool), count);
  }
  const inOrder = [...fits].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count);
  return { fits: inOrder, noRoom: noRoom.length, notMovable: fixed.length };
}

/** Counts free slots outside the target, by region. */
async function countFreeSlotsElsewhere(
  context: StoreAccess,
  target: OrderTarget,
): Promise<DrainPreview['freeSlots']> {
  const own = new Set(regionPoolsOfTarget(context, target).map(regionPoolName));
  const slots = new Map<string, number>();
  await Promise.all(
    context.fleet.regionPools.map(async (place) => {
      const closed = own.has(regionPoolName(place)) && target.hostId === null;
      if (closed || (await context.store.getClosure(place, null)) !== 'open') return;
      for (const host of await context.store.listHosts(place)) {
        const counts = host.state === 'ready' && host.closure === 'open' && host.hostId !== target.hostId;
        if (counts)
          slots.set(place.region, (slots.get(place.region) ?? 0) + Math.max(0, host.slots - host.committed));
      }
    }),
  );
  return [...slots].sort(([a], [b]) => (a < b ? -1 : 1)).map(([region, free]) => ({ region, slots: free }));
}
