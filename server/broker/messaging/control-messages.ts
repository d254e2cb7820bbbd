import type { RegionPool } from '../../domain/catalog.js';

/** How one party of a move answered the broker that carries it out. */
export type MoveStep =
  /** The old host holds the session still and handed its state over: to the store, or as a reference. */
  | { readonly kind: 'checkpoint'; readonly reference: string | null }
  /** The new host is ready to go on from it. */
  | { readonly kind: 'restored' }
  /** The session is on the new host. */
  | { readonly kind: 'arrived' }
  | { readonly kind: 'refused'; readonly by: MoveParty; readonly reason: string };

/** Who may keep a session from moving. */
export type MoveParty = 'source' | 'target' | 'client' | 'store';

/**
 * What brokers tell each other to move a session. A word is about the place that it is told in: the session's own for
 * those to the old host's broker, the new one for all others. Words may be lost: every wait for an answer has a deadline.
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
  /** The move came to nothing: the old host goes on. */
  | {
      readonly type: 'resume';
      readonly hostId: string;
      readonly sessionId: string;
      readonly epoch: number;
      readonly toEpoch: number;
    }
  /** The session has left that host for another of the same place. */
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
  /** To the client's broker, about the session's own place: the session stays there. */
  | { readonly type: 'cancelled'; readonly sessionId: string; readonly epoch: number }
  /** To the client's broker: the session is in this place now. */
  | { readonly type: 'arrived'; readonly sessionId: string; readonly epoch: number }
  | { readonly type: 'step'; readonly sessionId: string; readonly epoch: number; readonly step: MoveStep };

/** Reads what `sendWord` wrote on another broker; only brokers write it. */
export function parseControlMessage(body: string): ControlMessage {
  return JSON.parse(body) as ControlMessage;
}
