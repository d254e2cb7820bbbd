import type { RegionPool } from '../../domain/catalog.js';
import type { ReserveOutcome } from '../../store/fleet-store.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import { createMatchDetails, toSessionMeta } from '../sessions/session-meta.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { Refusal } from '../refusal.js';
import type { PlacementAttempt } from './placement-attempt.js';

/** Mean retry time of a client whose request another broker continues. */
const CONTINUED_RETRY_MS = 3_000;

/**
 * Reserves a slot in one candidate.
 *
 * @param index position of the candidate in `attempt.candidates`
 * @returns `undefined` when the candidate is full, closed or does not exist
 * @throws Refusal NO_SUITABLE_POOL; UNAVAILABLE when another broker continues the request
 */
export async function tryCandidate(
  context: BrokerSettings & StoreAccess,
  { client, message, candidates, sessionId, epoch }: PlacementAttempt,
  index: number,
): Promise<PlacedSession | undefined> {
  const candidate = candidates[index];
  if (candidate === undefined) return undefined;
  const { regionPool } = candidate;
  const details = createMatchDetails(context, client, message, candidates, index);
  if (details === undefined) throw new Refusal('NO_SUITABLE_POOL');
  const meta = toSessionMeta(client, message, details);
  const { brokerId: clientBrokerId } = context;
  const outcome = await context.batches.reserve(regionPool, { sessionId, epoch, clientBrokerId, meta });
  const reserved = reservedHostOf(context, regionPool, outcome);
  if (reserved === undefined) return undefined;
  const { hostId, hostConnectionId } = reserved;
  const claimWithinMs = context.limits.reservationMs;
  return { regionPool, sessionId, epoch, hostId, hostConnectionId, claimWithinMs, meta, details };
}

/** The host of a new reservation; `undefined` when the region pool has no slot to give. */
function reservedHostOf(
  { fleet }: StoreAccess,
  regionPool: RegionPool,
  outcome: ReserveOutcome,
): Extract<ReserveOutcome, { readonly kind: 'reserved' }> | undefined {
  switch (outcome.kind) {
    case 'closed':
      fleet.markClosed(regionPool);
      return undefined;
    case 'full':
      return undefined;
    case 'over':
    case 'existing':
      // Each attempt has its own session id and epoch, so a session in the store was made by another broker that continues the request.
      throw new Refusal('UNAVAILABLE', { retryAboutMs: CONTINUED_RETRY_MS });
    case 'reserved':
      return outcome;
  }
}
