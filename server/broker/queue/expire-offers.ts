import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { CorePorts } from '../messaging/core-ports.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';

/**
 * Takes back the offers of one place that nobody accepted in time. A request that waits in several places may let one
 * offer pass, wherever that is, and no step can touch two of them: so all others are told of the miss first. Whoever
 * dies in between leaves the offers where they are, and the next sweep says the same again. What ends here for a
 * second miss leaves the other queues too.
 *
 * A place whose store is away is told nothing, and keeps no slot of this one waiting: the look of the request's broker
 * makes up for it.
 */
export async function expireMissedOffers(
  context: CorePorts,
  place: RegionPool,
  sessionIds: readonly string[],
): Promise<void> {
  const { store, brokerId, fleet } = context;
  const others = fleet.regionPools.filter((other) => regionPoolName(other) !== regionPoolName(place));
  await Promise.allSettled(others.map((other) => store.recordMissedOffers(other, sessionIds)));
  const ended = await store.expireOffers(place, sessionIds, brokerId);
  notifyAllOfEnd(context, place, ended);
  if (ended.length === 0) return;
  const over = ended.map(({ session }) => ({ sessionId: session.sessionId, belowEpoch: 0 }));
  await Promise.allSettled(others.map((other) => store.withdrawPlacements(other, over, brokerId)));
}
