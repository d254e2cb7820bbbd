import type { Play } from '@duskline/protocol';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import { rankCandidates, type Candidate } from '../../domain/ranking.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { ClientConnection } from '../connections/connections.js';
import type { CorePorts } from '../core-ports.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { tryCandidate } from './try-candidate.js';

/** What has become of a session whose host was lost. The request has the new epoch in both cases. */
export type ReassignOutcome =
  | { readonly kind: 'placed'; readonly placed: PlacedSession }
  | { readonly kind: 'full'; readonly candidates: readonly Candidate[]; readonly epoch: number };

/**
 * Assigns a session whose host was lost to another host, under a new epoch.
 *
 * @param regionPool where the lost host is
 * @returns `undefined` when no region pool can serve it now, or another broker has already reassigned it
 */
export async function reassignSession(
  context: CorePorts,
  client: ClientConnection,
  request: Play,
  regionPool: RegionPool,
  { sessionId, epoch: lostEpoch }: SessionRecord,
): Promise<ReassignOutcome | undefined> {
  const { playerId, device } = client;
  const ranking = rankCandidates(context.catalog, context.fleet, request, device);
  if (!ranking.ok) return undefined;
  const entry = { playerId, requestId: request.requestId, sessionId, regionPool };
  const epoch = await context.store.startAttempt(entry, lostEpoch);
  if (epoch === null) return undefined;
  const { candidates } = ranking;
  const attempt = { client, message: request, candidates, sessionId, epoch };
  for (let index = 0; index < candidates.length; index += 1) {
    const placed = await tryCandidate(context, attempt, index);
    if (placed === undefined) continue;
    await context.store.setRequestPool({ ...entry, regionPool: placed.regionPool });
    await endPreviousAssignment(context, regionPool, placed);
    return { kind: 'placed', placed };
  }
  return { kind: 'full', candidates, epoch };
}

/** Ends the record of the lost assignment, when it is in another region pool: its host may reconnect and report it. */
export async function endPreviousAssignment(
  context: CorePorts,
  regionPool: RegionPool,
  { regionPool: now, sessionId, epoch }: PlacedSession,
): Promise<void> {
  if (regionPoolName(now) === regionPoolName(regionPool)) return;
  notifyAllOfEnd(
    context,
    regionPool,
    await context.batches.withdrawPlacement(regionPool, { sessionId, belowEpoch: epoch }),
  );
}
