import { setTimeout as delay } from 'node:timers/promises';
import type {
  LiveRequest,
  RecordRequestOutcome,
  RequestEntry,
  RequestRecord,
} from '../../store/fleet-store.js';
import { claimTimeLeftMs, placedFromSession } from '../requests/placed-from-session.js';
import { REQUEST_GRACE_MS } from '../requests/request-record.js';
import type { RegionPool } from '../../domain/catalog.js';
import type { ClientConnection } from '../connections/connections.js';
import type { CorePorts } from '../core-ports.js';
import type { Requests } from '../requests/ports.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { BrokerSettings } from '../settings.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { findQueuePosition } from '../queue/find-queue-position.js';
import { Refusal, jittered } from '../refusal.js';
import type { FirstAttempt } from './first-attempt.js';
import { POLL_INTERVAL_MS, type RepeatOutcome } from './repeat-play.js';

/** How often a request tries to take the place of a live one that changes meanwhile. */
const MAX_TRIES = 8;

/**
 * What a request is after it met another live request of its player:
 *
 * - `recorded`: it is the player's live request now, and needs a slot.
 * - `resumed`: it is, with the session or position of the other one.
 * - `repeat`: another connection recorded it meanwhile.
 */
export type ConflictOutcome =
  | { readonly kind: 'recorded' }
  | { readonly kind: 'resumed'; readonly sessionId: string; readonly outcome: RepeatOutcome }
  | { readonly kind: 'repeat'; readonly record: RequestRecord };

/**
 * What the region pool of a live request says of it:
 *
 * - `waiting`: it waits, or has an offer.
 * - `session`: it has a session that has not ended.
 * - `unanswered`: nothing yet. Its broker may be reserving its slot.
 * - `left`: its session was ended by this client.
 * - `ended`: its session has ended. The store was not told, or its host may still keep the session.
 * - `gone`: nothing, although its broker has had the time: it died, or the session ended long ago.
 */
type LiveStatus = 'waiting' | 'session' | 'unanswered' | 'left' | 'ended' | 'gone';

/**
 * Decides between a request and the player's live one, as the request's `onConflict` says. When the live one has ended, the request
 * takes its place in any case.
 *
 * @throws Refusal SESSION_EXISTS; UNAVAILABLE when other requests of the player keep taking over
 */
export async function settleConflict(
  context: CorePorts & Requests,
  { attempt, entry }: Pick<FirstAttempt, 'attempt' | 'entry'>,
  live: LiveRequest,
): Promise<ConflictOutcome> {
  const { client, message } = attempt;
  const onConflict = message.onConflict ?? 'fail';
  let met: RecordRequestOutcome | ConflictOutcome = { kind: 'live', live };
  let tries = 0;
  for (;;) {
    if (met.kind === 'new') return { kind: 'recorded' };
    if (met.kind !== 'live') return met;
    const status = await readLiveStatus(context, client, met.live);
    if (status === 'unanswered' && onConflict !== 'takeover') {
      await delay(POLL_INTERVAL_MS);
      met = await context.batches.recordRequest(entry);
      continue;
    }
    if (tries >= MAX_TRIES) throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
    tries += 1;
    if (isOver(status) || onConflict === 'takeover')
      met = await replaceLive(context, entry, met.live, status);
    else if (onConflict === 'resume') met = await resumeLive(context, client, entry, met.live);
    // A request that still waits has no session yet, so the refusal names none.
    else throw new Refusal('SESSION_EXISTS', status === 'session' ? { sessionId: met.live.sessionId } : {});
  }
}

async function readLiveStatus(
  context: StoreAccess,
  client: ClientConnection,
  { sessionId, regionPool, ageMs }: LiveRequest,
): Promise<LiveStatus> {
  if (sessionId === client.lastLeftSessionId) return 'left';
  const { placements } = await context.batches.queueStatus(regionPool, sessionId);
  const [status] = placements;
  if (status?.kind === 'waiting') return 'waiting';
  if (status?.kind === 'session') {
    const { state } = status.session;
    if (state === 'ended') return 'ended';
    return state === 'offered' ? 'waiting' : 'session';
  }
  return ageMs < REQUEST_GRACE_MS ? 'unanswered' : 'gone';
}

function isOver(status: LiveStatus): boolean {
  return status === 'left' || status === 'ended' || status === 'gone';
}

/** Makes the request the live one in place of `live`, and ends what `live` has. */
async function replaceLive(
  context: CorePorts & Requests,
  entry: RequestEntry,
  live: LiveRequest,
  status: LiveStatus,
): Promise<RecordRequestOutcome> {
  const outcome = await context.store.replaceLiveRequest(entry, live);
  if (outcome.kind !== 'replaced') return outcome;
  const { sessionId } = live;
  const { epoch: belowEpoch } = outcome;
  const regionPools = regionPoolsOf(context, live, status);
  const ended = await Promise.all(
    regionPools.map((regionPool) => context.batches.withdrawPlacement(regionPool, { sessionId, belowEpoch })),
  );
  context.waitingRequests.findBySession(sessionId)?.reject(new Refusal('CANCELLED'));
  regionPools.forEach((regionPool, i) => notifyAllOfEnd(context, regionPool, ended[i] ?? []));
  return { kind: 'new' };
}

/** Where a replaced request may have something: an ended session that its host must not keep, a session, queue positions. */
function regionPoolsOf(
  { fleet }: StoreAccess,
  { regionPool }: LiveRequest,
  status: LiveStatus,
): readonly RegionPool[] {
  if (status === 'left') return [];
  return status === 'ended' ? [regionPool] : fleet.regionPools;
}

/**
 * Continues the live session, or the wait of the live request, on this connection and under the id of this request.
 *
 * @throws Refusal UNAVAILABLE when the session ends meanwhile
 */
async function resumeLive(
  context: BrokerSettings & StoreAccess,
  client: ClientConnection,
  entry: RequestEntry,
  live: LiveRequest,
): Promise<RecordRequestOutcome | ConflictOutcome> {
  const { playerId } = client;
  const { sessionId, regionPool } = live;
  const position = await findQueuePosition(context, live);
  if (position !== undefined) {
    // The higher epoch keeps the earlier connection from accepting an offer. Of two that resume, the later one gets it.
    const resumed = await context.store.resumeLiveRequest(entry, live, true);
    if (resumed.kind === 'none') return context.batches.recordRequest(entry);
    if (resumed.kind !== 'resumed') return resumed;
    const { epoch } = resumed.record;
    return { kind: 'resumed', sessionId, outcome: { kind: 'waiting', position: { ...position, epoch } } };
  }
  const session = await context.store.setClientBroker(regionPool, sessionId, context.brokerId);
  if (session === null || session.state === 'ended' || session.meta?.playerId !== playerId) {
    throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
  }
  const resumed = await context.store.resumeLiveRequest(entry, live, false);
  if (resumed.kind === 'none') return context.batches.recordRequest(entry);
  if (resumed.kind !== 'resumed') return resumed;
  const leftMs = claimTimeLeftMs(context.limits, session, live);
  const placed = await placedFromSession(context, regionPool, session, leftMs);
  return { kind: 'resumed', sessionId, outcome: { kind: 'placed', placed } };
}
