import { setTimeout as delay } from 'node:timers/promises';
import type { Play } from '@duskline/protocol';
import type { ClientConnection } from '../connections/connections.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Connections } from '../connections/ports.js';
import { Refusal, jittered } from '../refusal.js';
import { ClientDisconnected } from './waiting-requests.js';

/** The interval between checks. It costs nothing noticeable with a thousand waiting clients. */
const POLL_INTERVAL_MS = 200;

/**
 * Waits until the store is rebuilt: until the brokers have restored their sessions and queue positions, an unknown
 * request, or its player, may still have one. Resolves at once when the store is not rebuilding or knows the request.
 *
 * @throws Refusal CANCELLED; UNAVAILABLE when the rebuilding takes too long; ClientDisconnected when the client's socket closed
 */
export async function waitUntilRebuilt(
  context: StoreAccess & Connections,
  client: ClientConnection,
  { requestId }: Play,
): Promise<void> {
  const { storeHealth, connections } = context;
  const isRebuilding = (): boolean => storeHealth.isRebuilding;
  if (!isRebuilding()) return;
  if ((await context.batches.findRequest({ playerId: client.playerId, requestId })) !== null) return;
  // The store may be reachable again before a check notices it, so allow twice that time.
  const giveUpAtMs = performance.now() + 2 * storeHealth.rebuildMs;
  while (isRebuilding()) {
    if (!connections.hasClient(client)) throw new ClientDisconnected();
    if (client.pendingRequests.get(requestId)?.cancelled === true) throw new Refusal('CANCELLED');
    if (performance.now() > giveUpAtMs) throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
    await delay(POLL_INTERVAL_MS);
  }
}
