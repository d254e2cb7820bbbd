import type { Play } from '@duskline/protocol';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { Candidate } from '../../domain/ranking.js';
import type { ClientConnection } from '../connections/connections.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { BrokerSettings } from '../settings.js';
import type { Requests } from '../requests/ports.js';
import type { CorePorts } from '../core-ports.js';
import type { Connections } from '../connections/ports.js';
import { acceptableRegionPools, joinQueues, noQueueRefusal } from './join-queues.js';
import { leaveAllQueues } from './accept-offer.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { sendQueuePosition } from './send-queue-position.js';
import { Refusal } from '../refusal.js';
import { requestEntryOf, type WaitingRequest } from '../requests/waiting-requests.js';

/** Where a request waits, or is to wait: it found no slot, or waited before on any broker. */
export interface QueuePosition {
  readonly sessionId: string;
  readonly epoch: number;
  /** When the request began to wait, by the store's clock; `null` if it did not wait before. */
  readonly arrivedAtMs: number | null;
  /** Whether the request missed an offer. */
  readonly missedOffer?: boolean;
  /** The title that the request waits for, if it waited before. */
  readonly title?: string | undefined;
  /** Region pools in whose queues the request waits already. */
  readonly regionPools: readonly RegionPool[];
}

/**
 * Waits in the queues of all region pools that the latency policy accepts, until the client has accepted an offer.
 *
 * @throws Refusal QUEUE_FULL, REGION_CLOSED, TIMED_OUT, CANCELLED, SESSION_OVER, UNAVAILABLE; ClientDisconnected when the
 * client's socket closed
 */
export function waitInQueue(
  context: CorePorts & Connections & Requests,
  client: ClientConnection,
  message: Play,
  candidates: readonly Candidate[],
  position: QueuePosition,
): Promise<PlacedSession> {
  return new Promise<PlacedSession>((resolve, reject) => {
    const request: WaitingRequest = {
      client,
      message,
      sessionId: position.sessionId,
      requestEpoch: position.epoch,
      candidates,
      arrivedAtMs: position.arrivedAtMs,
      missedOffer: position.missedOffer ?? false,
      queues: new Map(),
      offer: null,
      accepted: false,
      accepting: false,
      acceptUncertain: false,
      lastSentPosition: undefined,
      lastSentAtMs: -Infinity,
      resolve: (placed) => {
        context.waitingRequests.remove(request);
        resolve(placed);
      },
      reject: (error) => {
        context.waitingRequests.remove(request);
        // The broker that expired the second offer withdraws the request as well, but may have failed to reach all queues.
        if (error instanceof Refusal && error.code === 'TIMED_OUT') void leaveAllQueues(context, request);
        reject(error);
      },
    };
    context.waitingRequests.add(request);
    context.disconnectedRequests.forget(position.sessionId);
    client.pendingRequests.get(message.requestId)?.startWaiting();
    if (!context.connections.hasClient(client)) context.waitingRequests.removeClient(client);
    else void enterQueues(context, request, position.regionPools);
  });
}

async function enterQueues(
  context: BrokerSettings & StoreAccess & Requests,
  request: WaitingRequest,
  previousQueues: readonly RegionPool[],
): Promise<void> {
  try {
    const { candidates, arrivedAtMs } = request;
    await joinQueues(context, request, [
      ...previousQueues,
      ...acceptableRegionPools(candidates, arrivedAtMs),
    ]);
    if (request.queues.size === 0 && context.waitingRequests.has(request)) {
      await context.store.deleteRequest(request.client.playerId, request.message.requestId);
      throw noQueueRefusal(context, request);
    }
    await recordQueue(context, request);
    await sendQueuePosition(context, request);
  } catch (error) {
    request.reject(error instanceof Error ? error : new Error(String(error)));
  }
}

/** Updates the region pool in the request's record, where a repeated request is looked for first, if the first queue was full. */
async function recordQueue(context: StoreAccess, request: WaitingRequest): Promise<void> {
  const [regionPool] = request.queues.values();
  if (
    regionPool === undefined ||
    regionPoolName(regionPool) === regionPoolName(request.candidates[0]?.regionPool ?? regionPool)
  )
    return;
  await context.store.setRequestPool(requestEntryOf(request, regionPool));
}
