import type { Play, Queued } from '@duskline/protocol';
import type { RegionPool } from '../../domain/catalog.js';
import type { Candidate } from '../../domain/ranking.js';
import type { RequestEntry } from '../../store/fleet-store.js';
import type { ClientConnection } from '../connections/connections.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { Refusal } from '../refusal.js';

/** The slot that is held for a waiting request. */
export interface ReceivedOffer {
  readonly place: RegionPool;
  readonly epoch: number;
  /** By the store's clock: tells this offer from a later one of the same place. */
  readonly madeAtMs: number;
  /** When this broker heard of it, by `performance.now()`: what the store said before knows nothing of it. */
  readonly receivedAtMs: number;
  /** When its time is over, by `performance.now()`: the store takes it back at its next sweep. */
  readonly expiresAtMs: number;
}

/** A request that waits for its turn, on the connection that asked for it. */
export interface WaitingRequest {
  readonly client: ClientConnection;
  readonly message: Play;
  readonly sessionId: string;
  /** Of the player's request in the store: whoever raises it decides what the request becomes. */
  requestEpoch: number;
  readonly candidates: readonly Candidate[];
  /** By the store's clock; `null` until the first queue has it. */
  arrivedAtMs: number | null;
  /** It let an offer pass, as one of its queues says: those it joins later have to know. */
  missedOffer: boolean;
  /** The queues it stands in, by the name of the place. */
  readonly queues: Map<string, RegionPool>;
  offer: ReceivedOffer | null;
  /** The client said yes to the offer. */
  accepted: boolean;
  /** An `accept` is on its way to the store. */
  accepting: boolean;
  /** Whether one that failed on its way arrived is not known. */
  acceptUncertain: boolean;
  /** What the client was told last. */
  lastSentPosition: Queued | undefined;
  /** When, by `performance.now()`. */
  lastSentAtMs: number;
  /** The turn was taken. */
  readonly resolve: (placed: PlacedSession) => void;
  /** It will not become a session, or not on this connection. One that timed out leaves its other queues. */
  readonly reject: (error: Error) => void;
}

/** The request as the store notes it, in that place. */
export function requestKeyOf(
  { client, message, sessionId }: WaitingRequest,
  place: RegionPool,
): RequestEntry {
  return { playerId: client.playerId, requestId: message.requestId, sessionId, regionPool: place };
}

/** The client's socket is gone: the request waits on in the store, and nobody here is to be answered. */
export class ClientDisconnected extends Error {
  override readonly name = 'ClientDisconnected';
}

/** The requests that wait and whose clients are on this broker. Their places in the queues are the store's. */
export class WaitingRequests {
  readonly #bySession = new Map<string, WaitingRequest>();

  add(request: WaitingRequest): void {
    // Another connection of the player goes on with it: the one before is told that it is over for it.
    const before = this.#bySession.get(request.sessionId);
    before?.queues.clear();
    before?.reject(new Refusal('CANCELLED'));
    this.#bySession.set(request.sessionId, request);
  }

  remove(request: WaitingRequest): void {
    if (this.#bySession.get(request.sessionId) === request) this.#bySession.delete(request.sessionId);
  }

  has(request: WaitingRequest): boolean {
    return this.#bySession.get(request.sessionId) === request;
  }

  findBySession(sessionId: string): WaitingRequest | undefined {
    return this.#bySession.get(sessionId);
  }

  findByRequest(client: ClientConnection, requestId: string): WaitingRequest | undefined {
    for (const request of this.#bySession.values()) {
      if (request.client === client && request.message.requestId === requestId) return request;
    }
    return undefined;
  }

  /** All that wait, by the queues they stand in. */
  groupByQueue(): { readonly place: RegionPool; readonly requests: WaitingRequest[] }[] {
    const groups = new Map<string, { place: RegionPool; requests: WaitingRequest[] }>();
    for (const request of this.#bySession.values()) {
      for (const [name, place] of request.queues) {
        const group = groups.get(name) ?? { place, requests: [] };
        group.requests.push(request);
        groups.set(name, group);
      }
    }
    return [...groups.values()];
  }

  get size(): number {
    return this.#bySession.size;
  }

  get all(): readonly WaitingRequest[] {
    return [...this.#bySession.values()];
  }

  /** Returns the requests that wait on without their client. */
  removeClient(client: ClientConnection): WaitingRequest[] {
    // Thousands may go at once, most of whom wait for nothing.
    if (client.pendingRequests.size === 0) return [];
    const abandoned = this.all.filter((request) => request.client === client);
    for (const request of abandoned) request.reject(new ClientDisconnected());
    return abandoned;
  }
}
