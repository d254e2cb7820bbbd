import type { RegionPool } from '../../domain/catalog.js';
import type { ReturnedSession } from '../../store/fleet-store.js';
import type { Events } from '../messaging/broker-events.js';
import { withdrawRequest } from '../queue/withdraw-request.js';
import type { Reporting } from '../reporting.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';

/**
 * Makes the requests of sessions live again that their hosts brought back. A session whose player has another live request by now ends,
 * because a player has one session.
 *
 * @returns the sessions that ended
 */
export async function renewLiveRequests(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  regionPool: RegionPool,
  returned: readonly Omit<ReturnedSession, 'regionPool'>[],
): Promise<ReadonlySet<string>> {
  if (returned.length === 0) return new Set();
  const outcomes = await context.store.renewLiveRequests(returned.map((one) => ({ ...one, regionPool })));
  const replaced = returned.filter((_, i) => outcomes[i] === 'replaced');
  await Promise.all(
    replaced.map(({ sessionId, epoch }) =>
      withdrawRequest(context, [regionPool], { sessionId, belowEpoch: epoch + 1 }),
    ),
  );
  return new Set(replaced.map(({ sessionId }) => sessionId));
}
