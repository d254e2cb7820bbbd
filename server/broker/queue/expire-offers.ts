import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

/**
 * Ends the offers of one region pool that were not accepted in time.
 *
 * A request may miss one offer in all its region pools together; the second miss ends it in all its queues. No store operation
 * spans two region pools, so the miss is first recorded in all others. If this broker dies before it ends the offers, the
 * next sweep repeats both steps.
 *
 * Failures in other region pools are ignored, so that an unreachable store does not block the slots of this one: the
 * request's broker records the miss there when it polls its queues.
 */
export async function expireMissedOffers(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  regionPool: RegionPool,
  sessionIds: readonly string[],
): Promise<void> {
  const { store, brokerId, fleet } = context;
  const others = fleet.regionPools.filter((other) => regionPoolName(other) !== regionPoolName(regionPool));
  await Promise.allSettled(others.map((other) => store.recordMissedOffers(other, sessionIds)));
  const ended = await store.expireOffers(regionPool, sessionIds, brokerId);
  notifyAllOfEnd(context, regionPool, ended);
  if (ended.length === 0) return;
  const withdrawals = ended.map(({ session }) => ({ sessionId: session.sessionId, belowEpoch: 0 }));
  await Promise.allSettled(others.map((other) => store.withdrawEntries(other, withdrawals, brokerId)));
}
