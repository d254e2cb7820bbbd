import { HELD_STATES, type HeldState } from '@duskline/protocol';

/**
 * The life of a session as its host sees it. `prepared` is what the broker calls `reserved`; the others
 * have the broker's names.
 */
export const HOST_SESSION_STATES = ['prepared', ...HELD_STATES, 'ended'] as const;
export type HostSessionState = (typeof HOST_SESSION_STATES)[number];

/**
 * - `admit`: a client showed a good ticket.
 * - `connect` / `disconnect`: the stream runs / was lost.
 * - `checkpoint`: the broker wants its state, for another host; it is held still from now on.
 * - `resume`: that came to nothing, and it goes on here.
 * - `end`: the application or the broker ended it, or the reservation expired.
 */
export const HOST_SESSION_EVENTS = ['admit', 'connect', 'disconnect', 'checkpoint', 'resume', 'end'] as const;
export type HostSessionEvent = (typeof HOST_SESSION_EVENTS)[number];

/** What the application may report. */
export type ReportedEvent = 'connect' | 'disconnect' | 'end';

/**
 * What each event makes of each state; what is not listed is not allowed.
 *
 * `admit` is missing in `active`, `connected` and `moving`: there a client holds the session, and a second one with
 * a copy of its ticket is turned away. In `disconnected` nobody does, and the ticket lets its client back in.
 */
export const TRANSITIONS = {
  prepared: { admit: 'active', end: 'ended' },
  active: { connect: 'connected', disconnect: 'disconnected', end: 'ended' },
  connected: { disconnect: 'disconnected', checkpoint: 'moving', end: 'ended' },
  disconnected: { admit: 'active', connect: 'connected', end: 'ended' },
  moving: { resume: 'connected', disconnect: 'disconnected', end: 'ended' },
  ended: {},
} as const satisfies Record<HostSessionState, Partial<Record<HostSessionEvent, HostSessionState>>>;

/** The state after the event, or `undefined` where the table has none. */
export function nextState(state: HostSessionState, event: HostSessionEvent): HostSessionState | undefined {
  const row: Partial<Record<HostSessionEvent, HostSessionState>> = TRANSITIONS[state];
  return row[event];
}

/** Whether a session in this state uses a slot and stands in the heartbeat's list. */
export function isHeld(state: HostSessionState): state is HeldState {
  return (HELD_STATES as readonly HostSessionState[]).includes(state);
}
