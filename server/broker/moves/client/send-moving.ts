import { targetReservationIdOf } from '../../../domain/target-reservation.js';
import type { RegionPool } from '../../../domain/catalog.js';
import { heldBy } from '../../connections/client-session-directory.js';
import type { Connections } from '../../connections/ports.js';
import type { Credentials } from '../../credentials.js';
import type { ControlMessage } from '../../messaging/control-messages.js';
import { createMatched } from '../../placement/create-matched.js';
import { placedFromSession } from '../../requests/placed-from-session.js';
import { refuseMove } from '../reply-to-coordinator.js';
import type { BrokerSettings } from '../../settings.js';
import type { Runtime } from '../../../runtime/runtime.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { Events } from '../../messaging/broker-events.js';

/** On the client's broker: sends the client to the target host. */
export async function sendMoving(
  context: BrokerSettings & Runtime & StoreAccess & Events & Connections & Credentials,
  regionPool: RegionPool,
  message: Extract<ControlMessage, { type: 'moving' }>,
): Promise<void> {
  const { sessionId, epoch, fromEpoch, coordinatorBrokerId, claimWithinMs } = message;
  const [reservation] = await context.store.getSessions(regionPool, [targetReservationIdOf(sessionId)]);
  const session = context.clientSessions.find(sessionId);
  const held = heldBy(session);
  const attempt = { sessionId, to: regionPool, toEpoch: epoch, coordinatorBrokerId };
  if (session === undefined || session.client === null || held?.epoch !== fromEpoch) {
    return refuseMove(context, attempt, 'client', 'the client is not connected');
  }
  if (reservation?.state !== 'arriving' || reservation.epoch !== epoch) {
    return refuseMove(context, attempt, 'client', 'the target slot is no longer reserved');
  }
  const { earlierSession: _, ...placed } = await placedFromSession(
    context,
    regionPool,
    reservation,
    claimWithinMs,
  );
  const { seq, request } = held.assignment;
  const matched = await createMatched(context, session.client, request, { ...placed, sessionId, seq });
  const { hostId, meta } = placed;
  const untilMs = context.clock.monotonicMs() + claimWithinMs;
  const overAtMs = untilMs + context.intervals.moveGraceMs;
  const assignment = { ...held.assignment, regionPool, epoch, hostId, meta };
  context.sessionRunner.dispatch(session, {
    type: 'moving',
    move: { assignment, coordinatorBrokerId, untilMs, overAtMs },
    fromEpoch,
    message: { ...matched, type: 'moving' },
  });
}
