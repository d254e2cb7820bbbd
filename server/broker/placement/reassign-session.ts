import type { Play } from '@duskline/protocol';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import { rankCandidates, type Candidate } from '../../domain/ranking.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { ClientConnection } from '../connections/connections.js';
import type { CorePorts } from '../messaging/core-ports.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { tryCandidate } from './try-candidate.js';

/** What becomes of a lost session. When there is no room, its request has the new epoch all the same. */
export type ReassignOutcome =
  | { readonly kind: 'placed'; readonly placed: PlacedSession }
  | { readonly kind: 'full'; readonly candidates: readonly Candidate[]; readonly epoch: number };

/** @returns `undefined` when nothing suits it any more, or somebody else has placed it */
export async function reassignSession(
  context: CorePorts,
  client: ClientConnection,
  request: Play,
  place: RegionPool,
  { sessionId, epoch: lostEpoch }: SessionRecord,
): Promise<ReassignOutcome | undefined> {
  const { playerId, device } = client;
  const ranking = rankCandidates(context.catalog, context.fleet, request, device);
  if (!ranking.ok) return undefined;
  const claim = { playerId, requestId: request.requestId, sessionId, regionPool: place };
  const epoch = await context.store.startAttempt(claim, lostEpoch);
  if (epoch === null) return undefined;
  const { candidates } = ranking;
  for (let index = 0; index < candidates.length; index += 1) {
    const placed = await tryCandidate(context, client, request, candidates, index, sessionId, epoch);
    if (placed === undefined) continue;
    await context.store.setRequestPool({ ...claim, regionPool: placed.place });
    await endPreviousAssignment(context, place, placed);
    return { kind: 'placed', placed };
  }
  return { kind: 'full', candidates, epoch };
}

/** The host of the assignment before may come back: there the session is over for good. */
export async function endPreviousAssignment(
  context: CorePorts,
  place: RegionPool,
  { place: now, sessionId, epoch }: PlacedSession,
): Promise<void> {
  if (regionPoolName(now) === regionPoolName(place)) return;
  notifyAllOfEnd(context, place, await context.batches.leaveQueue(place, { sessionId, belowEpoch: epoch }));
}
