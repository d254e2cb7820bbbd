import { brokerIdOf } from '../../domain/connection-id.js';
import { regionPoolName } from '../../domain/catalog.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { CorePorts } from '../messaging/core-ports.js';
import { emitSessionChange, wakeOtherBrokers } from '../messaging/session-events.js';
import { toRefusal } from '../refusal.js';
import {
  RESERVATION_STEPS,
  allocateMoveEpoch,
  metaAfterMove,
  type MoveOrder,
  type MoveResult,
} from './move-session.js';
import { sendControlMessage } from '../messaging/send-control-message.js';
import { releaseSourceRegionPool, assignRequestToTarget } from './target-host-moves.js';

/**
 * Moves a reservation that nobody has claimed yet. It costs nobody anything: its client is told a new match before it has
 * gone anywhere. One that is claimed meanwhile stays.
 */
export async function moveUnclaimedSession(context: CorePorts, order: MoveOrder): Promise<MoveResult> {
  const { store, brokerId, limits } = context;
  const { place, session, to, maxCongestion } = order;
  const { sessionId, hostId, epoch, meta } = session;
  const failed = (why: string): MoveResult => ({ kind: 'failed', by: 'store', reason: why, hostId: null });
  if (meta === null) return failed('nobody knows whose it is');
  const isSameRegionPool = regionPoolName(place) === regionPoolName(to);
  try {
    const drawn = await allocateMoveEpoch(context, order, meta);
    const toEpoch = drawn.epoch;
    const movedMeta = metaAfterMove(context, order, meta, drawn);
    const targetSession = {
      sessionId,
      epoch: toEpoch,
      clientBrokerId: session.clientBrokerId,
      meta: movedMeta,
    };
    const targetRequest = { excludedHostId: isSameRegionPool ? hostId : null, maxCongestion };
    const reservation = await store.reserveTargetSlot(
      to,
      targetSession,
      targetRequest,
      RESERVATION_STEPS * limits.moveStepMs,
      brokerId,
    );
    if (reservation.kind !== 'reserved') return failed(`no slot: ${reservation.kind}`);
    // As late as can be: who claims it just now is let in by the old host, and goes on there.
    const [now] = await store.getSessions(place, [sessionId]);
    const isUnclaimed = now?.state === 'reserved' && now.epoch === epoch;
    if (!isUnclaimed || !(await assignRequestToTarget(context, to, movedMeta, sessionId, toEpoch))) {
      await store.releaseTargetSlot(to, sessionId, toEpoch, brokerId);
      return failed('it was claimed meanwhile');
    }
    const { clientBrokerId } = now;
    const report = {
      sessionId,
      epoch: toEpoch,
      hostId: reservation.hostId,
      state: 'reserved' as const,
      clientBrokerId,
    };
    const outcome = await store.completeMove(to, report, limits.reservationMs, brokerId);
    if (outcome.kind !== 'moved') {
      await store.releaseTargetSlot(to, sessionId, toEpoch, brokerId);
      return failed('it was claimed meanwhile');
    }
    const from = { ...place, epoch };
    if (!isSameRegionPool) await releaseSourceRegionPool(context, to, outcome.session, from);
    emitSessionChange(context, to, outcome.session);
    wakeOtherBrokers(context, to, outcome.session, reservation.hostConnectionId);
    if (isSameRegionPool) await notifySourceHost(context, order);
    return { kind: 'moved', hostId: reservation.hostId };
  } catch (error) {
    return failed(toRefusal(error).message);
  }
}

async function notifySourceHost(
  context: BrokerSettings & StoreAccess & Events,
  { place, session: { sessionId, hostId, epoch } }: MoveOrder,
): Promise<void> {
  const [old] = await context.store.getEndpoints(place, [hostId]);
  if (old === null || old === undefined) return;
  await sendControlMessage(context, place, brokerIdOf(old.connectionId), {
    type: 'moved_away',
    hostId,
    sessionId,
    epoch,
  });
}
