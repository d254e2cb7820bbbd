import type { RegionPool } from '../../domain/catalog.js';

/** The reply of one party of a move to the broker that coordinates the move. */
export type MoveStep =
  /** The source host paused the session and saved its state: in the store (`null`), or under this reference. */
  | { readonly kind: 'checkpoint'; readonly reference: string | null }
  /** The target host has restored the session and is ready for the client. */
  | { readonly kind: 'restored' }
  /** The client has connected to the target host. */
  | { readonly kind: 'arrived' }
  | { readonly kind: 'refused'; readonly by: MoveParty; readonly reason: string };

/** A party that can refuse a move. */
export type MoveParty = 'source' | 'target' | 'client' | 'store';

/**
 * Messages between brokers that move a session. Each is sent through the inbox of one region pool: that of the source host for
 * messages to its broker, for `cancelled` and for `left`, that of the target host otherwise. Messages may be lost: every wait
 * for a reply has a deadline.
 */
export type ControlMessage =
  | {
      readonly type: 'checkpoint';
      readonly hostId: string;
      readonly sessionId: string;
      readonly epoch: number;
      readonly to: RegionPool;
      readonly toEpoch: number;
      readonly moverId: string;
      readonly withinMs: number;
      readonly stillMs: number;
    }
  /** The move was cancelled: the source host continues the session. */
  | {
      readonly type: 'resume';
      readonly hostId: string;
      readonly sessionId: string;
      readonly epoch: number;
      readonly toEpoch: number;
    }
  /** The session has moved from that host to another one in the same region pool. */
  | { readonly type: 'left'; readonly hostId: string; readonly sessionId: string; readonly epoch: number }
  | {
      readonly type: 'restore';
      readonly sessionId: string;
      readonly epoch: number;
      readonly moverId: string;
      readonly claimWithinMs: number;
      readonly reference: string | null;
    }
  | {
      readonly type: 'moving';
      readonly sessionId: string;
      readonly epoch: number;
      readonly fromEpoch: number;
      readonly moverId: string;
      readonly claimWithinMs: number;
    }
  /** To the client's broker: the move was cancelled, and the session stays on its host. */
  | { readonly type: 'cancelled'; readonly sessionId: string; readonly epoch: number }
  /** To the client's broker: the session is in this region pool now. */
  | { readonly type: 'arrived'; readonly sessionId: string; readonly epoch: number }
  | { readonly type: 'step'; readonly sessionId: string; readonly epoch: number; readonly step: MoveStep };

/** Decodes a control message. Only brokers write them, so the content is not validated. */
export function parseControlMessage(body: string): ControlMessage {
  return JSON.parse(body) as ControlMessage;
}
