import type { StoreMs } from '../../domain/store-time.js';
import type { BrokerToClient, BrokerToHost, Device, Play, Register } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import type { MessageType } from '@duskline/protocol/validation';
import type { HeldState, SessionState } from '@duskline/protocol/vocabulary';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { ReportedSession, SessionMeta } from '../../store/fleet-store.js';
import type { UnansweredPrepares } from './unanswered-prepares.js';
import { SessionsInGroups } from './sessions-in-groups.js';

/** The socket of a client or host, provided by the transport. */
export interface Channel<Message> {
  readonly connectionId: string;
  /** Whether messages can reach the peer: neither side has sent a close frame. */
  readonly open: boolean;
  send(message: Message): void;
  /** Sends the error and closes the socket with the close code of that error. */
  closeWith(code: ErrorCode, details?: CloseDetails): void;
}

/** What the error before a close says. */
export interface CloseDetails {
  /** Replaces the text of the registry. */
  readonly message?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  /** The type of the message that the error answers, if it answers one. */
  readonly inReplyTo?: MessageType | null;
}

/** A client's session as the broker last sent it to the client. */
export interface ClientSession {
  readonly regionPool: RegionPool;
  /** The client's request that led to the session. */
  readonly request: Play;
  /** The session's metadata in the store. */
  readonly meta: SessionMeta;
  /** The host that the session is assigned to. */
  readonly hostId: string;
  /** The session's `seq` when this connection got it: the number of its tickets. */
  readonly seq: number;
  /** When the request began to wait in a queue; `null` when it did not wait, or when that is unknown. */
  readonly arrivedAtMs: StoreMs | null;
  /** When the reservation expires, by the monotonic clock. */
  readonly reservedUntilMs: number;
  epoch: number;
  state: SessionState;
  /** Consecutive checks in which the store did not know the session. */
  missedChecks: number;
  /** The move that the client was sent last, while it is under way. */
  pendingMove: ClientMove | null;
}

/** A move whose `moving` message was sent to the client. */
export interface ClientMove {
  readonly regionPool: RegionPool;
  readonly epoch: number;
  readonly hostId: string;
  readonly meta: SessionMeta;
  /** The broker that carries out the move. */
  readonly coordinatorBrokerId: string;
  /** When the move has completed or failed at the latest, by the monotonic clock. */
  readonly untilMs: number;
}

/** The player and device of a client connection. */
export interface ClientIdentity {
  readonly channel: Channel<BrokerToClient>;
  readonly playerId: string;
  /** One of the configured tiers. */
  readonly tier: string;
  readonly device: Device;
  /** The client connected with a resume token. */
  readonly resumed: boolean;
}

const NO_SESSIONS: ReadonlyMap<string, ClientSession> = new Map();

/**
 * A client's connection after its `hello`. Most of many thousand idle connections never request a session, so the maps are
 * created on first use to save memory.
 */
export class ClientConnection {
  readonly channel: Channel<BrokerToClient>;
  readonly playerId: string;
  readonly tier: string;
  readonly device: Device;
  /** The client resumed and has made no new request since: its next request is most likely a repeated one. */
  resumed: boolean;
  /** The session that the player left last. `client_left` is final. A session that ended for any other reason may still be replaced. */
  lastLeftSessionId: string | undefined;
  #sessions: Map<string, ClientSession> | undefined;

  constructor({ channel, playerId, tier, device, resumed }: ClientIdentity) {
    this.channel = channel;
    this.playerId = playerId;
    this.tier = tier;
    this.device = device;
    this.resumed = resumed;
    this.lastLeftSessionId = undefined;
  }

  /** By session id. `ConnectionDirectory` adds and removes them. */
  get sessions(): ReadonlyMap<string, ClientSession> {
    return this.#sessions ?? NO_SESSIONS;
  }

  addSession(sessionId: string, session: ClientSession): void {
    (this.#sessions ??= new Map()).set(sessionId, session);
  }

  removeSession(sessionId: string): void {
    this.#sessions?.delete(sessionId);
  }
}

/** A session whose client disconnected, as the client knew it. */
export interface DisconnectedSession {
  readonly sessionId: string;
  readonly playerId: string;
  readonly known: ClientSession;
}

/** The hosts that failed a session: each was lost, or refused it. */
export interface FailedHosts {
  readonly sessionId: string;
  readonly hostIds: ReadonlySet<string>;
}

/** A session and the connection that receives its events. */
export interface LinkedSession {
  readonly sessionId: string;
  readonly client: ClientConnection;
  readonly known: ClientSession;
}

/** A registered host's connection. */
export interface HostConnection {
  readonly channel: Channel<BrokerToHost>;
  readonly regionPool: RegionPool;
  readonly registration: Register;
  /** The sessions on the host, according to its last list of sessions and its messages since. */
  heldSessions: Map<string, { readonly epoch: number; readonly state: HeldState }>;
  /** The epoch that the host was sent last, by session id, so that no assignment is sent twice. */
  readonly lastSentEpochs: Map<string, number>;
  /** Whether the host was sent the ends of sessions that it listed when it registered. Until then it gets no `prepare` for their slots. */
  knowsEnds: boolean;
  /** The store may have reservations for more slots than the host has: they are compared after its first heartbeat. */
  mustReconcile: boolean;
  /** Ends that the host has reported and the store has not answered for. A list of its sessions without them does not say why they ended. */
  readonly endsUnderWay: Set<Promise<void>>;
  /** Assignments that the host was sent and has not said to be ready for. */
  readonly unansweredPrepares: UnansweredPrepares;
  /** The epoch that the store knows to be movable, by session id. */
  readonly movableEpochs: Map<string, number>;
}

/** The sessions on a host, in the form of the store. */
export function reportedSessionsOf(host: HostConnection): ReportedSession[] {
  return [...host.heldSessions].map(([sessionId, { epoch, state }]) => ({ sessionId, epoch, state }));
}

/** The connections of this broker: clients by session, hosts by region pool and host id. */
export class ConnectionDirectory {
  readonly #clientBySession = new SessionsInGroups<ClientConnection>();
  readonly #hosts = new Map<string, HostConnection>();
  readonly #clients = new Set<ClientConnection>();
  /** The connections that have or had a session, by player: most connections never have one. */
  readonly #clientsWithSessions = new Map<string, Set<ClientConnection>>();

  addClient(client: ClientConnection): void {
    this.#clients.add(client);
  }

  hasClient(client: ClientConnection): boolean {
    return this.#clients.has(client);
  }

  removeClient(client: ClientConnection): void {
    this.#clients.delete(client);
    const ofPlayer = this.#clientsWithSessions.get(client.playerId);
    if (ofPlayer?.delete(client) === true && ofPlayer.size === 0) {
      this.#clientsWithSessions.delete(client.playerId);
    }
    for (const sessionId of client.sessions.keys()) {
      if (this.#clientBySession.get(sessionId) === client) this.#clientBySession.delete(sessionId);
    }
  }

  /**
   * Makes a connection the receiver of a session's events: the newest one that requested the session.
   *
   * @returns the open connection that received the events before, if any
   */
  linkSession(
    client: ClientConnection,
    sessionId: string,
    session: ClientSession,
  ): ClientConnection | undefined {
    // The client may have disconnected before its request was answered.
    if (!this.#clients.has(client)) return undefined;
    const previous = this.#clientBySession.get(sessionId);
    previous?.removeSession(sessionId);
    client.addSession(sessionId, session);
    this.#clientBySession.set(sessionId, client);
    const ofPlayer = this.#clientsWithSessions.get(client.playerId);
    if (ofPlayer === undefined) this.#clientsWithSessions.set(client.playerId, new Set([client]));
    else ofPlayer.add(client);
    return previous === client ? undefined : previous;
  }

  /** Whether a session is linked to any connection of the player. */
  hasSessionOf(playerId: string): boolean {
    for (const { sessions } of this.#clientsWithSessions.get(playerId) ?? [])
      if (sessions.size > 0) return true;
    return false;
  }

  unlinkSession(sessionId: string): void {
    this.#clientBySession.get(sessionId)?.removeSession(sessionId);
    this.#clientBySession.delete(sessionId);
  }

  /** The sessions whose events this connection receives. */
  sessionsOf(client: ClientConnection): LinkedSession[] {
    return [...client.sessions].flatMap(([sessionId, known]) =>
      this.#clientBySession.get(sessionId) === client ? [{ sessionId, client, known }] : [],
    );
  }

  linkedSessions(): LinkedSession[] {
    return this.#clientBySession.entries().flatMap(toLinkedSession);
  }

  /** The linked sessions of one group (`groupOfSession`). */
  linkedSessionsOf(group: number): LinkedSession[] {
    return this.#clientBySession.entriesOf(group).flatMap(toLinkedSession);
  }

  clientOfSession(sessionId: string): ClientConnection | undefined {
    return this.#clientBySession.get(sessionId);
  }

  /** Returns the connection that the new one replaces, if any. */
  addHost(host: HostConnection): HostConnection | undefined {
    const key = hostKey(host.regionPool, host.registration.hostId);
    const previous = this.#hosts.get(key);
    this.#hosts.set(key, host);
    return previous;
  }

  removeHost(host: HostConnection): void {
    const key = hostKey(host.regionPool, host.registration.hostId);
    if (this.#hosts.get(key) === host) this.#hosts.delete(key);
  }

  findHost(regionPool: RegionPool, hostId: string): HostConnection | undefined {
    return this.#hosts.get(hostKey(regionPool, hostId));
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  get hostCount(): number {
    return this.#hosts.size;
  }
}

function toLinkedSession([sessionId, client]: readonly [string, ClientConnection]): LinkedSession[] {
  const known = client.sessions.get(sessionId);
  return known === undefined ? [] : [{ sessionId, client, known }];
}

function hostKey(regionPool: RegionPool, hostId: string): string {
  return `${regionPoolName(regionPool)}/${hostId}`;
}
