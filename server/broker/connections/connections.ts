import type { BrokerToClient, BrokerToHost, Device, Play, Register } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import type { HeldState, SessionState } from '@duskline/protocol/vocabulary';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { ReportedSession, SessionMeta } from '../../store/fleet-store.js';

/** One peer's socket, as far as the broker sees it. The transport provides it. */
export interface Channel<Message> {
  readonly connectionId: string;
  send(message: Message): void;
  /** Says why and closes, with the close code of that error. */
  closeWith(code: ErrorCode, message?: string): void;
}

/** What the broker told a client about one of its sessions. */
export interface ClientSession {
  readonly place: RegionPool;
  /** The request that led to it, as this client made it. */
  readonly request: Play;
  /** What the store keeps of it. */
  readonly meta: SessionMeta;
  /** The host of its present assignment. */
  readonly hostId: string;
  /** When its request began to wait, by the store's clock; `null` when it did not, or nobody knows. */
  readonly arrivedAtMs: number | null;
  /** When the reservation runs out, by `performance.now()`. */
  readonly reservedUntilMs: number;
  epoch: number;
  state: SessionState;
  /** Looks in a row in which the store did not know it. */
  missedChecks: number;
  /** The host that its client was told to go to; `null` when none. */
  pendingMove: ClientMove | null;
}

/** A move that a client was told of. */
export interface ClientMove {
  readonly place: RegionPool;
  readonly epoch: number;
  readonly hostId: string;
  readonly meta: SessionMeta;
  /** The broker that carries it out. */
  readonly coordinatorBrokerId: string;
  /** When it is over, one way or the other, by `performance.now()`. */
  readonly untilMs: number;
}

/** Who a connection is of. */
export interface ClientIdentity {
  readonly channel: Channel<BrokerToClient>;
  readonly playerId: string;
  /** One of the configured tiers. */
  readonly tier: string;
  readonly device: Device;
  /** It resumed. */
  readonly resumed: boolean;
}

const NO_SESSIONS: ReadonlyMap<string, ClientSession> = new Map();
const NO_REQUESTS: ReadonlyMap<string, PendingRequest> = new Map();

/** A player's connection after its hello. Tens of thousands only look around, so what a request needs is made with the first. */
export class ClientConnection {
  readonly channel: Channel<BrokerToClient>;
  readonly playerId: string;
  readonly tier: string;
  readonly device: Device;
  /** It resumed, and has asked for nothing new since: what it asks for is most likely a repeat. */
  resumed: boolean;
  /** The session that its player left last. It is over for good, which no other end of a session is sure to be. */
  lastLeftSessionId: string | undefined;
  #sessions: Map<string, ClientSession> | undefined;
  #pending: Map<string, PendingRequest> | undefined;

  constructor({ channel, playerId, tier, device, resumed: returning }: ClientIdentity) {
    this.channel = channel;
    this.playerId = playerId;
    this.tier = tier;
    this.device = device;
    this.resumed = returning;
    this.lastLeftSessionId = undefined;
  }

  /** What it was told of its sessions. The directory adds and removes them. */
  get sessions(): ReadonlyMap<string, ClientSession> {
    return this.#sessions ?? NO_SESSIONS;
  }

  addSession(sessionId: string, session: ClientSession): void {
    (this.#sessions ??= new Map()).set(sessionId, session);
  }

  removeSession(sessionId: string): void {
    this.#sessions?.delete(sessionId);
  }

  /** Requests under way. */
  get pendingRequests(): ReadonlyMap<string, PendingRequest> {
    return this.#pending ?? NO_REQUESTS;
  }

  beginRequest(requestId: string, request: PendingRequest): void {
    (this.#pending ??= new Map()).set(requestId, request);
  }

  endRequest(requestId: string): void {
    this.#pending?.delete(requestId);
  }
}

/** A session whose client's socket was lost, with what this broker knew about it. */
export interface DisconnectedSession {
  readonly sessionId: string;
  readonly playerId: string;
  readonly known: ClientSession;
}

/** A session, and the connection that hears of it. */
export interface LinkedSession {
  readonly sessionId: string;
  readonly client: ClientConnection;
  readonly known: ClientSession;
}

/** A request that has no answer yet. */
export interface PendingRequest {
  /** The client has taken it back since. */
  cancelled: boolean;
  /** It has waited in a queue. */
  waited: boolean;
  /** It waits in a queue from now on: nothing is under way for it here. */
  readonly startWaiting: () => void;
}

/** A host's connection after its registration. */
export interface HostConnection {
  readonly channel: Channel<BrokerToHost>;
  readonly place: RegionPool;
  readonly registration: Register;
  /** What the host holds, as its last list and its messages since say. */
  heldSessions: Map<string, { readonly epoch: number; readonly state: HeldState }>;
  /** Assignments that it was told of, by session: nothing is told twice. */
  readonly lastSentEpochs: Map<string, number>;
  /** Assignments that the store knows to be movable, by session. */
  readonly movableEpochs: Map<string, number>;
}

/** What a host holds, as the store takes it. */
export function reportedSessionsOf(host: HostConnection): ReportedSession[] {
  return [...host.heldSessions].map(([sessionId, { epoch, state }]) => ({ sessionId, epoch, state }));
}

/** The connections of this broker, by what others look for. A broker's only state. */
export class ConnectionDirectory {
  readonly #clientBySession = new Map<string, ClientConnection>();
  readonly #hosts = new Map<string, HostConnection>();
  readonly #clients = new Set<ClientConnection>();

  addClient(client: ClientConnection): void {
    this.#clients.add(client);
  }

  hasClient(client: ClientConnection): boolean {
    return this.#clients.has(client);
  }

  removeClient(client: ClientConnection): void {
    this.#clients.delete(client);
    for (const sessionId of client.sessions.keys()) {
      if (this.#clientBySession.get(sessionId) === client) this.#clientBySession.delete(sessionId);
    }
  }

  /** The newest connection that asked for a session hears of it. Returns the one that did before, if it is open. */
  linkSession(
    client: ClientConnection,
    sessionId: string,
    session: ClientSession,
  ): ClientConnection | undefined {
    // A client may be gone by the time its answer is ready.
    if (!this.#clients.has(client)) return undefined;
    const before = this.#clientBySession.get(sessionId);
    before?.removeSession(sessionId);
    client.addSession(sessionId, session);
    this.#clientBySession.set(sessionId, client);
    return before === client ? undefined : before;
  }

  unlinkSession(sessionId: string): void {
    this.#clientBySession.get(sessionId)?.removeSession(sessionId);
    this.#clientBySession.delete(sessionId);
  }

  /** The sessions that this connection hears of. */
  sessionsOf(client: ClientConnection): LinkedSession[] {
    return [...client.sessions].flatMap(([sessionId, known]) =>
      this.#clientBySession.get(sessionId) === client ? [{ sessionId, client, known }] : [],
    );
  }

  linkedSessions(): LinkedSession[] {
    return [...this.#clientBySession].flatMap(([sessionId, client]) => {
      const known = client.sessions.get(sessionId);
      return known === undefined ? [] : [{ sessionId, client, known }];
    });
  }

  clientOfSession(sessionId: string): ClientConnection | undefined {
    return this.#clientBySession.get(sessionId);
  }

  /** Returns the connection that the new one replaces, if any. */
  addHost(host: HostConnection): HostConnection | undefined {
    const key = hostKey(host.place, host.registration.hostId);
    const before = this.#hosts.get(key);
    this.#hosts.set(key, host);
    return before;
  }

  removeHost(host: HostConnection): void {
    const key = hostKey(host.place, host.registration.hostId);
    if (this.#hosts.get(key) === host) this.#hosts.delete(key);
  }

  findHost(place: RegionPool, hostId: string): HostConnection | undefined {
    return this.#hosts.get(hostKey(place, hostId));
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  get hostCount(): number {
    return this.#hosts.size;
  }
}

function hostKey(place: RegionPool, hostId: string): string {
  return `${regionPoolName(place)}/${hostId}`;
}
