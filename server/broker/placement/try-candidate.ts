import type { Play } from '@duskline/protocol';
import type { RegionPool } from '../../domain/catalog.js';
import type { Candidate } from '../../domain/ranking.js';
import type { ReserveOutcome, SessionMeta } from '../../store/fleet-store.js';
import type { ClientConnection } from '../connections/connections.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { MatchDetails } from '../sessions/match-details.js';
import { createMatchDetails, toSessionMeta } from '../sessions/session-meta.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { Refusal, jittered } from '../refusal.js';

/** When to ask again, on average, after somebody else went on with the request. */
const TAKEOVER_RETRY_MS = 3_000;

/** Reserves in one candidate; `undefined` when it is full. */
export async function tryCandidate(
  context: BrokerSettings & StoreAccess,
  client: ClientConnection,
  message: Play,
  candidates: readonly Candidate[],
  index: number,
  sessionId: string,
  epoch: number,
): Promise<PlacedSession | undefined> {
  const candidate = candidates[index];
  if (candidate === undefined) return undefined;
  const { regionPool: place } = candidate;
  const details = createMatchDetails(context, client, message, candidates, index);
  if (details === undefined) throw new Refusal('NO_SUITABLE_POOL');
  const meta = toSessionMeta(client, message, details);
  const outcome = await context.batches.reserve(place, {
    sessionId,
    epoch,
    clientBrokerId: context.brokerId,
    meta,
  });
  return toPlaced(context, place, sessionId, epoch, meta, details, outcome);
}

function toPlaced(
  context: BrokerSettings & StoreAccess,
  place: RegionPool,
  sessionId: string,
  epoch: number,
  meta: SessionMeta,
  details: MatchDetails,
  outcome: ReserveOutcome,
): PlacedSession | undefined {
  switch (outcome.kind) {
    case 'closed':
      context.fleet.markClosed(place);
      return undefined;
    case 'full':
      return undefined;
    case 'over':
    case 'existing':
      // Session ids are made for one attempt, so somebody else holds this one only after it took the request over.
      throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(TAKEOVER_RETRY_MS) });
    case 'reserved': {
      const { hostId, hostConnectionId } = outcome;
      const claimWithinMs = context.limits.reservationMs;
      return { place, sessionId, epoch, hostId, hostConnectionId, claimWithinMs, meta, details };
    }
  }
}
