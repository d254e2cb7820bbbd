import { regionPoolName } from '../../../domain/catalog.js';
import { moveDeadlines } from '../../../domain/move-deadlines.js';
import type { CompleteMoveOutcome, SessionMeta } from '../../../store/fleet-store.js';
import { notifyAllOfChange } from '../../messaging/session-events.js';
import { toRefusal } from '../../refusal.js';
import { assignRequestToTarget, releaseSourceRegionPool } from '../target-host/complete-move.js';
import { allocateMoveEpoch, metaAfterMove, type MoveOrder, type MoveResult } from './move-order.js';
import { notifySourceHost } from '../source-host/notify-source-host.js';
import type { BrokerSettings } from '../../settings.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { Events } from '../../messaging/broker-events.js';
import type { Reporting } from '../../reporting.js';

const CLAIMED = 'the client claimed the reservation meanwhile';

/**
 * Moves a reservation that its client has not claimed yet. The client only gets a new match, since it has not connected to a
 * host. A reservation that is claimed meanwhile stays where it is.
 */
export async function moveUnclaimedSession(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  order: MoveOrder,
): Promise<MoveResult> {
  const { meta } = order.session;
  if (meta === null) return moveFailed('the store does not know the player of the session');
  try {
    return await runUnclaimedMove(context, order, meta);
  } catch (error) {
    return moveFailed(toRefusal(error).message);
  }
}

async function runUnclaimedMove(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  order: MoveOrder,
  meta: SessionMeta,
): Promise<MoveResult> {
  const { store, brokerId, limits } = context;
  const { regionPool, session, to, maxCongestion } = order;
  const { sessionId, hostId, clientBrokerId } = session;
  const isSameRegionPool = regionPoolName(regionPool) === regionPoolName(to);
  const allocated = await allocateMoveEpoch(context, order, meta);
  const toEpoch = allocated.epoch;
  const movedMeta = metaAfterMove(context, order, meta, allocated);
  const targetSession = { sessionId, epoch: toEpoch, clientBrokerId, meta: movedMeta };
  const requirements = { excludedHostId: isSameRegionPool ? hostId : null, maxCongestion };
  const { reservedMs } = moveDeadlines(limits.moveStepMs);
  const reservation = await store.reserveTargetSlot(to, targetSession, requirements, reservedMs, brokerId);
  if (reservation.kind !== 'reserved') return moveFailed(`no target slot: ${reservation.kind}`);
  const outcome = await moveIfUnclaimed(context, order, movedMeta, {
    hostId: reservation.hostId,
    epoch: toEpoch,
  });
  if (outcome?.kind !== 'moved') {
    await store.releaseTargetSlot(to, sessionId, toEpoch, brokerId);
    return moveFailed(CLAIMED);
  }
  const { epoch } = session;
  if (!isSameRegionPool)
    await releaseSourceRegionPool(context, to, outcome.session, { ...regionPool, epoch });
  notifyAllOfChange(context, to, outcome.session, reservation.hostConnectionId);
  if (isSameRegionPool) await notifySourceHost(context, regionPool, { hostId, sessionId, epoch });
  return { kind: 'moved', hostId: reservation.hostId };
}

/** @returns `undefined` if the client claimed the reservation, or another attempt of its request succeeded */
async function moveIfUnclaimed(
  context: BrokerSettings & StoreAccess,
  { regionPool, session, to }: MoveOrder,
  movedMeta: SessionMeta,
  targetHost: { readonly hostId: string; readonly epoch: number },
): Promise<CompleteMoveOutcome | undefined> {
  const { store, brokerId, limits } = context;
  const { sessionId } = session;
  // Read as late as possible: the source host admits a client that claims the reservation now, and keeps the session.
  const [now] = await store.getSessions(regionPool, [sessionId]);
  if (now?.state !== 'reserved' || now.epoch !== session.epoch) return undefined;
  const assignment = { sessionId, epoch: targetHost.epoch };
  if (!(await assignRequestToTarget(context, to, movedMeta, assignment))) return undefined;
  const { clientBrokerId, seq } = now;
  const completion = { sessionId, ...targetHost, state: 'reserved', clientBrokerId, seq } as const;
  return store.completeMove(to, completion, limits.reservationMs, brokerId);
}

function moveFailed(reason: string): MoveResult {
  return { kind: 'failed', by: 'store', reason, hostId: null };
}
