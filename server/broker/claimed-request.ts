import type { Play } from '@duskline/protocol';
import { v7 as uuidv7 } from 'uuid';
import type { Place } from '../domain/catalog.js';
import type { Candidate } from '../domain/ranking.js';
import type { ClaimRecord, SessionRecord } from '../store/fleet-store.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { matchMeta } from './match-meta.js';
import type { Placed } from './placed.js';
import { Refusal, jittered } from './refusal.js';

/** A request as its client makes it now, and the places that could serve it. */
export interface AskedAgain {
  readonly message: Play;
  readonly candidates: readonly Candidate[];
}

/** The record of a request that was made before, on whatever broker; `undefined` when there is none. */
export async function findClaim(
  context: BrokerContext,
  playerId: string,
  requestId: string,
): Promise<ClaimRecord | undefined> {
  const [place] = context.fleet.places;
  if (place === undefined) return undefined;
  // Looking is claiming: what was not there before is taken back.
  const [outcome] = await context.store.claim([{ playerId, requestId, sessionId: uuidv7(), place }]);
  if (outcome?.kind === 'repeat') return outcome.record;
  await context.store.forgetClaim(playerId, requestId);
  return undefined;
}

/**
 * The session that a request became, with this broker noted as its client's.
 *
 * @param replaceLost whether to leave a session whose host was lost to the caller, which places it again
 * @returns `undefined` when the session is nowhere
 * @throws Refusal SESSION_OVER, after the client was told the reason; UNKNOWN_SESSION; UNAVAILABLE
 */
export async function earlierAnswer(
  context: BrokerContext,
  client: ClientConnection,
  record: ClaimRecord,
  asked: AskedAgain,
  replaceLost: boolean,
): Promise<Placed | 'lost' | undefined> {
  const { limits, store, brokerId } = context;
  const found = await findSession(context, record);
  // An offer is answered by the queue, not by a match.
  if (found === undefined || found.session.state === 'offered') return undefined;
  const { place } = found;
  const session = await store.attach(place, record.sessionId, brokerId);
  if (session === null) throw new Refusal('SESSION_OVER');
  if (session.state === 'ended' && session.reason === 'host_lost' && replaceLost) return 'lost';
  if (session.state === 'ended') {
    const { sessionId, epoch, state, reason } = session;
    client.channel.send({ type: 'session', sessionId, epoch, state, reason: reason ?? 'error' });
    throw new Refusal('SESSION_OVER');
  }
  const owned = await withOwner(context, client, place, session, asked);
  if (owned.meta?.playerId !== client.playerId) throw new Refusal('UNKNOWN_SESSION');
  const leftMs = owned.state === 'reserved' ? limits.reservationMs - record.ageMs : limits.reservationMs;
  return placedFrom(context, place, owned, leftMs);
}

/**
 * Of a session that was lost and adopted from its host's report, the store does not know whose it is. The request that
 * became it is noted with its player: that settles it, and nobody else may be left to say so.
 */
async function withOwner(
  context: BrokerContext,
  client: ClientConnection,
  place: Place,
  session: SessionRecord,
  { message, candidates }: AskedAgain,
): Promise<SessionRecord> {
  if (session.meta !== null) return session;
  const meta = matchMeta(context, client, message, candidates, place);
  if (meta === undefined) return session;
  const { sessionId, epoch } = session;
  const owned = { sessionId, epoch, clientBrokerId: context.brokerId, meta };
  const [restored] = await context.store.restore(place, [owned]);
  return restored ?? session;
}

/** @throws Refusal UNAVAILABLE when the session's host is away */
export async function placedFrom(
  context: BrokerContext,
  place: Place,
  session: SessionRecord,
  claimWithinMs: number,
): Promise<Placed> {
  const [host] = await context.store.endpoints(place, [session.hostId]);
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
    earlier: session,
  };
}

/** Looks where the request was tried first, then everywhere: it may have spilled to another region. */
export async function findSession(
  context: BrokerContext,
  { place: first, sessionId }: ClaimRecord,
): Promise<{ readonly place: Place; readonly session: SessionRecord } | undefined> {
  const others = context.fleet.places.filter(
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
