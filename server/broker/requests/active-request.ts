import type { Play, Queued } from '@duskline/protocol';
import { groupByRegionPool, type RegionPool } from '../../domain/catalog.js';
import type { PlayRequest } from '../../domain/play-request/play-request.js';
import { isQueueing as isQueueingPhase } from '../../domain/play-request/queue-phases.js';
import type { RequestEntry } from '../../store/fleet-store.js';
import type { ClientConnection } from '../connections/connections.js';
import type { Refusal } from '../refusal.js';
import type { PlacedSession } from '../sessions/placed-session.js';

/** How the refusal of a request reaches its client. */
export interface RequestAnswerer {
  /**
   * Called with a refusal just before the `error` is sent.
   *
   * @returns whether an `error` is sent at all
   */
  onRefused(refusal: Refusal): boolean;
  /**
   * Called just before `replaced` is sent.
   *
   * @returns whether it is sent at all
   */
  onReplaced(replacement: Replacement): boolean;
}

/** The request that has the place of another one. */
export interface Replacement {
  readonly byRequestId: string;
  /** It ended the session of the other one, instead of continuing it. */
  readonly isTakeover: boolean;
}

/** A play request on the connection that sent it. Its machine has `state`; the other fields serve messages and metrics. */
export interface ActiveRequest {
  readonly client: ClientConnection;
  /** A request that waits keeps the title that it first waited for, whatever a repeated frame names. */
  message: Play;
  answerer: RequestAnswerer;
  /** When the request arrived, by the monotonic clock. */
  readonly arrivedHereAtMs: number;
  /** The number of times (`FleetCache.openings`) that region pools had been opened when the request was ranked. */
  rankedAtOpening: number;
  /** Resolves when the request is answered or waits in queues: then this broker has no work for it for now. */
  readonly atRest: Promise<void>;
  readonly markAtRest: () => void;
  state: PlayRequest<PlacedSession>;
  /** The request has waited in a queue. */
  hasWaited: boolean;
  /** The session that the request is, if the client knows it as one or it was found. */
  knownSessionId: string | undefined;
  /**
   * Who has the request, as far as this matters when its client cancels it: `elsewhere`, another connection of the player, perhaps to
   * another broker, that may be placing it; `replaced`, another request.
   */
  owner: 'this' | 'elsewhere' | 'replaced';
  /** A call that could have given the request its slot or queue position was not answered. */
  hasFailedAttempt: boolean;
  /** The message with which its client gave the request up. */
  withdrawnBy: 'cancel' | 'end' | null;
  /** The request that has the place of this one, if this broker knows. */
  replacement: Replacement | undefined;
  /** The endpoint of the host, once it is known. */
  endpoint: string | undefined;
  /** The last position that the client was sent. */
  lastSentPosition: Queued | undefined;
  /** When `lastSentPosition` was sent, by the monotonic clock. */
  lastSentAtMs: number;
}

/** Whether the request stands in queues. */
export function isQueueing({ state }: ActiveRequest): boolean {
  return isQueueingPhase(state.phase);
}

/** The request's record in the store, with that region pool. */
export function entryOf({ client, message, state }: ActiveRequest, regionPool: RegionPool): RequestEntry {
  return {
    playerId: client.playerId,
    requestId: message.requestId,
    sessionId: state.sessionId,
    regionPool,
  };
}

const NO_REQUESTS: readonly ActiveRequest[] = [];

/**
 * How many players without requests stay in the map before they are removed together. If each request added its player and removed
 * it again, the map would be rebuilt all the time; V8 links its former tables, so the garbage collector would take each request that
 * is in one of them for one that lives long, and copy all that it refers to.
 */
const MAX_IDLE_PLAYERS = 1_024;

/** The requests of this broker's clients that are not answered yet. */
export class ActiveRequests {
  /** Nearly every player has one. */
  readonly #byPlayer = new Map<string, readonly ActiveRequest[]>();
  /** Number of players in the map that have none. */
  #idlePlayers = 0;
  /** Requests that stand in queues, by the session that they become. */
  readonly #queueing = new Map<string, ActiveRequest>();
  /** Called when a request is closed. */
  readonly #closeListeners = new Map<ActiveRequest, (() => void)[]>();

  add(request: ActiveRequest): void {
    const { playerId } = request.client;
    const requests = this.#byPlayer.get(playerId);
    if (requests?.length === 0) this.#idlePlayers -= 1;
    this.#byPlayer.set(playerId, requests === undefined ? [request] : [...requests, request]);
  }

  remove(request: ActiveRequest): void {
    this.removeFromQueues(request);
    const { playerId } = request.client;
    const requests = this.ofPlayer(playerId);
    const others = requests.filter((other) => other !== request);
    if (others.length < requests.length) {
      this.#byPlayer.set(playerId, others.length === 0 ? NO_REQUESTS : others);
      if (others.length === 0) this.#countIdlePlayer();
    }
    for (const listener of this.#closeListeners.get(request) ?? []) listener();
    this.#closeListeners.delete(request);
  }

  #countIdlePlayer(): void {
    this.#idlePlayers += 1;
    if (this.#idlePlayers <= MAX_IDLE_PLAYERS) return;
    for (const [playerId, { length }] of this.#byPlayer) if (length === 0) this.#byPlayer.delete(playerId);
    this.#idlePlayers = 0;
  }

  /** Resolves when the request is answered. It must not be answered yet. */
  untilClosed(request: ActiveRequest): Promise<void> {
    return new Promise((resolve) => {
      this.#closeListeners.set(request, [...(this.#closeListeners.get(request) ?? []), resolve]);
    });
  }

  /** All requests of a player. */
  ofPlayer(playerId: string): readonly ActiveRequest[] {
    return this.#byPlayer.get(playerId) ?? NO_REQUESTS;
  }

  /** The newest request of a player with this id, on any connection. */
  findOfPlayer(playerId: string, requestId: string): ActiveRequest | undefined {
    return this.ofPlayer(playerId).findLast(({ message }) => message.requestId === requestId);
  }

  /** A client's request, by its id. */
  find(client: ClientConnection, requestId: string): ActiveRequest | undefined {
    return this.ofPlayer(client.playerId).find(
      (request) => request.client === client && request.message.requestId === requestId,
    );
  }

  /** All requests of a client. */
  ofClient(client: ClientConnection): readonly ActiveRequest[] {
    return this.ofPlayer(client.playerId).filter((request) => request.client === client);
  }

  /** The request of a client that becomes this session. */
  findOfSession(client: ClientConnection, sessionId: string): ActiveRequest | undefined {
    return this.ofClient(client).find(({ state }) => state.sessionId === sessionId);
  }

  /**
   * Records that a request stands in queues.
   *
   * @returns the request of another connection that stood there for the same session, if any
   */
  addToQueues(request: ActiveRequest): ActiveRequest | undefined {
    const { sessionId } = request.state;
    const previous = this.#queueing.get(sessionId);
    if (previous === request) return undefined;
    this.#queueing.set(sessionId, request);
    return previous;
  }

  removeFromQueues(request: ActiveRequest): void {
    const { sessionId } = request.state;
    if (this.#queueing.get(sessionId) === request) this.#queueing.delete(sessionId);
  }

  /** The request that stands in queues for this session. */
  findBySession(sessionId: string): ActiveRequest | undefined {
    return this.#queueing.get(sessionId);
  }

  /** Requests that stand in queues, grouped by queue. A request in several queues is in several groups. */
  groupByQueue(): [RegionPool, ActiveRequest[]][] {
    const positions = [...this.#queueing.values()].flatMap((request) =>
      request.state.queues.map((regionPool) => ({ regionPool, request })),
    );
    return groupByRegionPool(positions, ({ regionPool }) => regionPool).map(([regionPool, inQueue]) => [
      regionPool,
      inQueue.map(({ request }) => request),
    ]);
  }

  /** Number of requests that stand in queues. */
  get waitingCount(): number {
    return this.#queueing.size;
  }
}
