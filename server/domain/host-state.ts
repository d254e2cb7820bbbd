/**
 * States of a host.
 *
 * - `joining`: registered, no heartbeat yet.
 * - `ready`: takes new sessions.
 * - `suspect`: its heartbeat is late. It takes no new sessions; running sessions stay.
 * - `lost`: declared lost. Its sessions ended, and it has to register again.
 */
export const HOST_STATES = ['joining', 'ready', 'suspect', 'lost'] as const;
export type HostState = (typeof HOST_STATES)[number];

/** Events of a host: `late` and `gone` come from sweeps (`judgeSilentHosts`), the others from the host. */
export type HostEvent = 'registered' | 'heartbeat' | 'late' | 'gone';

/** The next state, by state and event. `PROTOCOL.md` has the same table. */
export const HOST_TRANSITIONS = {
  joining: { registered: 'joining', heartbeat: 'ready', late: 'suspect', gone: 'lost' },
  ready: { registered: 'joining', heartbeat: 'ready', late: 'suspect', gone: 'lost' },
  suspect: { registered: 'joining', heartbeat: 'ready', late: 'suspect', gone: 'lost' },
  lost: { registered: 'joining', heartbeat: 'lost', late: 'lost', gone: 'lost' },
} as const satisfies Record<HostState, Record<HostEvent, HostState>>;

/** The state after an event. */
export function nextHostState(state: HostState, event: HostEvent): HostState {
  return HOST_TRANSITIONS[state][event];
}

/** Whether new sessions may be placed on a host in this state. */
export function acceptsSessions(state: HostState): boolean {
  return state === 'ready';
}
