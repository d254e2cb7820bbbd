/**
 * The life of a host: `joining` until its first heartbeat, then `ready`; late makes it `suspect`
 * (nothing new, nothing else); `lost` removes it.
 */
export const HOST_STATES = ['joining', 'ready', 'suspect', 'lost'] as const;
export type HostState = (typeof HOST_STATES)[number];

/** What happens to a host. */
export type HostEvent = 'registered' | 'heartbeat' | 'late' | 'gone';

/** The next state by state and event. */
export const HOST_TRANSITIONS = {
  joining: { registered: 'joining', heartbeat: 'ready', late: 'suspect', gone: 'lost' },
  ready: { registered: 'joining', heartbeat: 'ready', late: 'suspect', gone: 'lost' },
  suspect: { registered: 'joining', heartbeat: 'ready', late: 'suspect', gone: 'lost' },
  lost: { registered: 'joining', heartbeat: 'lost', late: 'lost', gone: 'lost' },
} as const satisfies Record<HostState, Record<HostEvent, HostState>>;

export function nextHostState(state: HostState, event: HostEvent): HostState {
  return HOST_TRANSITIONS[state][event];
}

/** Whether new sessions may be placed on a host in this state. */
export function acceptsSessions(state: HostState): boolean {
  return state === 'ready';
}
