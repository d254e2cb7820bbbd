import type { RegionPool } from '../../domain/catalog.js';
import type { Limits } from '../../domain/limits.js';
import type { RequestRecord, SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import type { ClientConnection } from '../connections/connections.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { BrokerSettings } from '../settings.js';
import { newSessionId } from '../sessions/new-session-id.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { Refusal, jittered } from '../refusal.js';

/**
 * A broker that noted a request has reserved its slot, or failed, or died, after so long: twice the time in
 * which the store must answer.
 */
export const REQUEST_GRACE_MS = 4_000;

/** How often a request is raised by others while one tries to. */
const START_ATTEMPTS = 5;

/** The record of a request that was made before, on whatever broker; `undefined` when there is none. */
export async function findRequestRecord(
  context: StoreAccess,
  playerId: string,
  requestId: string,
): Promise<RequestRecord | undefined> {
  const [place] = context.fleet.regionPools;
  if (place === undefined) return undefined;
  // Looking is claiming: what was not there before is taken back.
  const [outcome] = await context.store.recordRequests([
    { playerId, requestId, sessionId: newSessionId(), regionPool: place },
  ]);
  if (outcome?.kind === 'repeat') return outcome.record;
  await context.store.deleteRequest(playerId, requestId);
  return undefined;
}

/**
 * Raises a request's epoch, so that no broker which holds the request goes on with it.
 *
 * @returns the new epoch: above that of whatever the request has become so far
 */
export async function startNewAttempt(
  context: StoreAccess,
  playerId: string,
  requestId: string,
  { sessionId, regionPool: place, epoch }: Omit<RequestRecord, 'ageMs'>,
): Promise<number> {
  let from = epoch;
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt += 1) {
    const raised = await context.store.startAttempt(
      { playerId, requestId, sessionId, regionPool: place },
      from,
    );
    if (raised !== null) return raised;
    // Whoever holds it was just doing the same, to accept an offer for example.
    from = (await findRequestRecord(context, playerId, requestId))?.epoch ?? from;
  }
  throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
}

/** What a request became that was made before. */
export type EarlierOutcome =
  | { readonly kind: 'placed'; readonly placed: PlacedSession }
  /** Its host was lost, and nobody has placed it again. */
  | { readonly kind: 'lost'; readonly place: RegionPool; readonly session: SessionRecord }
  /** It waited, and its client was away for so long that it lost its place. */
  | { readonly kind: 'lapsed' };

/**
 * The session that a request became, with this broker noted as its client's.
 *
 * @param replaceLost whether to leave a session whose host was lost to the caller, which places it again
 * @param metaForRegionPool what the request says of its session in a place: given back to a store that has lost it
 * @returns `undefined` when the session is nowhere
 * @throws Refusal SESSION_OVER, after the client was told the reason; TIMED_OUT; UNKNOWN_SESSION; UNAVAILABLE
 */
export async function findEarlierOutcome(
  context: BrokerSettings & StoreAccess,
  client: ClientConnection,
  record: RequestRecord,
  replaceLost: boolean,
  metaForRegionPool: (place: RegionPool) => SessionMeta | undefined = () => undefined,
): Promise<EarlierOutcome | undefined> {
  const { limits, store, brokerId } = context;
  const found = await locateSession(context, record);
  // An offer is answered by the queue, not by a match.
  if (found === undefined || found.session.state === 'offered') return undefined;
  const { place } = found;
  if (found.session.meta === null) {
    // A lost Redis knows of it what its host reports, and no more. The claim says that it is this request's.
    const { sessionId, epoch } = found.session;
    const meta = metaForRegionPool(place);
    if (meta !== undefined) {
      await store.restoreSessions(place, [{ sessionId, epoch, clientBrokerId: brokerId, meta }]);
    }
  }
  const session = await store.setClientBroker(place, record.sessionId, brokerId);
  if (session === null) throw new Refusal('SESSION_OVER');
  if (session.state === 'ended') return outcomeOfEnded(client, place, session, record, replaceLost);
  if (session.meta?.playerId !== client.playerId) throw new Refusal('UNKNOWN_SESSION');
  const placed = await placedFromSession(context, place, session, claimTimeLeftMs(limits, session, record));
  return { kind: 'placed', placed };
}

function outcomeOfEnded(
  client: ClientConnection,
  place: RegionPool,
  session: SessionRecord,
  record: RequestRecord,
  replaceLost: boolean,
): EarlierOutcome | undefined {
  if (session.reason === 'host_lost' && replaceLost) {
    if (session.epoch >= record.epoch) return { kind: 'lost', place, session };
    // Somebody tried to place it again, or is about to.
    if (record.ageMs < REQUEST_GRACE_MS) return undefined;
  }
  // What never had a host ended in a queue.
  if (session.hostId === '') {
    if (session.epoch < record.epoch) return undefined;
    if (session.reason === 'reservation_expired') throw new Refusal('TIMED_OUT');
    return { kind: 'lapsed' };
  }
  notifyEnded(client, session);
  throw new Refusal('SESSION_OVER');
}

/** Tells a client of the end of a session that it was away for. */
export function notifyEnded(
  client: ClientConnection,
  { sessionId, epoch, reason }: Pick<SessionRecord, 'sessionId' | 'epoch' | 'reason'>,
): void {
  client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason: reason ?? 'error' });
}

/** How long the client has for its ticket: what is left while the session is reserved. */
export function claimTimeLeftMs(
  { reservationMs }: Pick<Limits, 'reservationMs'>,
  { state }: SessionRecord,
  { ageMs }: Pick<RequestRecord, 'ageMs'>,
): number {
  return state === 'reserved' ? reservationMs - ageMs : reservationMs;
}

/** @throws Refusal UNAVAILABLE when the session's host is away */
export async function placedFromSession(
  context: StoreAccess,
  place: RegionPool,
  session: SessionRecord,
  claimWithinMs: number,
): Promise<PlacedSession> {
  const [host] = await context.store.getEndpoints(place, [session.hostId]);
  if (host === null || host === undefined || session.meta === null) {
    throw new Refusal('UNAVAILABLE', {
      message: 'The host of this session is away.',
      retryAfterMs: jittered(1_000),
    });
  }
  return {
    place,
    sessionId: session.sessionId,
    epoch: session.epoch,
    hostId: session.hostId,
    hostConnectionId: host.connectionId,
    claimWithinMs: Math.max(0, Math.round(claimWithinMs)),
    meta: session.meta,
    earlierSession: session,
  };
}

/** Looks where the request was tried first, then everywhere: it may have spilled to another region. */
export async function locateSession(
  context: StoreAccess,
  { regionPool: first, sessionId }: RequestRecord,
): Promise<{ readonly place: RegionPool; readonly session: SessionRecord } | undefined> {
  const others = context.fleet.regionPools.filter(
    (place) => place.region !== first.region || place.pool !== first.pool,
  );
  for (const places of [[first], others]) {
    const found = await Promise.all(
      places.map(async (place) => {
        const [session] = await context.store.getSessions(place, [sessionId]);
        return session === null || session === undefined ? [] : [{ place, session }];
      }),
    );
    const [hit] = found.flat();
    if (hit !== undefined) return hit;
  }
  return undefined;
}
