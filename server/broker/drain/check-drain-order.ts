import type { OrderTarget } from '../../domain/drain.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { DrainOrder } from './drain-orders.js';
import { Refusal } from '../refusal.js';

/** Checks that the region and pool of a target exist. @throws Refusal UNKNOWN_REGION, UNKNOWN_POOL */
export function checkTarget({ catalog }: BrokerSettings, { region, pool }: OrderTarget): void {
  if (!catalog.regions.has(region)) throw new Refusal('UNKNOWN_REGION');
  if (pool !== null && !catalog.pools.has(pool)) throw new Refusal('UNKNOWN_POOL');
}

/** Checks that a target is a registered host. @throws Refusal UNKNOWN_REGION, UNKNOWN_POOL, UNKNOWN_HOST */
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

/**
 * Checks the order of a drain before anything is changed.
 *
 * @throws Refusal UNKNOWN_REGION, UNKNOWN_POOL, UNKNOWN_HOST, BAD_DEADLINE, LAST_OPEN_REGION
 */
export async function checkDrainOrder(
  context: BrokerSettings & StoreAccess,
  order: DrainOrder,
): Promise<void> {
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
