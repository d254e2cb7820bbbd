import type { Play } from '@duskline/protocol';
import { placeName, type Place } from '../domain/catalog.js';
import type { Candidate } from '../domain/ranking.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { acceptablePlaces, joinQueues, nowhereToWait } from './join-queues.js';
import { withdrawEverywhere } from './offers.js';
import type { Placed } from './placed.js';
import { tellPosition } from './queue-position.js';
import { Refusal } from './refusal.js';
import { claimOf, type WaitingRequest } from './waiting-room.js';

/** A request that found no slot, or that waited before, on whatever broker. */
export interface TurnWanted {
  readonly sessionId: string;
  readonly epoch: number;
  /** When it began to wait, by the store's clock, if it did before. */
  readonly arrivedAtMs: number | null;
  /** Whether it let an offer pass. */
  readonly missed?: boolean;
  /** What it waits for, if it did before. */
  readonly title?: string | undefined;
  /** Queues it stands in already. */
  readonly places: readonly Place[];
}

/**
 * Waits in the queues of every place that the latency policy accepts by now, until the turn comes and the client
 * takes it.
 *
 * @throws Refusal QUEUE_FULL, REGION_CLOSED, TIMED_OUT, CANCELLED, SESSION_OVER, UNAVAILABLE; Abandoned when the socket is gone
 */
export function waitForTurn(
  context: BrokerContext,
  client: ClientConnection,
  message: Play,
  candidates: readonly Candidate[],
  wanted: TurnWanted,
): Promise<Placed> {
  return new Promise<Placed>((resolve, reject) => {
    const request: WaitingRequest = {
      client,
      message,
      sessionId: wanted.sessionId,
      claimEpoch: wanted.epoch,
      candidates,
      arrivedAtMs: wanted.arrivedAtMs,
      missed: wanted.missed ?? false,
      places: new Map(),
      offer: null,
      accepted: false,
      accepting: false,
      unsure: false,
      told: undefined,
      toldAtMs: -Infinity,
      settle: (placed) => {
        context.waiting.remove(request);
        resolve(placed);
      },
      giveUp: (error) => {
        context.waiting.remove(request);
        // Whoever found the second offer missed does the same, unless that one died or could not reach them.
        if (error instanceof Refusal && error.code === 'TIMED_OUT') void withdrawEverywhere(context, request);
        reject(error);
      },
    };
    context.waiting.add(request);
    context.departed.requests.forget(wanted.sessionId);
    client.pending.get(message.requestId)?.waits();
    if (!context.connections.hasClient(client)) context.waiting.abandon(client);
    else void enter(context, request, wanted.places);
  });
}

async function enter(
  context: BrokerContext,
  request: WaitingRequest,
  before: readonly Place[],
): Promise<void> {
  try {
    const { candidates, arrivedAtMs } = request;
    await joinQueues(context, request, [...before, ...acceptablePlaces(candidates, arrivedAtMs)]);
    if (request.places.size === 0 && context.waiting.has(request)) {
      await context.store.forgetClaim(request.client.playerId, request.message.requestId);
      throw nowhereToWait(context, request);
    }
    await notePlace(context, request);
    await tellPosition(context, request);
  } catch (error) {
    request.giveUp(error instanceof Error ? error : new Error(String(error)));
  }
}

/** A request is looked for where it was noted; with the first queue full, it stands in others only. */
async function notePlace(context: BrokerContext, request: WaitingRequest): Promise<void> {
  const [place] = request.places.values();
  if (place === undefined || placeName(place) === placeName(request.candidates[0]?.place ?? place)) return;
  await context.store.moveClaim(claimOf(request, place));
}
