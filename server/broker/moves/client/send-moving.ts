import { targetReservationIdOf } from '../../../domain/target-reservation.js';
import type { RegionPool } from '../../../domain/catalog.js';
import type { Connections } from '../../connections/ports.js';
import type { Credentials } from '../../credentials.js';
import type { ControlMessage } from '../../messaging/control-messages.js';
import type { CorePorts } from '../../core-ports.js';
import { createMatched } from '../../placement/create-matched.js';
import { placedFromSession } from '../../requests/placed-from-session.js';
import { refuseMove } from '../reply-to-coordinator.js';

/** On the client's broker: sends the client to the target host. */
export async function sendMoving(
  context: CorePorts & Connections & Credentials,
  regionPool: RegionPool,
  message: Extract<ControlMessage, { type: 'moving' }>,
): Promise<void> {
  const { sessionId, epoch, fromEpoch, coordinatorBrokerId, claimWithinMs } = message;
  const [reservation] = await context.store.getSessions(regionPool, [targetReservationIdOf(sessionId)]);
  const client = context.connections.clientOfSession(sessionId);
  const known = client?.sessions.get(sessionId);
  const attempt = { sessionId, to: regionPool, toEpoch: epoch, coordinatorBrokerId };
  if (client === undefined || known?.epoch !== fromEpoch) {
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
  const { seq } = known;
  const matched = await createMatched(context, client, known.request, { ...placed, sessionId, seq });
  const { hostId, meta } = placed;
  const untilMs = context.clock.monotonicMs() + claimWithinMs;
  known.pendingMove = { regionPool, epoch, hostId, meta, coordinatorBrokerId, untilMs };
  client.channel.send({ ...matched, type: 'moving' });
}
