import type { FleetStore, RequestEntry } from '@duskline/server/store/fleet-store.js';
import { REGION_POOL, newSessionId } from '../../support/fleet/fleet-data.js';

/** The player of most tests about requests. */
export const PLAYER = 'player-1';

export function requestEntryOf(requestId: string, changes: Partial<RequestEntry> = {}): RequestEntry {
  return { playerId: PLAYER, requestId, sessionId: newSessionId(), regionPool: REGION_POOL, ...changes };
}

/** Records a request that is over at once. */
export async function recordOver(store: FleetStore, entry: RequestEntry): Promise<void> {
  await store.recordRequests([entry]);
  await store.clearLiveRequests([{ ...entry, epoch: 1 }]);
}
