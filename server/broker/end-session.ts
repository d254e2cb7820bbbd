import type { Cancel, EndSession } from '@duskline/protocol';
import type { ClaimRecord } from '../store/fleet-store.js';
import { findClaim, findSession, raiseClaim } from './claimed-request.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { announceEnded } from './deliver.js';
import { findTurn } from './find-turn.js';
import { withdrawEverywhere } from './offers.js';
import { Refusal, errorMessage, toRefusal } from './refusal.js';
import type { WaitingRequest } from './waiting-room.js';

/** Answers `end`: the session ends with `client_left`, and the client is told so. */
export async function endSession(
  context: BrokerContext,
  client: ClientConnection,
  { sessionId }: EndSession,
): Promise<void> {
  try {
    await endOwnSession(context, client, sessionId);
  } catch (error) {
    client.channel.send(errorMessage(noted(context, error), { sessionId }));
  }
}

/** Answers `cancel`: `error CANCELLED` for the request, and the end of its session if it had become one. */
export async function cancelPlay(
  context: BrokerContext,
  client: ClientConnection,
  { requestId }: Cancel,
): Promise<void> {
  const pending = client.pending.get(requestId);
  if (pending !== undefined) {
    // `play` sees the mark when its answer is ready, gives the slot back and says so.
    pending.cancelled = true;
    const waiting = context.waiting.byRequest(client, requestId);
    if (waiting === undefined) return;
    try {
      await cancelWaiting(context, waiting);
    } catch (error) {
      pending.cancelled = false;
      client.channel.send(errorMessage(noted(context, error), { requestId }));
    }
    return;
  }
  try {
    const matched = [...client.sessions].find(([, session]) => session.request.requestId === requestId);
    if (matched !== undefined) await endOwnSession(context, client, matched[0]);
    else await endClaimedSession(context, client, requestId);
    client.channel.send(errorMessage(new Refusal('CANCELLED'), { requestId }));
  } catch (error) {
    client.channel.send(errorMessage(noted(context, error), { requestId }));
  }
}

/** The refusal to answer with; a fault of ours is logged, as the answer says it was. */
function noted(context: BrokerContext, error: unknown): Refusal {
  const refusal = toRefusal(error);
  if (refusal.code === 'INTERNAL') context.log.error({ err: error }, 'a session could not be ended');
  return refusal;
}

/** Ends the session of a request that was made on an earlier connection, perhaps of another broker. */
async function endClaimedSession(
  context: BrokerContext,
  client: ClientConnection,
  requestId: string,
): Promise<void> {
  const record = await findClaim(context, client.playerId, requestId);
  if (record !== undefined) await withdrawClaimed(context, client, requestId, record);
  const found = record === undefined ? undefined : await findSession(context, record);
  if (found === undefined || found.session.meta?.playerId !== client.playerId) return;
  const { sessionId, epoch } = found.session;
  const outcome = await context.batches.release(found.place, { sessionId, epoch, reason: 'client_left' });
  if (outcome.kind === 'ended') announceEnded(context, found.place, [outcome]);
}

/**
 * A request that waits here gives up its places in the queues. When its turn is just being taken, `play` ends the
 * session.
 */
async function cancelWaiting(context: BrokerContext, request: WaitingRequest): Promise<void> {
  const { sessionId, claimEpoch: epoch, client, message } = request;
  const [place] = request.places.values();
  if (place !== undefined) {
    await raiseClaim(context, client.playerId, message.requestId, { sessionId, epoch, place });
  }
  await withdrawEverywhere(context, request);
  if (request.accepting) return;
  // Nobody else holds it: the player may ask for something else at once.
  await context.store.forgetClaim(client.playerId, message.requestId);
  request.giveUp(new Refusal('CANCELLED'));
}

/** A request that waits on an earlier connection, perhaps of another broker, leaves every queue. */
async function withdrawClaimed(
  context: BrokerContext,
  client: ClientConnection,
  requestId: string,
  record: ClaimRecord,
): Promise<void> {
  const { sessionId } = record;
  const turn = await findTurn(context, record);
  if (turn === undefined) return;
  const holder = context.waiting.bySession(sessionId);
  if (holder !== undefined && !holder.accepting) {
    await cancelWaiting(context, holder);
    return;
  }
  // No broker that still holds the request puts it back into a queue.
  await raiseClaim(context, client.playerId, requestId, record);
  await Promise.all(
    turn.places.map((where) => context.batches.withdraw(where, { sessionId, belowEpoch: 0 })),
  );
}

/** Ends a session of this client. Its slot is free when this resolves. */
export async function endOwnSession(
  context: BrokerContext,
  client: ClientConnection,
  sessionId: string,
): Promise<void> {
  const known = client.sessions.get(sessionId);
  if (known === undefined) {
    // Its slot was lost before the host let the player in, and it waits for another.
    const waiting = context.waiting.bySession(sessionId);
    if (waiting?.client !== client) throw new Refusal('UNKNOWN_SESSION');
    await cancelPlay(context, client, { type: 'cancel', requestId: waiting.message.requestId });
    return;
  }
  const { place, epoch } = known;
  const outcome = await context.batches.release(place, { sessionId, epoch, reason: 'client_left' });
  switch (outcome.kind) {
    case 'ended':
      announceEnded(context, place, [outcome]);
      return;
    case 'over':
      // Word of the end may have come another way while the store was asked.
      if (!client.sessions.has(sessionId)) return;
      client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason: outcome.reason });
      context.connections.unlinkSession(sessionId);
      return;
    case 'stale':
      throw new Refusal('STALE_EPOCH');
    case 'unknown':
      context.connections.unlinkSession(sessionId);
      throw new Refusal('UNKNOWN_SESSION');
  }
}
