import type { RegionPool } from '../../domain/catalog.js';
import { brokerIdOf } from '../../domain/connection-id.js';
import type { AllocatedEpoch, SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { ActiveMovesPort } from './active-moves.js';
import { decodeMatch, encodeMatch } from '../sessions/match-details.js';
import { toRefusal } from '../refusal.js';
import { cancelMove, type MoveInProgress } from './cancel-move.js';
import { MoveReplies } from './active-moves.js';
import { sendControlMessage } from '../messaging/send-control-message.js';
import type { MoveParty, MoveReply } from '../messaging/control-messages.js';

/** A session to be moved while it is played, and where to. */
export interface MoveOrder {
  readonly place: RegionPool;
  readonly session: SessionRecord;
  readonly to: RegionPool;
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
export const RESERVATION_STEPS = 3;

/**
 * The old host holds still for so many: longer than the slot on the new one is held, so that it goes on by itself only
 * when the other cannot any more.
 */
const PAUSE_STEPS = 6;

/** After its deadline a client's arrival, or its word that it stays, may still be on the way. */
const FINAL_REPLY_MS = 500;

/**
 * Moves a session to another host: make before break. Whatever fails before its client has arrived leaves the session
 * where it is. Needs nobody to survive: when this broker dies, every party goes on by itself.
 */
export async function moveSession(
  context: CorePorts & ActiveMovesPort,
  order: MoveOrder,
): Promise<MoveResult> {
  const { sessionId, epoch, hostId, meta } = order.session;
  const { activeMoves: moves, observer } = context;
  if (meta === null) return moveFailed('store', 'nobody knows whose it is');
  if (moves.coordinated.has(sessionId)) return moveFailed('store', 'it is being moved already');
  const drawn = await allocateMoveEpoch(context, order, meta);
  const replies = new MoveReplies(drawn.epoch);
  // Of two orders for one session, one is carried out.
  if (moves.coordinated.has(sessionId)) return moveFailed('store', 'it is being moved already');
  moves.coordinated.set(sessionId, replies);
  const startedAt = performance.now();
  try {
    const result = await runMove(context, order, metaAfterMove(context, order, meta, drawn), replies);
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
    moves.coordinated.delete(sessionId);
  }
}

async function runMove(
  context: CorePorts,
  { place, session, to, maxCongestion }: MoveOrder,
  meta: SessionMeta,
  replies: MoveReplies,
): Promise<MoveResult> {
  const { store, brokerId, limits } = context;
  const { sessionId, epoch, hostId } = session;
  const { toEpoch } = replies;
  const isSameRegionPool = place.region === to.region && place.pool === to.pool;
  const targetSession = { sessionId, epoch: toEpoch, clientBrokerId: brokerId, meta };
  const targetRequest = { excludedHostId: isSameRegionPool ? hostId : null, maxCongestion };
  const reservation = await store.reserveTargetSlot(
    to,
    targetSession,
    targetRequest,
    RESERVATION_STEPS * limits.moveStepMs,
    brokerId,
  );
  if (reservation.kind !== 'reserved') return moveFailed('store', `no slot: ${reservation.kind}`);
  const move: MoveInProgress = { place, sessionId, hostId, epoch, to, toEpoch };
  try {
    const refusal = await runMoveSteps(context, move, reservation, replies);
    if (refusal === undefined) return { kind: 'moved', hostId: reservation.hostId };
    if ((await cancelMove(context, move)) === 'arrived') return { kind: 'moved', hostId: reservation.hostId };
    return moveFailed(refusal.by, refusal.reason, reservation.hostId);
  } catch (error) {
    // The slot that is held runs out, and the old host goes on by itself.
    await cancelMove(context, move).catch(() => undefined);
    return moveFailed('store', toRefusal(error).message, reservation.hostId);
  }
}

/** @returns why it came to nothing, if it did */
async function runMoveSteps(
  context: BrokerSettings & StoreAccess & Events,
  { place, sessionId, hostId, epoch, to, toEpoch }: MoveInProgress,
  held: { readonly hostConnectionId: string },
  replies: MoveReplies,
): Promise<Extract<MoveReply, { kind: 'refused' }> | undefined> {
  const { store, brokerId: coordinatorBrokerId, limits } = context;
  const { moveStepMs } = limits;
  const [host] = await store.getEndpoints(place, [hostId]);
  if (host === null || host === undefined) return refusedReply('source', 'the host is away');
  await sendControlMessage(context, place, brokerIdOf(host.connectionId), {
    type: 'checkpoint',
    hostId,
    sessionId,
    epoch,
    to,
    toEpoch,
    coordinatorBrokerId,
    withinMs: moveStepMs,
    stillMs: PAUSE_STEPS * moveStepMs,
  });
  const checkpoint = await replies.waitForNext('source', moveStepMs);
  if (checkpoint.kind !== 'checkpoint') return toRefusedReply(checkpoint, 'source');

  const { reference } = checkpoint;
  const claimWithinMs = 2 * moveStepMs;
  await sendControlMessage(context, to, brokerIdOf(held.hostConnectionId), {
    type: 'restore',
    sessionId,
    epoch: toEpoch,
    coordinatorBrokerId,
    claimWithinMs,
    reference,
  });
  const restored = await replies.waitForNext('target', moveStepMs);
  if (restored.kind !== 'restored') return toRefusedReply(restored, 'target');

  // Its client may have come back on another broker since.
  const [now] = await store.getSessions(place, [sessionId]);
  if (now?.epoch !== epoch || now.state === 'ended') return refusedReply('client', 'the session is over');
  if (now.clientBrokerId === '') return refusedReply('client', 'the client is away');
  await sendControlMessage(context, to, now.clientBrokerId, {
    type: 'moving',
    sessionId,
    epoch: toEpoch,
    fromEpoch: epoch,
    coordinatorBrokerId,
    claimWithinMs: moveStepMs,
  });
  const arrived = await replies.waitForNext('client', moveStepMs + FINAL_REPLY_MS);
  return arrived.kind === 'arrived' ? undefined : toRefusedReply(arrived, 'client');
}

/**
 * Its epoch on the new host. It is never given again: hosts and clients that took part in an attempt which came to nothing
 * refuse all that is no newer.
 */
export function allocateMoveEpoch(
  { store }: StoreAccess,
  { place, session: { sessionId, epoch } }: Pick<MoveOrder, 'place' | 'session'>,
  { playerId, requestId }: SessionMeta,
): Promise<AllocatedEpoch> {
  return store.allocateEpoch({ playerId, requestId, sessionId, regionPool: place }, epoch);
}

/** What is kept of the session, as it is to be on the new host. */
export function metaAfterMove(
  context: BrokerSettings,
  { place, session: { hostId, epoch }, to, reason }: Omit<MoveOrder, 'maxCongestion'>,
  meta: SessionMeta,
  { fromEpoch: requestEpoch }: AllocatedEpoch,
): SessionMeta {
  const details = decodeMatch(meta.match);
  const { reach = {} } = details;
  const rttMs = reach[to.region] ?? details.rttMs;
  const nearer = Object.values(reach).filter((other) => other < rttMs).length;
  const movedFrom = { ...place, hostId, epoch, requestEpoch, coordinatorBrokerId: context.brokerId };
  return { ...meta, match: encodeMatch({ ...details, rttMs, rank: nearer + 1, reason, movedFrom }) };
}

function moveFailed(by: MoveParty, reason: string, hostId: string | null = null): MoveResult {
  return { kind: 'failed', by, reason, hostId };
}

function refusedReply(by: MoveParty, reason: string): Extract<MoveReply, { kind: 'refused' }> {
  return { kind: 'refused', by, reason };
}

function toRefusedReply(reply: MoveReply, by: MoveParty): Extract<MoveReply, { kind: 'refused' }> {
  return reply.kind === 'refused' ? reply : refusedReply(by, `unexpected word: ${reply.kind}`);
}
