import { regionPoolName } from '../../../domain/catalog.js';
import { moveDeadlines } from '../../../domain/move-deadlines.js';
import type { SessionMeta } from '../../../store/fleet-store.js';
import type { MoveParty } from '../../messaging/control-messages.js';
import { toRefusal } from '../../refusal.js';
import type { Reporting } from '../../reporting.js';
import type { ActiveMovesPort } from '../active-moves.js';
import { cancelMove, type MoveInProgress } from './cancel-move.js';
import { allocateMoveEpoch, metaAfterMove, type MoveOrder, type MoveResult } from './move-order.js';
import { MoveReplies } from '../move-replies.js';
import { runMoveSteps } from './run-move-steps.js';
import type { BrokerSettings } from '../../settings.js';
import type { Runtime } from '../../../runtime/runtime.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { Events } from '../../messaging/broker-events.js';

/**
 * Moves a session that is being played to another host; this broker is the coordinator of the move. The source host keeps
 * the session until the client has arrived at the target host, so a move that fails before leaves the session where it is.
 * If this broker dies, the deadlines of the other parties end the move.
 */
export async function moveSession(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & ActiveMovesPort,
  order: MoveOrder,
): Promise<MoveResult> {
  const { sessionId, meta } = order.session;
  const { activeMoves: moves, clock, observer } = context;
  if (meta === null) return moveFailed('store', NO_META);
  if (moves.coordinated.has(sessionId)) return moveFailed('store', ALREADY_MOVING);
  const allocated = await allocateMoveEpoch(context, order, meta);
  const replies = new MoveReplies(allocated.epoch, clock);
  // Another order for the session may have started while the store answered.
  if (moves.coordinated.has(sessionId)) return moveFailed('store', ALREADY_MOVING);
  moves.coordinated.set(sessionId, replies);
  const startedAt = clock.monotonicMs();
  try {
    const result = await runMove(context, order, metaAfterMove(context, order, meta, allocated), replies);
    observer.moveEnded(order.regionPool, result.kind, clock.monotonicMs() - startedAt);
    logResult(context, order, result);
    return result;
  } finally {
    moves.coordinated.delete(sessionId);
  }
}

const NO_META = 'the store does not know the player of the session';
const ALREADY_MOVING = 'the session is moving already';

/** Reserves a target slot, runs the steps, and cancels the move if a step fails. */
async function runMove(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  { regionPool, session, to, maxCongestion }: MoveOrder,
  meta: SessionMeta,
  replies: MoveReplies,
): Promise<MoveResult> {
  const { store, brokerId, limits } = context;
  const { sessionId, epoch, hostId } = session;
  const { toEpoch } = replies;
  const isSameRegionPool = regionPoolName(regionPool) === regionPoolName(to);
  const targetSession = { sessionId, epoch: toEpoch, clientBrokerId: brokerId, meta };
  const requirements = { excludedHostId: isSameRegionPool ? hostId : null, maxCongestion };
  const { reservedMs } = moveDeadlines(limits.moveStepMs);
  const reservation = await store.reserveTargetSlot(to, targetSession, requirements, reservedMs, brokerId);
  if (reservation.kind !== 'reserved') return moveFailed('store', `no target slot: ${reservation.kind}`);
  const move: MoveInProgress = { regionPool, sessionId, hostId, epoch, to, toEpoch };
  try {
    const refusal = await runMoveSteps(context, move, reservation.hostConnectionId, replies);
    if (refusal === undefined) return { kind: 'moved', hostId: reservation.hostId };
    if ((await cancelMove(context, move)) === 'arrived') return { kind: 'moved', hostId: reservation.hostId };
    return moveFailed(refusal.by, refusal.reason, reservation.hostId);
  } catch (error) {
    // If the store cannot be reached, the target reservation expires and the source host resumes the session by itself.
    await cancelMove(context, move).catch(() => undefined);
    return moveFailed('store', toRefusal(error).message, reservation.hostId);
  }
}

function logResult(
  context: Reporting,
  { regionPool, session, to, reason: why }: MoveOrder,
  result: MoveResult,
): void {
  const { sessionId, epoch, hostId } = session;
  const { region, pool } = regionPool;
  const move = { sessionId, epoch, region, pool, hostId, to, why, toHost: result.hostId };
  if (result.kind === 'moved') context.log.info(move, 'session moved');
  else context.log.warn({ ...move, by: result.by, failure: result.reason }, 'could not move session');
}

function moveFailed(by: MoveParty, reason: string, hostId: string | null = null): MoveResult {
  return { kind: 'failed', by, reason, hostId };
}
