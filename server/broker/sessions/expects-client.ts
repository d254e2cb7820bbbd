import type { SessionRecord } from '../../store/fleet-store.js';

/**
 * Whether the session's client has no connection to its host, as far as the store knows, and is about to connect. A session that another
 * device resumed is still active for the former one.
 */
export function expectsClient({ state, seq }: Pick<SessionRecord, 'state' | 'seq'>): boolean {
  return state === 'reserved' || state === 'disconnected' || (state === 'active' && seq > 0);
}
