import {
  HELD_STATES,
  type EndReason,
  type HeldState,
  type SessionState,
} from '@duskline/protocol/vocabulary';

/**
 * The states that may follow each state of a session on one host. On its next host it begins with `reserved` again.
 * Hosts report all changes; `ended` may also come from the client, an operator or a sweep. `PROTOCOL.md` has the same table.
 */
export const SESSION_TRANSITIONS = {
  reserved: ['active', 'ended'],
  active: ['connected', 'disconnected', 'ended'],
  connected: ['disconnected', 'moving', 'ended'],
  disconnected: ['active', 'connected', 'ended'],
  moving: ['connected', 'disconnected', 'ended'],
  ended: [],
} as const satisfies Record<SessionState, readonly SessionState[]>;

/**
 * States of a session in the store: those of the protocol and two more.
 *
 * - `offered`: the slot is held for a waiting request that has not accepted it yet. The host does not know the session.
 * - `arriving`: the slot is held for a session that is moving to this host (a target reservation).
 */
export type StoredState = SessionState | 'offered' | 'arriving';

const STORED_TRANSITIONS = {
  offered: ['reserved', 'ended'],
  arriving: ['ended'],
  ...SESSION_TRANSITIONS,
} as const satisfies Record<StoredState, readonly StoredState[]>;

/** All states of sessions in the store. */
export const STORED_STATES = Object.keys(STORED_TRANSITIONS) as StoredState[];

/** Whether a session may change from one state to another. The same state is always allowed, since hosts repeat reports. */
export function canTransition(from: StoredState, to: StoredState): boolean {
  return from === to || (STORED_TRANSITIONS[from] as readonly StoredState[]).includes(to);
}

/** The states from which a session may change to `to`, including `to` itself. */
export function statesLeadingTo(to: StoredState): StoredState[] {
  return STORED_STATES.filter((from) => canTransition(from, to));
}

/** Whether a host holds a session in this state and lists it in its heartbeats. */
export function isHeld(state: StoredState): state is HeldState {
  return (HELD_STATES as readonly StoredState[]).includes(state);
}

/** A host can reverse an end for one of these reasons: if it still holds the session and has a free slot, it may keep the session. */
export const REVERSIBLE_REASONS: readonly EndReason[] = ['reservation_expired', 'host_lost'];

/** Whether the host of a session that ended for this reason may keep it. `null`: the session has not ended. */
export function isReversible(reason: EndReason | null): boolean {
  return reason !== null && REVERSIBLE_REASONS.includes(reason);
}
