import { setTimeout as delay } from 'node:timers/promises';
import type { Stay } from '@duskline/protocol';
import { arrivalIdOf } from '../../domain/arrival.js';
import type { Place } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import { answerMatched, toMatched } from '../answer-matched.js';
import { findClaim, placedFrom } from '../claimed-request.js';
import type { ClientConnection, KnownSession } from '../connections.js';
import type { BrokerContext } from '../context.js';
import { deliver, tellChange } from '../deliver.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';
import { callOff } from './call-off.js';
import { sendWord } from './send-word.js';
import type { MoveWord } from './words.js';

/** The client's broker: tells it to go to the new host. */
export async function tellMoving(
  context: BrokerContext,
  place: Place,
  { sessionId, epoch, fromEpoch, moverId, claimWithinMs }: Extract<MoveWord, { type: 'moving' }>,
): Promise<void> {
  const [arrival] = await context.store.getSessions(place, [arrivalIdOf(sessionId)]);
  const client = context.connections.clientOf(sessionId);
  const known = client?.sessions.get(sessionId);
  const refuse = (reason: string): Promise<void> =>
    sendWord(context, place, moverId, {
      type: 'step',
      sessionId,
      epoch,
      step: { kind: 'refused', by: 'client', reason },
    });
  if (client === undefined || known?.epoch !== fromEpoch) return refuse('the client is away');
  if (arrival?.state !== 'arriving' || arrival.epoch !== epoch) return refuse('the slot is no longer held');
  const { earlier: _, ...placed } = await placedFrom(context, place, arrival, claimWithinMs);
  const message = await toMatched(context, client, known.request, { ...placed, sessionId });
  const { hostId, meta } = placed;
  known.move = { place, epoch, hostId, meta, moverId, untilMs: performance.now() + claimWithinMs };
  client.channel.send({ ...message, type: 'moving' });
}

/** The client did not get into the new host, or does not want to; answered only when it is too late for that. */
export async function stay(
  context: BrokerContext,
  client: ClientConnection,
  { sessionId, epoch }: Stay,
): Promise<void> {
  try {
    const known = client.sessions.get(sessionId);
    if (known === undefined) throw new Refusal('UNKNOWN_SESSION');
    const { move } = known;
    if (move?.epoch !== epoch) throw new Refusal('NO_MOVE');
    const { place, hostId, epoch: fromEpoch } = known;
    const moving = { place, sessionId, hostId, epoch: fromEpoch, to: move.place, toEpoch: epoch };
    if ((await callOff(context, moving)) === 'arrived') throw new Refusal('NO_MOVE');
    if (known.move === move) known.move = null;
    await sendWord(context, move.place, move.moverId, {
      type: 'step',
      sessionId,
      epoch,
      step: { kind: 'refused', by: 'client', reason: 'the client stays' },
    });
  } catch (error) {
    const refusal = toRefusal(error);
    if (refusal.code === 'INTERNAL') context.log.error({ err: error, sessionId }, 'a client could not stay');
    client.channel.send(errorMessage(refusal, { sessionId }));
  }
}

/** Word of whoever gave the move up: what the old host said meanwhile holds. */
export async function followCalledOff(
  context: BrokerContext,
  place: Place,
  { sessionId, epoch }: Extract<MoveWord, { type: 'called_off' }>,
): Promise<void> {
  const known = context.connections.clientOf(sessionId)?.sessions.get(sessionId);
  if (known?.move?.epoch !== epoch) return;
  known.move = null;
  const [session] = await context.store.getSessions(place, [sessionId]);
  if (session !== null && session !== undefined) deliver(context, place, session);
}

/** Word from the new host's broker: the session is there. */
export async function followArrival(
  context: BrokerContext,
  place: Place,
  { sessionId }: Extract<MoveWord, { type: 'arrived' }>,
): Promise<void> {
  const [session] = await context.store.getSessions(place, [sessionId]);
  if (session !== null && session !== undefined) deliver(context, place, session);
}

/**
 * A session went to another host, and its client was not told to, or not here: it is told as if it had asked for its
 * session anew.
 */
async function tellAnew(
  context: BrokerContext,
  client: ClientConnection,
  known: KnownSession,
  place: Place,
  session: SessionRecord,
): Promise<void> {
  try {
    const placed = await placedFrom(context, place, session, context.limits.reservationMs);
    if (client.sessions.get(session.sessionId) !== known) return;
    await answerMatched(context, client, known.request, placed);
  } catch (error) {
    // The next look finds the same.
    context.log.warn(
      { err: error, sessionId: session.sessionId },
      'a client was not told where its session is',
    );
  }
}

/** What is being found out about at the moment. */
const followed = new WeakSet<KnownSession>();

/** How often is looked for a session that is on its way to another host. */
const LOOK_INTERVAL_MS = 200;

/**
 * A session left the host that its client knows of. Perhaps it is, or is about to be, where the client was told to go;
 * perhaps it went on while the client changed its broker. If neither, the client is told what it was.
 */
export async function followMove(
  context: BrokerContext,
  client: ClientConnection,
  known: KnownSession,
  place: Place,
  session: SessionRecord,
): Promise<void> {
  const { sessionId } = session;
  // Word of it comes more than once.
  if (followed.has(known)) return;
  followed.add(known);
  if (session.state !== 'ended') {
    await tellAnew(context, client, known, place, session);
    followed.delete(known);
    return;
  }
  const isStillKnown = (): boolean => client.sessions.get(sessionId) === known;
  const found = await findMoved(context, client, known, sessionId, isStillKnown).catch((error: unknown) => {
    context.log.warn({ err: error, sessionId }, 'where a session went could not be found out');
    return undefined;
  });
  if (!isStillKnown()) return;
  known.move = null;
  if (found === undefined) tellChange(context, client, known, place, session);
  else await tellAnew(context, client, known, found.place, found.session);
}

/** @returns where it is, unless its client was told so meanwhile */
async function findMoved(
  context: BrokerContext,
  client: ClientConnection,
  known: KnownSession,
  sessionId: string,
  isStillKnown: () => boolean,
): Promise<{ readonly place: Place; readonly session: SessionRecord } | undefined> {
  const { store, brokerId } = context;
  for (let { move } = known; move !== null && isStillKnown(); move = known.move) {
    const [arrived] = await store.getSessions(move.place, [sessionId]);
    if (arrived?.epoch === move.epoch && arrived.state !== 'ended') {
      const session = await store.attach(move.place, sessionId, brokerId);
      if (session !== null) deliver(context, move.place, session);
      return undefined;
    }
    if (performance.now() > move.untilMs + context.intervals.moveGraceMs) break;
    await delay(LOOK_INTERVAL_MS);
  }
  const claim = await findClaim(context, client.playerId, known.request.requestId);
  if (claim === undefined || claim.epoch <= known.epoch) return undefined;
  const session = await store.attach(claim.place, sessionId, brokerId);
  const isThere = session !== null && session.state !== 'ended' && session.epoch === claim.epoch;
  return isThere ? { place: claim.place, session } : undefined;
}
