import type { Play } from '@duskline/protocol';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { Candidate } from '../../domain/ranking.js';
import type { ClientConnection } from '../connections/connections.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { BrokerSettings } from '../settings.js';
import type { Requests } from '../requests/ports.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { Connections } from '../connections/ports.js';
import { acceptableRegionPools, joinQueues, noQueueRefusal } from './join-queues.js';
import { leaveAllQueues } from './accept-offer.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { sendQueuePosition } from './send-queue-position.js';
import { Refusal } from '../refusal.js';
import { requestKeyOf, type WaitingRequest } from '../requests/waiting-requests.js';

/** A request that found no slot, or that waited before, on whatever broker. */
export interface QueuePosition {
  readonly sessionId: string;
  readonly epoch: number;
  /** When it began to wait, by the store's clock, if it did before. */
  readonly arrivedAtMs: number | null;
  /** Whether it let an offer pass. */
  readonly missedOffer?: boolean;
  /** What it waits for, if it did before. */
  readonly title?: string | undefined;
  /** Queues it stands in already. */
  readonly places: readonly RegionPool[];
}

/**
 * Waits in the queues of every place that the latency policy accepts by now, until the turn comes and the client
 * takes it.
 *
 * @throws Refusal QUEUE_FULL, REGION_CLOSED, TIMED_OUT, CANCELLED, SESSION_OVER, UNAVAILABLE; Abandoned when the socket is gone
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
        // Whoever found the second offer missed does the same, unless that one died or could not reach them.
        if (error instanceof Refusal && error.code === 'TIMED_OUT') void leaveAllQueues(context, request);
        reject(error);
      },
    };
    context.waitingRequests.add(request);
    context.disconnectedRequests.forget(position.sessionId);
    client.pendingRequests.get(message.requestId)?.startWaiting();
    if (!context.connections.hasClient(client)) context.waitingRequests.removeClient(client);
    else void enterQueues(context, request, position.places);
  });
}

async function enterQueues(
  context: BrokerSettings & StoreAccess & Requests,
  request: WaitingRequest,
  before: readonly RegionPool[],
): Promise<void> {
  try {
    const { candidates, arrivedAtMs } = request;
    await joinQueues(context, request, [...before, ...acceptableRegionPools(candidates, arrivedAtMs)]);
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

/** A request is looked for where it was noted; with the first queue full, it stands in others only. */
async function recordQueue(context: StoreAccess, request: WaitingRequest): Promise<void> {
  const [place] = request.queues.values();
  if (
    place === undefined ||
    regionPoolName(place) === regionPoolName(request.candidates[0]?.regionPool ?? place)
  )
    return;
  await context.store.setRequestPool(requestKeyOf(request, place));
}
