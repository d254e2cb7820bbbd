import { HELD_STATES, type HeldState, type SessionState } from '@duskline/protocol/vocabulary';

/**
 * Where a session may go from each state, at one host: at the next one it begins anew.
 * The host decides all but `ended`, which may also come from the client, an operator or a sweep.
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
 * What brokers know a session to be: besides what hosts and clients call it, `offered` while its slot is held for
 * a waiting placement that has not accepted it yet, of which its host does not know; and `arriving` while a slot is held
 * for a session that moves there.
 */
export type StoredState = SessionState | 'offered' | 'arriving';

const STORED_TRANSITIONS = {
  offered: ['reserved', 'ended'],
  arriving: ['ended'],
  ...SESSION_TRANSITIONS,
} as const satisfies Record<StoredState, readonly StoredState[]>;

export const STORED_STATES = Object.keys(STORED_TRANSITIONS) as StoredState[];

/** Whether a session may go from one state to another. Staying is always allowed: reports repeat. */
export function canTransition(from: StoredState, to: StoredState): boolean {
  return from === to || (STORED_TRANSITIONS[from] as readonly StoredState[]).includes(to);
}

/** The states from which a session may reach `to`, itself included. */
export function statesLeadingTo(to: StoredState): StoredState[] {
  return STORED_STATES.filter((from) => canTransition(from, to));
}

/** Whether the host holds a session in this state (and lists it in its heartbeats). */
export function isHeld(state: StoredState): state is HeldState {
  return (HELD_STATES as readonly StoredState[]).includes(state);
}
