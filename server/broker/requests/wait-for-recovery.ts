import { setTimeout as delay } from 'node:timers/promises';
import type { Play } from '@duskline/protocol';
import { findRequestRecord } from './request-record.js';
import type { ClientConnection } from '../connections/connections.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Connections } from '../connections/ports.js';
import { Refusal, jittered } from '../refusal.js';
import { ClientDisconnected } from './waiting-requests.js';

/** Between two looks whether it is time: for a thousand who wait at once this is nothing. */
const POLL_INTERVAL_MS = 200;

/**
 * Waits until the store can be trusted to know what lives, when it was away a moment ago: a request that it does not
 * know may have a session or a place all the same, and so may its player. Else at once, like a request that it knows.
 *
 * @throws Refusal CANCELLED; UNAVAILABLE when the store is away still or again; Abandoned when the socket is gone
 */
export async function waitForRecovery(
  context: StoreAccess & Connections,
  client: ClientConnection,
  { requestId }: Play,
): Promise<void> {
  const { storeHealth, connections } = context;
  const isRebuilding = (): boolean => storeHealth.isRebuilding;
  if (!isRebuilding()) return;
  if ((await findRequestRecord(context, client.playerId, requestId)) !== undefined) return;
  // A look may have to notice first that the store is back.
  const giveUpAtMs = performance.now() + 2 * storeHealth.rebuildMs;
  while (isRebuilding()) {
    if (!connections.hasClient(client)) throw new ClientDisconnected();
    if (client.pendingRequests.get(requestId)?.cancelled === true) throw new Refusal('CANCELLED');
    if (performance.now() > giveUpAtMs) throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
    await delay(POLL_INTERVAL_MS);
  }
}
