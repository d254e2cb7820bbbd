import { HELD_STATES, type HeldState } from '@duskline/protocol';

/**
 * The states of a session on its host. `prepared` is `reserved` at the broker; the other names are equal.
 */
export const HOST_SESSION_STATES = ['prepared', ...HELD_STATES, 'ended'] as const;
export type HostSessionState = (typeof HOST_SESSION_STATES)[number];

/**
 * - `admit`: a client showed a valid ticket.
 * - `connect` / `disconnect`: the client receives the stream / lost its connection.
 * - `checkpoint`: the broker requests the state for another host; the session is paused.
 * - `resume`: the move failed; the session continues here.
 * - `end`: the application or the broker ended the session, or the reservation expired.
 */
export const HOST_SESSION_EVENTS = ['admit', 'connect', 'disconnect', 'checkpoint', 'resume', 'end'] as const;
export type HostSessionEvent = (typeof HOST_SESSION_EVENTS)[number];

/** The events that the application reports. */
export type ReportedEvent = 'connect' | 'disconnect' | 'end';

/**
 * The next state for each state and event. Events that are not listed are not allowed.
 *
 * `admit` is not allowed in `active`, `connected` and `moving`, because a client has the session, and a second one with a copy of
 * its ticket must be refused. In `disconnected` the ticket admits the client again.
 */
export const TRANSITIONS = {
  prepared: { admit: 'active', end: 'ended' },
  active: { connect: 'connected', disconnect: 'disconnected', end: 'ended' },
  connected: { disconnect: 'disconnected', checkpoint: 'moving', end: 'ended' },
  disconnected: { admit: 'active', connect: 'connected', end: 'ended' },
  moving: { resume: 'connected', disconnect: 'disconnected', end: 'ended' },
  ended: {},
} as const satisfies Record<HostSessionState, Partial<Record<HostSessionEvent, HostSessionState>>>;

/** The state after the event, or `undefined` if the event is not allowed. */
export function nextState(state: HostSessionState, event: HostSessionEvent): HostSessionState | undefined {
  const row: Partial<Record<HostSessionEvent, HostSessionState>> = TRANSITIONS[state];
  return row[event];
}

/** Whether a session in this state uses a slot and is listed in heartbeats. */
export function isHeld(state: HostSessionState): state is HeldState {
  return (HELD_STATES as readonly HostSessionState[]).includes(state);
}
