import type { RegionPool } from '../../domain/catalog.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import { sendControlMessage } from '../messaging/send-control-message.js';
import type { MoveParty, MoveReply } from '../../domain/move/move-reply.js';

/** Identifies one attempt to move a session, and the broker that runs it. */
export interface MoveAttempt {
  readonly sessionId: string;
  /** Region pool of the target host. */
  readonly to: RegionPool;
  /** Epoch of the session on the target host. */
  readonly toEpoch: number;
  readonly coordinatorBrokerId: string;
}

export function replyToCoordinator(
  context: BrokerSettings & StoreAccess & Events,
  { sessionId, to, toEpoch, coordinatorBrokerId }: MoveAttempt,
  reply: MoveReply,
): Promise<void> {
  return sendControlMessage(context, to, coordinatorBrokerId, {
    type: 'reply',
    sessionId,
    epoch: toEpoch,
    reply,
  });
}

/** @param reason what operators read in the log and in the list of moves */
export function refuseMove(
  context: BrokerSettings & StoreAccess & Events,
  attempt: MoveAttempt,
  by: MoveParty,
  reason: string,
): Promise<void> {
  return replyToCoordinator(context, attempt, { kind: 'refused', by, reason });
}
