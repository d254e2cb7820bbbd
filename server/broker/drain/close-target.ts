import { covers, targetName, type Drain, type OrderTarget } from '../../domain/drain.js';
import type { StoreAccess } from '../store-access/ports.js';
import { regionPoolsOfTarget } from '../sessions/sessions-on-target.js';

/**
 * Closes the target of a drain to new sessions. Safe to repeat. If operators undid the drain meanwhile, the target is open
 * afterwards: an undrain opens it once, and may have done so just before it was closed here.
 */
export async function closeTarget(context: StoreAccess, target: OrderTarget): Promise<void> {
  await Promise.all(
    regionPoolsOfTarget(context, target).map((regionPool) =>
      context.store.addClosure(regionPool, target.hostId, 'draining'),
    ),
  );
  const drains = await context.store.listDrains(target.region);
  const latest = drains.find((drain) => targetName(drain.target) === targetName(target));
  if (latest?.state === 'undone') await openTarget(context, target, drains);
}

/** Opens a target, except region pools that another drain keeps closed. What closes it besides drains stays. */
export async function openTarget(
  context: StoreAccess,
  target: OrderTarget,
  others: readonly Drain[],
): Promise<void> {
  const closing = others.filter(({ state, target: { hostId } }) => state !== 'undone' && hostId === null);
  const regionPools = regionPoolsOfTarget(context, target).filter(
    ({ region, pool }) =>
      target.hostId !== null ||
      !closing.some((drain) => covers(drain.target, { region, pool, hostId: null })),
  );
  await Promise.all(
    regionPools.map((regionPool) => context.store.removeClosure(regionPool, target.hostId, 'draining')),
  );
}

/** Whether all of a target is closed by a drain. It is open again when the store has lost its data. */
export async function isTargetClosed(context: StoreAccess, target: OrderTarget): Promise<boolean> {
  const closures = await Promise.all(
    regionPoolsOfTarget(context, target).map((regionPool) =>
      context.store.getClosures(regionPool, target.hostId),
    ),
  );
  return closures.every((of) => of.includes('draining'));
}
