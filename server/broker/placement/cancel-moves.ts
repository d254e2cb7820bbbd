import type { RegionPool } from '../../domain/catalog.js';
import { targetReservationIdOf } from '../../domain/target-reservation.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import { sendControlMessage } from '../messaging/send-control-message.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { decodeReach } from '../sessions/match-details.js';
import type { LocatedSession } from '../sessions/sessions-on-target.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

/**
 * Cancels the move of a session that another connection resumes. Otherwise this one would get in at the source host, while the
 * former client completes the move at the target host.
 *
 * @returns where the session is: on the target host if the former client was admitted there already
 */
export async function cancelMoves(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  located: LocatedSession,
): Promise<LocatedSession> {
  const { regionPool, session } = located;
  const mayMove = session.meta !== null && decodeReach(session.meta.match).canMove === true;
  if (!mayMove) return located;
  // Sessions move within their pool, to any region.
  const targets = context.fleet.regionPools.filter(({ pool }) => pool === regionPool.pool);
  const arrived = await Promise.all(targets.map((to) => cancelMove(context, to, session)));
  return arrived.find((session) => session !== undefined) ?? located;
}

/** @returns the session if it has moved to this region pool */
async function cancelMove(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  to: RegionPool,
  { sessionId, epoch }: SessionRecord,
): Promise<LocatedSession | undefined> {
  const { store, brokerId } = context;
  const [reservation, moved] = await store.getSessions(to, [targetReservationIdOf(sessionId), sessionId]);
  if (reservation?.state !== 'arriving' || reservation.epoch <= epoch) return arrivedAt(to, moved, epoch);
  const toEpoch = reservation.epoch;
  // Otherwise the broker that runs the move would blame the target host for the lost slot.
  await sendControlMessage(context, to, reservation.clientBrokerId, {
    type: 'reply',
    sessionId,
    epoch: toEpoch,
    reply: { kind: 'refused', by: 'client', reason: 'the player continues on another connection' },
  });
  const released = await store.releaseTargetSlot(to, sessionId, toEpoch, brokerId);
  if (released !== null) {
    notifyAllOfEnd(context, to, [released]);
    return undefined;
  }
  const [now] = await store.getSessions(to, [sessionId]);
  return arrivedAt(to, now, epoch);
}

function arrivedAt(
  regionPool: RegionPool,
  session: SessionRecord | null | undefined,
  aboveEpoch: number,
): LocatedSession | undefined {
  if (session === null || session === undefined || session.state === 'ended') return undefined;
  return session.epoch > aboveEpoch ? { regionPool, session } : undefined;
}
