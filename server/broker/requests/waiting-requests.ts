import type { Play, Queued } from '@duskline/protocol';
import type { RegionPool } from '../../domain/catalog.js';
import type { Candidate } from '../../domain/ranking.js';
import type { RequestEntry } from '../../store/fleet-store.js';
import type { ClientConnection } from '../connections/connections.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { Refusal } from '../refusal.js';

/** A slot that the store holds for a waiting request. */
export interface ReceivedOffer {
  readonly regionPool: RegionPool;
  readonly epoch: number;
  /** By the store's clock. Distinguishes this offer from a later one in the same region pool. */
  readonly madeAtMs: number;
  /** When this broker received the offer, by `performance.now()`: queries sent earlier do not know it. */
  readonly receivedAtMs: number;
  /** When the offer expires, by `performance.now()`. The store takes it back at its next sweep. */
  readonly expiresAtMs: number;
}

/** A request that waits in queues, on the connection that sent it. */
export interface WaitingRequest {
  readonly client: ClientConnection;
  readonly message: Play;
  readonly sessionId: string;
  /** The epoch of the request's record. Only the broker that raised it last may continue the request. */
  requestEpoch: number;
  readonly candidates: readonly Candidate[];
  /** When the request began to wait, by the store's clock; `null` until the first queue has accepted it. */
  arrivedAtMs: number | null;
  /** Whether the request missed an offer, according to one of its queues. Queues that it joins later must know. */
  missedOffer: boolean;
  /** The queues in which the request waits, by region pool name. */
  readonly queues: Map<string, RegionPool>;
  offer: ReceivedOffer | null;
  /** Whether the client accepted the offer. */
  accepted: boolean;
  /** Whether a call to the store to accept the offer is under way. */
  accepting: boolean;
  /** Whether a call to accept the offer failed without an answer: the store may have carried it out. */
  acceptUncertain: boolean;
  /** The last position that the client was sent. */
  lastSentPosition: Queued | undefined;
  /** When `lastSentPosition` was sent, by `performance.now()`. */
  lastSentAtMs: number;
  /** Ends the wait with a session. */
  readonly resolve: (placed: PlacedSession) => void;
  /** Ends the wait without a session on this connection. A request that timed out also leaves its other queues. */
  readonly reject: (error: Error) => void;
}

/** The request as the store records it, with that region pool. */
export function requestEntryOf(
  { client, message, sessionId }: WaitingRequest,
  regionPool: RegionPool,
): RequestEntry {
  return { playerId: client.playerId, requestId: message.requestId, sessionId, regionPool };
}

/** The client's socket closed: the request keeps waiting in the store, and this broker answers nothing. */
export class ClientDisconnected extends Error {
  override readonly name = 'ClientDisconnected';
}

/** The waiting requests of this broker's clients, by session id. The store holds their queue positions. */
export class WaitingRequests {
  readonly #bySession = new Map<string, WaitingRequest>();

  add(request: WaitingRequest): void {
    // Another connection of the player continues the request, so the previous connection gets CANCELLED.
    const previous = this.#bySession.get(request.sessionId);
    previous?.queues.clear();
    previous?.reject(new Refusal('CANCELLED'));
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

  /** All waiting requests, grouped by queue. A request in several queues is in several groups. */
  groupByQueue(): { readonly regionPool: RegionPool; readonly requests: WaitingRequest[] }[] {
    const groups = new Map<string, { regionPool: RegionPool; requests: WaitingRequest[] }>();
    for (const request of this.#bySession.values()) {
      for (const [name, regionPool] of request.queues) {
        const group = groups.get(name) ?? { regionPool, requests: [] };
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

  /** Rejects a client's requests with `ClientDisconnected`, and returns them: they keep waiting in the store. */
  removeClient(client: ClientConnection): WaitingRequest[] {
    // Thousands of clients may disconnect at once, most of them without a waiting request.
    if (client.pendingRequests.size === 0) return [];
    const requests = this.all.filter((request) => request.client === client);
    for (const request of requests) request.reject(new ClientDisconnected());
    return requests;
  }
}
