import type { RegionPool } from '../../domain/catalog.js';
import { tierOf } from '../../domain/tiers.js';
import type { WaitingPlacement } from '../../store/fleet-store.js';
import type { WaitingRequest } from '../requests/waiting-requests.js';
import { createSessionMeta } from '../sessions/session-meta.js';
import type { BrokerSettings } from '../settings.js';

/**
 * Creates the entry with which a request waits in the queue of a region pool: with its arrival time, if it has one, and the
 * head start of its client's tier.
 *
 * @returns `undefined` when the region pool is not a candidate, or its pool does not suit the device
 */
export function createWaitingPlacement(
  context: BrokerSettings,
  request: WaitingRequest,
  regionPool: RegionPool,
): WaitingPlacement | undefined {
  const { client, message, sessionId, requestEpoch, candidates, arrivedAtMs, missedOffer } = request;
  const meta = createSessionMeta(context, client, message, candidates, regionPool);
  if (meta === undefined) return undefined;
  return {
    sessionId,
    epoch: requestEpoch,
    arrivedAtMs,
    headStartMs: tierOf(context.tiers, client.tier).headStartMs,
    missed: missedOffer,
    clientBrokerId: context.brokerId,
    meta,
  };
}
