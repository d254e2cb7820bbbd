import type { EndReason } from '@duskline/protocol/vocabulary';
import type { StoredState } from '../../domain/session-state.js';
import type { StoreMs } from '../../domain/store-time.js';

/** What brokers need to know about a session and the store only keeps. */
export interface SessionMeta {
  readonly playerId: string;
  readonly requestId: string;
  readonly title: string;
  /** What the match agreed on, so that a repeated request gets the same answer. JSON that only brokers read. */
  readonly match: string;
  /** The session gets no other host when it loses its host. */
  readonly endsWithHost?: true;
}

/** A session as the store keeps it. An ended session is kept for `ENDED_KEPT_MS`, so that a late caller learns of its end. */
export interface SessionRecord {
  readonly sessionId: string;
  readonly epoch: number;
  readonly state: StoredState;
  /** Set when `state` is `ended`. */
  readonly reason: EndReason | null;
  readonly hostId: string;
  readonly reservedAtMs: StoreMs;
  /** The broker that the client was last connected to; empty when unknown. */
  readonly clientBrokerId: string;
  /** Rises each time the session is given to another connection of its player (`giveSession`). 0 before the first time. */
  readonly seq: number;
  /** `null` for a session that was adopted from its host's report. */
  readonly meta: SessionMeta | null;
  /** Whether the host would hand over the session's state, as the host last reported. */
  readonly movable: boolean;
}

/** A session that a call ended, with the connection of its host if that host is known. */
export interface EndedSession {
  readonly session: SessionRecord;
  readonly hostConnectionId: string | null;
}

/** A session that needs a slot, or has one, with everything that the store keeps of it. */
export interface Reservation {
  readonly sessionId: string;
  readonly epoch: number;
  readonly clientBrokerId: string;
  readonly meta: SessionMeta;
}
