import { setTimeout as delay } from 'node:timers/promises';
import type { Place } from '../domain/catalog.js';
import type { Claim, ClaimRecord, SessionRecord } from '../store/fleet-store.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import type { Placed } from './play.js';
import { Refusal, jittered } from './refusal.js';

/** What a repeated request leads to: its session, or a new attempt under a higher epoch. */
export type RepeatAnswer =
  { readonly kind: 'placed'; readonly placed: Placed } | { readonly kind: 'retry'; readonly epoch: number };

/**
 * A broker that noted a request has reserved its slot, or failed, or died, after so long: twice the time in
 * which the store must answer.
 */
export const CLAIM_GRACE_MS = 4_000;

/** Between two looks for the session of a request that another broker is just answering. */
const LOOK_AGAIN_MS = 50;

/**
 * Answers a request that was made before, perhaps to another broker: the session it became, wherever that
 * is; or, when the broker that took it died before it reserved anything, leave to try again.
 */
export async function answerRepeat(
  context: BrokerContext,
  client: ClientConnection,
  claim: Claim,
  record: ClaimRecord,
): Promise<RepeatAnswer> {
  const { limits, store, brokerId } = context;
  const found = await waitForSession(context, record);
  if (found !== undefined) {
    const { place } = found;
    const session = await store.attach(place, record.sessionId, brokerId);
    if (session === null || session.state === 'ended') throw new Refusal('SESSION_OVER');
    if (session.meta?.playerId !== client.playerId) throw new Refusal('UNKNOWN_SESSION');
    const [host] = await store.endpoints(place, [session.hostId]);
    if (host === null || host === undefined) {
      throw new Refusal('UNAVAILABLE', {
        message: 'The host of this session is away.',
        retryAfterMs: jittered(1_000),
      });
    }
    const leftMs = session.state === 'reserved' ? limits.reservationMs - record.ageMs : limits.reservationMs;
    return {
      kind: 'placed',
      placed: {
        place,
        sessionId: session.sessionId,
        epoch: session.epoch,
        hostId: session.hostId,
        hostConnectionId: host.connectionId,
        claimWithinMs: Math.max(0, Math.round(leftMs)),
        meta: session.meta,
        earlier: session,
      },
    };
  }
  // Past its reservation time, a session that is nowhere has ended and been forgotten.
  if (record.ageMs > limits.reservationMs) throw new Refusal('SESSION_OVER');
  const epoch = await store.reclaim(claim, record.epoch);
  if (epoch === null) throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
  return { kind: 'retry', epoch };
}

/** Looks for the session until it is there, or the broker that took the request has had its time. */
async function waitForSession(
  context: BrokerContext,
  record: ClaimRecord,
): Promise<Awaited<ReturnType<typeof findSession>>> {
  const giveUpAt = performance.now() + CLAIM_GRACE_MS - record.ageMs;
  for (;;) {
    const found = await findSession(context, record);
    if (found !== undefined || performance.now() >= giveUpAt) return found;
    await delay(LOOK_AGAIN_MS);
  }
}

/** Looks where the request was tried first, then everywhere: it may have spilled to another region. */
async function findSession(
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
