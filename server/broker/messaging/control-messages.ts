import type { RegionPool } from '../../domain/catalog.js';
import type { MoveReply } from '../../domain/move/move-reply.js';

/**
 * Messages between brokers about a session, most of them to move it. The region pool that a message is sent with is the one of
 * the source host for `checkpoint`, `resume`, `moved_away` and `cancelled`, the one of the session for `endpoint_changed`, and the
 * one of the target host for all others. A message may be lost, so every wait for a reply has a deadline.
 */
export type ControlMessage =
  /** To the source host's broker: pause the session and hand its state over. */
  | {
      readonly type: 'checkpoint';
      readonly hostId: string;
      readonly sessionId: string;
      readonly epoch: number;
      readonly to: RegionPool;
      readonly toEpoch: number;
      readonly coordinatorBrokerId: string;
      readonly withinMs: number;
      readonly stillMs: number;
    }
  /** To the source host's broker: the move failed, and the session continues on that host. */
  | {
      readonly type: 'resume';
      readonly hostId: string;
      readonly sessionId: string;
      readonly epoch: number;
      readonly toEpoch: number;
    }
  /** To the source host's broker: the session is on another host of the same region pool now. */
  | {
      readonly type: 'moved_away';
      readonly hostId: string;
      readonly sessionId: string;
      readonly epoch: number;
    }
  /** To the target host's broker: restore the session from its checkpoint. */
  | {
      readonly type: 'restore';
      readonly sessionId: string;
      readonly epoch: number;
      readonly coordinatorBrokerId: string;
      readonly withinMs: number;
      readonly claimWithinMs: number;
      readonly reference: string | null;
    }
  /** To the client's broker: send the client to the target host. */
  | {
      readonly type: 'moving';
      readonly sessionId: string;
      readonly epoch: number;
      readonly fromEpoch: number;
      readonly coordinatorBrokerId: string;
      readonly claimWithinMs: number;
    }
  /** To the client's broker: the move was cancelled, and the session stays on the source host. */
  | { readonly type: 'cancelled'; readonly sessionId: string; readonly epoch: number }
  /** To the client's broker: the session is in this region pool now. */
  | { readonly type: 'arrived'; readonly sessionId: string; readonly epoch: number }
  /** To the client's broker: the host of the session has returned at another endpoint. */
  | { readonly type: 'endpoint_changed'; readonly sessionId: string; readonly epoch: number }
  /** To the coordinator. `epoch` is the one of the session on the target host. */
  | { readonly type: 'reply'; readonly sessionId: string; readonly epoch: number; readonly reply: MoveReply };

/** Parses the body of a control message. Not validated, since only brokers write it (`sendControlMessage`). */
export function parseControlMessage(body: string): ControlMessage {
  return JSON.parse(body) as ControlMessage;
}
