import type { EndReason } from '@duskline/protocol/vocabulary';
import type { StoredState } from '../../domain/session-state.js';

/** What the brokers have to know of a session and the store only keeps. */
export interface SessionMeta {
  readonly playerId: string;
  readonly requestId: string;
  readonly title: string;
  /** What the match agreed on, so that a repeated request gets the same answer; JSON of the broker's own. */
  readonly match: string;
}

/** A session as the store keeps it. An ended one is kept for a while, so that latecomers can be told. */
export interface SessionRecord {
  readonly sessionId: string;
  readonly epoch: number;
  readonly state: StoredState;
  /** Present when `state` is `ended`. */
  readonly reason: EndReason | null;
  readonly hostId: string;
  /** By the store's clock. */
  readonly reservedAtMs: number;
  /** The broker that the client was last seen on; empty when nobody knows. */
  readonly clientBrokerId: string;
  /** `null` for a session that was adopted from its host's report. */
  readonly meta: SessionMeta | null;
  /** Whether its host would hand its state over, as the host said last. */
  readonly movable: boolean;
}

/** A session that this call ended, and the connection of the host it was on, if the host is known. */
export interface EndedSession {
  readonly session: SessionRecord;
  readonly hostConnectionId: string | null;
}

/** A session with all that is kept of it: a slot is wanted for it in one place, or it has one. */
export interface Reservation {
  readonly sessionId: string;
  readonly epoch: number;
  readonly clientBrokerId: string;
  readonly meta: SessionMeta;
}
