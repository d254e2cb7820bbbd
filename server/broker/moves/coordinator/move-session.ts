import { regionPoolName } from '../../../domain/catalog.js';
import {
  BEGUN,
  isOver,
  type MoveEffect,
  type MoveEvent,
  type MoveStep,
  type MoveTransition,
} from '../../../domain/move/coordinated-move.js';
import { step } from '../../../domain/move/step-coordinator.js';
import type { MoveParty } from '../../../domain/move/move-reply.js';
import { moveDeadlines, type MoveDeadlines } from '../../../domain/move-deadlines.js';
import type { SessionMeta } from '../../../store/fleet-store.js';
import type { Events } from '../../messaging/broker-events.js';
import { toRefusal } from '../../refusal.js';
import type { Runtime } from '../../../runtime/runtime.js';
import type { Reporting } from '../../reporting.js';
import type { BrokerSettings } from '../../settings.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { ActiveMovesPort } from '../active-moves.js';
import { cancelMove, type MoveInProgress } from './cancel-move.js';
import { allocateMoveEpoch, metaAfterMove, type MoveOrder, type MoveResult } from './move-order.js';
import { requestStep } from './request-step.js';

type Ports = BrokerSettings & Runtime & StoreAccess & Events & Reporting & ActiveMovesPort;

/**
 * Moves a session that is being played to another host; this broker is the coordinator of the move. The source host keeps
 * the session until the client has arrived at the target host, so a move that fails before leaves the session where it is.
 * If this broker dies, the deadlines of the other parties end the move.
 */
export async function moveSession(context: Ports, order: MoveOrder): Promise<MoveResult> {
  const { sessionId, meta } = order.session;
  const { activeMoves: moves, clock, observer } = context;
  if (meta === null) return moveFailed('store', NO_META);
  if (moves.coordinated.has(sessionId)) return moveFailed('store', ALREADY_MOVING);
  const allocated = await allocateMoveEpoch(context, order, meta);
  // Another order for the session may have started while the store answered.
  if (moves.coordinated.has(sessionId)) return moveFailed('store', ALREADY_MOVING);
  const startedAt = clock.monotonicMs();
  const movedMeta = metaAfterMove(context, order, meta, allocated);
  const result = await runMove(context, order, movedMeta, allocated.epoch);
  observer.moveEnded(order.regionPool, result.kind, clock.monotonicMs() - startedAt);
  logResult(context, order, result);
  return result;
}

const NO_META = 'the store does not know the player of the session';
const ALREADY_MOVING = 'the session is moving already';

/** Runs the machine of a move (`domain/move`) until the move is over: carries out its effects, and dispatches what comes of them. */
function runMove(context: Ports, order: MoveOrder, meta: SessionMeta, toEpoch: number): Promise<MoveResult> {
  const { regionPool, session, to } = order;
  const { sessionId, epoch, hostId } = session;
  const { clock, limits, activeMoves } = context;
  const move: MoveInProgress = { regionPool, sessionId, hostId, epoch, to, toEpoch };
  const deadlines = moveDeadlines(limits.moveStepMs);
  let phase = BEGUN;
  let cancelDeadline: () => void = () => undefined;

  return new Promise((resolve) => {
    const dispatch = (event: MoveEvent): void => apply(step(phase, event));

    function apply(transition: MoveTransition): void {
      if (transition.phase.name !== phase.name) cancelDeadline();
      const wasOver = isOver(phase);
      ({ phase } = transition);
      for (const effect of transition.effects) carryOut(effect);
      if (wasOver || !isOver(phase)) return;
      activeMoves.coordinated.delete(sessionId);
      resolve(
        phase.name === 'moved'
          ? { kind: 'moved', hostId: phase.target.hostId }
          : moveFailed(phase.failure.by, phase.failure.reason, phase.target?.hostId),
      );
    }

    function carryOut(effect: MoveEffect): void {
      switch (effect.type) {
        case 'request':
          void requestStep(context, move, effect).then(dispatch, (error: unknown) =>
            dispatch(requestFailed(effect.step, error)),
          );
          return;
        case 'set_deadline': {
          const { step: requested } = effect;
          const overdue = (): void => dispatch({ type: 'overdue', step: requested });
          cancelDeadline = clock.setTimer(overdue, waitOf(requested, deadlines));
          return;
        }
        case 'cancel':
          void cancelMove(context, move).then(
            (outcome) => dispatch({ type: 'cancel_answered', outcome }),
            (error: unknown) => dispatch({ type: 'cancel_failed', reason: toRefusal(error).message }),
          );
      }
    }

    activeMoves.coordinated.set(sessionId, { toEpoch, dispatch });
    void reserveTarget(context, order, meta, toEpoch).then(dispatch, (error: unknown) =>
      dispatch({ type: 'not_reserved', reason: toRefusal(error).message }),
    );
  });
}

async function reserveTarget(
  { store, brokerId, limits }: Ports,
  { regionPool, session, to, maxCongestion }: MoveOrder,
  meta: SessionMeta,
  toEpoch: number,
): Promise<MoveEvent> {
  const { sessionId, hostId } = session;
  const isSameRegionPool = regionPoolName(regionPool) === regionPoolName(to);
  const targetSession = { sessionId, epoch: toEpoch, clientBrokerId: brokerId, meta };
  const requirements = { excludedHostId: isSameRegionPool ? hostId : null, maxCongestion };
  const { reservedMs } = moveDeadlines(limits.moveStepMs);
  const reservation = await store.reserveTargetSlot(to, targetSession, requirements, reservedMs, brokerId);
  return reservation.kind === 'reserved'
    ? { type: 'reserved', target: reservation }
    : { type: 'not_reserved', reason: `no target slot: ${reservation.kind}` };
}

function requestFailed(requested: MoveStep, error: unknown): MoveEvent {
  const failure = { by: 'store', reason: toRefusal(error).message } as const;
  return { type: 'request_failed', step: requested, failure, isSessionOver: false };
}

/** How long the coordinator waits for a party: its time, and that of its reply. */
function waitOf(
  requested: MoveStep,
  { checkpointMs, restoreMs, clientMs, deliveryMs }: MoveDeadlines,
): number {
  const times: Readonly<Record<MoveStep, number>> = {
    checkpoint: checkpointMs,
    restore: restoreMs,
    client: clientMs,
  };
  return times[requested] + deliveryMs;
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
