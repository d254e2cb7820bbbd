import type { Place } from '../../domain/catalog.js';
import { brokerOf } from '../../domain/connection-id.js';
import type { DrawnEpoch, SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import type { BrokerContext } from '../context.js';
import { decodeMatch, encodeMatch } from '../match-details.js';
import { toRefusal } from '../refusal.js';
import { callOff, type Move } from './call-off.js';
import { MoveInbox } from './move-board.js';
import { sendWord } from './send-word.js';
import type { MoveParty, MoveStep } from './words.js';

/** A session to be moved while it is played, and where to. */
export interface MoveOrder {
  readonly place: Place;
  readonly session: SessionRecord;
  readonly to: Place;
  /** Why, in words: for its player and for operators. */
  readonly reason: string;
  /** A host that is more congested is not burdened with it; in millionths. */
  readonly maxCongestion: number;
}

export type MoveResult =
  | { readonly kind: 'moved'; readonly hostId: string }
  /** It is where it was. `hostId`: of the host that was to take it, if it came so far. */
  | {
      readonly kind: 'failed';
      readonly by: MoveParty;
      readonly reason: string;
      readonly hostId: string | null;
    };

/** The slot on the new host is held for so many steps: handed over, taken up, the client there. */
export const HELD_STEPS = 3;

/**
 * The old host holds still for so many: longer than the slot on the new one is held, so that it goes on by itself only
 * when the other cannot any more.
 */
const STILL_STEPS = 6;

/** After its deadline a client's arrival, or its word that it stays, may still be on the way. */
const LAST_WORD_MS = 500;

/**
 * Moves a session to another host: make before break. Whatever fails before its client has arrived leaves the session
 * where it is. Needs nobody to survive: when this broker dies, every party goes on by itself.
 */
export async function moveSession(context: BrokerContext, order: MoveOrder): Promise<MoveResult> {
  const { sessionId, epoch, hostId, meta } = order.session;
  const { moves, observer } = context;
  if (meta === null) return failed('store', 'nobody knows whose it is');
  if (moves.carried.has(sessionId)) return failed('store', 'it is being moved already');
  const drawn = await drawEpoch(context, order, meta);
  const inbox = new MoveInbox(drawn.epoch);
  // Of two orders for one session, one is carried out.
  if (moves.carried.has(sessionId)) return failed('store', 'it is being moved already');
  moves.carried.set(sessionId, inbox);
  const startedAt = performance.now();
  try {
    const result = await carryOut(context, order, metaAt(context, order, meta, drawn), inbox);
    observer.moveEnded(order.place, result.kind, performance.now() - startedAt);
    const { region, pool } = order.place;
    const about = { sessionId, epoch, region, pool, hostId, to: order.to, why: order.reason };
    if (result.kind === 'moved') context.log.info({ ...about, toHost: result.hostId }, 'session moved');
    else {
      const { by, reason: failure, hostId: toHost } = result;
      context.log.warn({ ...about, toHost, by, failure }, 'session was not moved');
    }
    return result;
  } finally {
    moves.carried.delete(sessionId);
  }
}

async function carryOut(
  context: BrokerContext,
  { place, session, to, maxCongestion }: MoveOrder,
  meta: SessionMeta,
  inbox: MoveInbox,
): Promise<MoveResult> {
  const { store, brokerId, limits } = context;
  const { sessionId, epoch, hostId } = session;
  const { toEpoch } = inbox;
  const isSamePlace = place.region === to.region && place.pool === to.pool;
  const arrival = { sessionId, epoch: toEpoch, clientBrokerId: brokerId, meta };
  const wish = { avoidHostId: isSamePlace ? hostId : null, maxCongestion };
  const held = await store.hold(to, arrival, wish, HELD_STEPS * limits.moveStepMs, brokerId);
  if (held.kind !== 'held') return failed('store', `no slot: ${held.kind}`);
  const move: Move = { place, sessionId, hostId, epoch, to, toEpoch };
  try {
    const refusal = await goThroughSteps(context, move, held, inbox);
    if (refusal === undefined) return { kind: 'moved', hostId: held.hostId };
    if ((await callOff(context, move)) === 'arrived') return { kind: 'moved', hostId: held.hostId };
    return failed(refusal.by, refusal.reason, held.hostId);
  } catch (error) {
    // The slot that is held runs out, and the old host goes on by itself.
    await callOff(context, move).catch(() => undefined);
    return failed('store', toRefusal(error).message, held.hostId);
  }
}

/** @returns why it came to nothing, if it did */
async function goThroughSteps(
  context: BrokerContext,
  { place, sessionId, hostId, epoch, to, toEpoch }: Move,
  held: { readonly hostConnectionId: string },
  inbox: MoveInbox,
): Promise<Extract<MoveStep, { kind: 'refused' }> | undefined> {
  const { store, brokerId: moverId, limits } = context;
  const { moveStepMs } = limits;
  const [host] = await store.endpoints(place, [hostId]);
  if (host === null || host === undefined) return refused('source', 'the host is away');
  await sendWord(context, place, brokerOf(host.connectionId), {
    type: 'checkpoint',
    hostId,
    sessionId,
    epoch,
    to,
    toEpoch,
    moverId,
    withinMs: moveStepMs,
    stillMs: STILL_STEPS * moveStepMs,
  });
  const checkpoint = await inbox.next('source', moveStepMs);
  if (checkpoint.kind !== 'checkpoint') return asRefusal(checkpoint, 'source');

  const { reference } = checkpoint;
  const claimWithinMs = 2 * moveStepMs;
  await sendWord(context, to, brokerOf(held.hostConnectionId), {
    type: 'restore',
    sessionId,
    epoch: toEpoch,
    moverId,
    claimWithinMs,
    reference,
  });
  const restored = await inbox.next('target', moveStepMs);
  if (restored.kind !== 'restored') return asRefusal(restored, 'target');

  // Its client may have come back on another broker since.
  const [now] = await store.getSessions(place, [sessionId]);
  if (now?.epoch !== epoch || now.state === 'ended') return refused('client', 'the session is over');
  if (now.clientBrokerId === '') return refused('client', 'the client is away');
  await sendWord(context, to, now.clientBrokerId, {
    type: 'moving',
    sessionId,
    epoch: toEpoch,
    fromEpoch: epoch,
    moverId,
    claimWithinMs: moveStepMs,
  });
  const arrived = await inbox.next('client', moveStepMs + LAST_WORD_MS);
  return arrived.kind === 'arrived' ? undefined : asRefusal(arrived, 'client');
}

/**
 * Its epoch on the new host. It is never given again: hosts and clients that took part in an attempt which came to nothing
 * refuse all that is no newer.
 */
export function drawEpoch(
  { store }: BrokerContext,
  { place, session: { sessionId, epoch } }: Pick<MoveOrder, 'place' | 'session'>,
  { playerId, requestId }: SessionMeta,
): Promise<DrawnEpoch> {
  return store.drawEpoch({ playerId, requestId, sessionId, place }, epoch);
}

/** What is kept of the session, as it is to be on the new host. */
export function metaAt(
  context: BrokerContext,
  { place, session: { hostId, epoch }, to, reason }: Omit<MoveOrder, 'maxCongestion'>,
  meta: SessionMeta,
  { fromEpoch: requestEpoch }: DrawnEpoch,
): SessionMeta {
  const details = decodeMatch(meta.match);
  const { reach = {} } = details;
  const rttMs = reach[to.region] ?? details.rttMs;
  const nearer = Object.values(reach).filter((other) => other < rttMs).length;
  const movedFrom = { ...place, hostId, epoch, requestEpoch, moverId: context.brokerId };
  return { ...meta, match: encodeMatch({ ...details, rttMs, rank: nearer + 1, reason, movedFrom }) };
}

function failed(by: MoveParty, reason: string, hostId: string | null = null): MoveResult {
  return { kind: 'failed', by, reason, hostId };
}

function refused(by: MoveParty, reason: string): Extract<MoveStep, { kind: 'refused' }> {
  return { kind: 'refused', by, reason };
}

function asRefusal(step: MoveStep, by: MoveParty): Extract<MoveStep, { kind: 'refused' }> {
  return step.kind === 'refused' ? step : refused(by, `unexpected word: ${step.kind}`);
}
