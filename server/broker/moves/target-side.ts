import type { Restored } from '@duskline/protocol';
import { arrivalIdOf } from '../../domain/arrival.js';
import { placeName, type Place } from '../../domain/catalog.js';
import { brokerOf } from '../../domain/connection-id.js';
import type { ReportedSession, SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import type { HostConnection } from '../connections.js';
import type { BrokerContext } from '../context.js';
import { announceEnded, deliver, limitsFor, nudgeOthers } from '../deliver.js';
import { decodeMatch, mentionsMove, type MovedFrom } from '../match-details.js';
import { Refusal, errorMessage } from '../refusal.js';
import { sendWord, type MoveStep, type MoveWord } from './words.js';

/** The new host's broker: hands it what the old host handed over. */
export async function orderRestore(
  context: BrokerContext,
  place: Place,
  { sessionId, epoch, moverId, claimWithinMs, reference }: Extract<MoveWord, { type: 'restore' }>,
): Promise<void> {
  const [[arrival], state] = await Promise.all([
    context.store.getSessions(place, [arrivalIdOf(sessionId)]),
    reference === null ? context.store.takeCheckpoint(place, sessionId, epoch) : null,
  ]);
  const host = context.connections.host(place, arrival?.hostId ?? '');
  const refuse = (reason: string): Promise<void> =>
    answerMover(context, place, moverId, sessionId, epoch, { kind: 'refused', by: 'target', reason });
  if (arrival?.state !== 'arriving' || arrival.epoch !== epoch || arrival.meta === null) {
    return refuse('the slot is no longer held');
  }
  if (host === undefined) return refuse('the host is not here');
  if (reference === null && state === null) return refuse('what was handed over is gone');
  const { title, playerId, match } = arrival.meta;
  const { stream, tier } = decodeMatch(match);
  const limits = limitsFor(context, tier);
  host.told.set(sessionId, epoch);
  context.moves.incoming.set(sessionId, {
    host,
    epoch,
    moverId,
    overByMs: performance.now() + claimWithinMs,
  });
  host.channel.send({
    type: 'restore',
    sessionId,
    epoch,
    title,
    playerId,
    stream,
    claimWithinMs,
    ...(limits === undefined ? {} : { limits }),
    ...(state === null ? {} : { state }),
    ...(reference === null ? {} : { reference }),
  });
}

/** The new host is ready; answered only when nobody waits for that any more. */
export async function takeRestored(
  context: BrokerContext,
  host: HostConnection,
  { sessionId, epoch }: Restored,
): Promise<void> {
  const incoming = context.moves.incoming.get(sessionId);
  if (incoming?.host !== host || incoming.epoch !== epoch) {
    host.channel.send(errorMessage(new Refusal('NO_MOVE'), { sessionId }));
    return;
  }
  await answerMover(context, host.place, incoming.moverId, sessionId, epoch, { kind: 'restored' });
}

/**
 * A host holds an assignment that the store does not know, or not yet: perhaps its client has just arrived by a move.
 *
 * @param restored whether the host has what was handed over: one that was started anew since has not
 * @returns whether it was a move's, and is settled
 */
export async function arriveHere(
  context: BrokerContext,
  host: HostConnection,
  held: ReportedSession,
  restored: boolean,
): Promise<boolean> {
  const { arriving } = context.moves;
  const { sessionId, epoch } = held;
  // A host says more than one thing of it in one breath.
  const before = arriving.get(sessionId);
  if (before !== undefined) return before;
  const settled = settleArrival(context, host, held, restored);
  arriving.set(sessionId, settled);
  try {
    const isMove = await settled;
    const now = host.held.get(sessionId);
    // What was said of it meanwhile.
    if (isMove && now?.epoch === epoch && now.state !== held.state) {
      const { hostId } = host.registration;
      const change = { sessionId, epoch, hostId, to: now.state };
      const outcome = await context.batches.transition(host.place, change);
      if (outcome.kind !== 'changed') return true;
      deliver(context, host.place, outcome.session);
      nudgeOthers(context, host.place, outcome.session, null);
    }
    return isMove;
  } finally {
    arriving.delete(sessionId);
  }
}

/** The request decides first, for it also knows of whoever places the session anew; then the store, in one step. */
async function settleArrival(
  context: BrokerContext,
  host: HostConnection,
  { sessionId, epoch, state }: ReportedSession,
  restored: boolean,
): Promise<boolean> {
  const { store, brokerId, limits } = context;
  const { place } = host;
  const { hostId } = host.registration;
  const [arrival] = await store.getSessions(place, [arrivalIdOf(sessionId)]);
  if (arrival?.epoch !== epoch || arrival.hostId !== hostId) return false;
  if (arrival.state === 'arriving' && arrival.meta !== null) {
    if (restored && (await takeRequest(context, place, arrival.meta, sessionId, epoch))) {
      const clientBrokerId = await clientBrokerOf(context, sessionId, arrival.meta);
      const report = { sessionId, epoch, hostId, state, clientBrokerId };
      const outcome = await store.arrive(place, report, limits.reservationMs, brokerId);
      if (outcome.kind === 'arrived') {
        await completeMove(context, host, outcome.session);
        return true;
      }
    } else {
      const dropped = await store.dropArrival(place, sessionId, epoch, brokerId);
      if (dropped !== null) announceEnded(context, place, [dropped]);
    }
  }
  context.moves.incoming.delete(sessionId);
  host.held.delete(sessionId);
  host.told.delete(sessionId);
  host.channel.send({ type: 'end', sessionId, epoch, reason: arrival.reason ?? 'move_failed' });
  return true;
}

/** Where its client is, as the place that it comes from knows. If that changes just now, its next broker finds out. */
async function clientBrokerOf(
  { store }: BrokerContext,
  sessionId: string,
  { match }: SessionMeta,
): Promise<string> {
  const { movedFrom } = decodeMatch(match);
  if (movedFrom === undefined) return '';
  const { region, pool, epoch } = movedFrom;
  const [session] = await store.getSessions({ region, pool }, [sessionId]);
  return session?.epoch === epoch ? session.clientBrokerId : '';
}

/**
 * The player's request leads here from now on, unless somebody else took it over. Repeating it is safe.
 *
 * @param meta as it is to be here
 */
export async function takeRequest(
  context: BrokerContext,
  place: Place,
  { playerId, requestId, match }: SessionMeta,
  sessionId: string,
  epoch: number,
): Promise<boolean> {
  const fromEpoch = decodeMatch(match).movedFrom?.requestEpoch;
  if (fromEpoch === undefined) return false;
  return context.store.settleEpoch({ playerId, requestId, sessionId, place }, { epoch, fromEpoch });
}

/**
 * Ends what a move has left behind, and tells everybody. Repeating it is safe: it is done again when the host asks again,
 * because this broker, or the one before, died in between.
 */
export async function completeMove(
  context: BrokerContext,
  host: HostConnection,
  session: SessionRecord,
): Promise<void> {
  const { sessionId, epoch, meta } = session;
  if (meta === null || !mentionsMove(meta.match)) return;
  const from = decodeMatch(meta.match).movedFrom;
  if (from === undefined) return;
  context.moves.incoming.delete(sessionId);
  if (placeName(from) === placeName(host.place)) await leaveHost(context, host.place, session, from);
  else await leavePlace(context, host.place, session, from);
  host.channel.send({ type: 'moved', sessionId, epoch });
  await answerMover(context, host.place, from.moverId, sessionId, epoch, { kind: 'arrived' });
}

/** The store has freed the old slot already; the old host does not know. */
async function leaveHost(
  context: BrokerContext,
  place: Place,
  session: SessionRecord,
  { hostId, epoch }: MovedFrom,
): Promise<void> {
  const { sessionId } = session;
  deliver(context, place, session);
  nudgeOthers(context, place, session, null);
  const [old] = await context.store.endpoints(place, [hostId]);
  if (old === null || old === undefined) return;
  await sendWord(context, place, brokerOf(old.connectionId), { type: 'left', hostId, sessionId, epoch });
}

/** What the session had in the place where it was ends, and its client's broker hears where it is. */
export async function leavePlace(
  context: BrokerContext,
  place: Place,
  session: SessionRecord,
  from: Pick<MovedFrom, 'region' | 'pool' | 'epoch'>,
): Promise<void> {
  const { sessionId, epoch } = session;
  const order = { sessionId, epoch: from.epoch, reason: 'superseded' } as const;
  const outcome = await context.batches.release({ region: from.region, pool: from.pool }, order);
  if (outcome.kind === 'ended') {
    const { clientBrokerId } = outcome.session;
    if (clientBrokerId !== '') {
      await context.store.attach(place, sessionId, clientBrokerId);
      await sendWord(context, place, clientBrokerId, { type: 'arrived', sessionId, epoch });
    }
    announceEnded(context, { region: from.region, pool: from.pool }, [outcome]);
  }
}

function answerMover(
  context: BrokerContext,
  place: Place,
  moverId: string,
  sessionId: string,
  epoch: number,
  step: MoveStep,
): Promise<void> {
  return sendWord(context, place, moverId, { type: 'step', sessionId, epoch, step });
}
