import type { HeldState, SessionState } from '@duskline/protocol/vocabulary';

/**
 * Where a session may go from each state. `moving` joins this table with live moves.
 * The host decides all but `ended`, which may also come from the client, an operator or a sweep.
 */
export const SESSION_TRANSITIONS = {
  reserved: ['active', 'ended'],
  active: ['connected', 'disconnected', 'ended'],
  connected: ['disconnected', 'ended'],
  disconnected: ['active', 'connected', 'ended'],
  ended: [],
} as const satisfies Record<SessionState, readonly SessionState[]>;

/** Whether a session may go from one state to another. Staying is always allowed: reports repeat. */
export function canTransition(from: SessionState, to: SessionState): boolean {
  return from === to || (SESSION_TRANSITIONS[from] as readonly SessionState[]).includes(to);
}

/** The states from which a session may reach `to`, itself included. */
export function sourcesOf(to: SessionState): SessionState[] {
  return (Object.keys(SESSION_TRANSITIONS) as SessionState[]).filter((from) => canTransition(from, to));
}

/** Whether the host holds a session in this state (and lists it in its heartbeats). */
export function isHeld(state: SessionState): state is HeldState {
  return state !== 'reserved' && state !== 'ended';
}
