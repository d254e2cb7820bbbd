import { covers, type Drain, type OrderTarget } from '../../domain/drain.js';
import type { StoreAccess } from '../store-access/ports.js';
import { regionPoolsOfTarget } from '../sessions/sessions-on-target.js';

/** Closes a target that is drained to new sessions. Safe to repeat. */
export async function closeTarget(context: StoreAccess, target: OrderTarget): Promise<void> {
  await Promise.all(
    regionPoolsOfTarget(context, target).map((place) =>
      context.store.setClosure(place, target.hostId, 'draining'),
    ),
  );
}

/** Opens a target, but for the places that another drain keeps closed. */
export async function openTarget(
  context: StoreAccess,
  target: OrderTarget,
  others: readonly Drain[],
): Promise<void> {
  const closing = others.filter(({ state, target: { hostId } }) => state !== 'undone' && hostId === null);
  const places = regionPoolsOfTarget(context, target).filter(
    ({ region, pool }) =>
      target.hostId !== null ||
      !closing.some((other) => covers(other.target, { region, pool, hostId: null })),
  );
  await Promise.all(places.map((place) => context.store.setClosure(place, target.hostId, 'open')));
}

/** Whether everything of a target is closed, as its drain wants it; a store that lost everything has it open again. */
export async function isTargetClosed(context: StoreAccess, target: OrderTarget): Promise<boolean> {
  const closures = await Promise.all(
    regionPoolsOfTarget(context, target).map((place) => context.store.getClosure(place, target.hostId)),
  );
  return closures.every((closure) => closure !== 'open' && closure !== 'hot');
}
