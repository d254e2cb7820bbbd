import { regionPoolName } from '../../domain/catalog.js';
import type { OrderTarget } from '../../domain/drain.js';
import { planDrainMoves } from '../moves/runner/move-drained-sessions.js';
import { countWaiting } from '../queue/count-waiting.js';
import type { MoveRunnerPort } from '../rebalance/move-runner.js';
import {
  regionPoolsOfTarget,
  findSessionsOnTarget,
  type LocatedSession,
} from '../sessions/sessions-on-target.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import { checkDrainOrder } from './check-drain-order.js';
import type { DrainOrder, DrainPreview } from './drain-orders.js';

/** Computes the effects of a drain without starting it. */
export async function previewDrain(
  context: BrokerSettings & StoreAccess & MoveRunnerPort,
  order: DrainOrder,
): Promise<DrainPreview> {
  await checkDrainOrder(context, order);
  const { target } = order;
  const [sessions, waiting, freeSlots] = await Promise.all([
    findSessionsOnTarget(context, target),
    countWaitingForTarget(context, target),
    countFreeSlotsElsewhere(context, target),
  ]);
  return {
    target,
    sessions: sessions.length,
    waiting,
    freeSlots,
    ...(await previewMoves(context, target, sessions)),
  };
}

/** Counts the players who wait in the queues of the target, each once. A host has no queue. */
async function countWaitingForTarget(context: StoreAccess, target: OrderTarget): Promise<number> {
  if (target.hostId !== null) return 0;
  const queues = await Promise.all(
    regionPoolsOfTarget(context, target).map(async (regionPool) => {
      const { length } = await context.store.getQueueStatus(regionPool, [], false);
      return { regionPool, length };
    }),
  );
  return (await countWaiting(context.store, queues)).total;
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
    context.fleet.regionPools.map(async (regionPool) => {
      const closed = own.has(regionPoolName(regionPool)) && target.hostId === null;
      if (closed || (await context.store.getClosures(regionPool, null)).length > 0) return;
      for (const host of await context.store.listHosts(regionPool)) {
        const counts = host.state === 'ready' && host.closures.length === 0 && host.hostId !== target.hostId;
        if (counts)
          slots.set(
            regionPool.region,
            (slots.get(regionPool.region) ?? 0) + Math.max(0, host.slots - host.committed),
          );
      }
    }),
  );
  return [...slots].sort(([a], [b]) => (a < b ? -1 : 1)).map(([region, free]) => ({ region, slots: free }));
}
