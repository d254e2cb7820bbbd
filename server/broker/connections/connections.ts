import type {
  BrokerToClient,
  BrokerToHost,
  Device,
  Matched,
  Moving,
  Play,
  Register,
} from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import type { MessageType } from '@duskline/protocol/validation';
import { isSameRegionPool, type RegionPool } from '../../domain/catalog.js';
import type {
  Assignment,
  BrokerTypes,
  ClientSession,
  Held,
} from '../../domain/client-session/client-session.js';
import type { StoreMs } from '../../domain/store-time.js';
import type { SessionMeta } from '../../store/fleet-store.js';
import type { HostSessions } from './host-sessions.js';

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

const NO_SESSIONS: ReadonlyMap<string, ClientSessionRecord> = new Map();

/**
 * A client's connection after its `hello`. Most of many thousand idle connections never request a session, so the map is
 * created on first use to save memory.
 */
export class ClientConnection {
  readonly channel: Channel<BrokerToClient>;
  readonly playerId: string;
  readonly tier: string;
  readonly device: Device;
  /** The client resumed and has made no new request since: its next request is most likely a repeated one. */
  resumed: boolean;
  #sessions: Map<string, ClientSessionRecord> | undefined;

  constructor({ channel, playerId, tier, device, resumed }: ClientIdentity) {
    this.channel = channel;
    this.playerId = playerId;
    this.tier = tier;
    this.device = device;
    this.resumed = resumed;
  }

  /**
   * By session id: the sessions that this connection has, and those that may come back to it. `ClientSessionDirectory` adds and
   * removes them.
   */
  get sessions(): ReadonlyMap<string, ClientSessionRecord> {
    return this.#sessions ?? NO_SESSIONS;
  }

  addSession(record: ClientSessionRecord): void {
    (this.#sessions ??= new Map()).set(record.sessionId, record);
  }

  removeSession(record: ClientSessionRecord): void {
    if (this.#sessions?.get(record.sessionId) === record) this.#sessions.delete(record.sessionId);
  }
}

/** The host that has a client's session, with all that a `matched` message needs. */
export interface ClientAssignment extends Assignment {
  /** The client's request that led to the session. */
  readonly request: Play;
  /** The session's metadata in the store. */
  readonly meta: SessionMeta;
  /** The session's `seq` when this connection got it: the number of its tickets. */
  readonly seq: number;
  /** When the request began to wait in a queue; `null` when it did not wait, or when that is unknown. */
  readonly arrivedAtMs: StoreMs | null;
}

/** A client's `end`, or the `cancel` of its request. */
export interface EndOrder {
  readonly client: ClientConnection;
  /** `null` for an `end`. */
  readonly requestId: string | null;
  /** Called when the order is answered: a broker that stops waits for that. */
  readonly markAnswered: () => void;
}

/** The types with which this broker uses the machine of a client's session. */
export interface ClientSessionTypes extends BrokerTypes {
  readonly assignment: ClientAssignment;
  readonly message: Matched | Moving;
  readonly order: EndOrder;
}

/** A session as its client knows it. */
export type HeldSession = Held<ClientSessionTypes>;

/** The warning that a client last received about a drain that ends its session. */
export interface DrainWarning {
  readonly endsAtMs: StoreMs;
  /** How long before the end it was due. */
  readonly aheadMs: number;
}

/** All that this broker knows of a client's session. */
export interface ClientSessionRecord {
  readonly sessionId: string;
  /** The connection that receives the session's events; `null` while it has none. */
  client: ClientConnection | null;
  /** The player; empty before the first match. */
  playerId: string;
  /** The state of the machine. Only `ClientSessionRunner` changes it. */
  state: ClientSession<ClientSessionTypes>;
  lastDrainWarning: DrainWarning | null;
}

/** A registered host's connection. */
export interface HostConnection {
  readonly channel: Channel<BrokerToHost>;
  readonly regionPool: RegionPool;
  readonly registration: Register;
  /** The sessions that the host has, or was sent. */
  readonly sessions: HostSessions;
  /** Whether the host was sent the ends of sessions that it listed when it registered. Until then it gets no `prepare` for their slots. */
  knowsEnds: boolean;
  /**
   * The store may have reservations for more slots than the host has: they are compared after its first heartbeat, and the host is sent those
   * that are left.
   */
  mustReconcile: boolean;
  /** Ends that the host has reported and the store has not answered for. A list of its sessions without them does not say why they ended. */
  readonly endsUnderWay: Set<Promise<void>>;
}

/** The connections of this broker: clients, and hosts by region pool and host id. */
export class ConnectionDirectory {
  /** By host id. Hosts of several region pools may have the same one. */
  readonly #hosts = new Map<string, HostConnection[]>();
  readonly #clients = new Set<ClientConnection>();

  addClient(client: ClientConnection): void {
    this.#clients.add(client);
  }

  hasClient(client: ClientConnection): boolean {
    return this.#clients.has(client);
  }

  removeClient(client: ClientConnection): void {
    this.#clients.delete(client);
  }

  /** Returns the connection that the new one replaces, if any. */
  addHost(host: HostConnection): HostConnection | undefined {
    const { regionPool, registration } = host;
    const { hostId } = registration;
    const previous = this.findHost(regionPool, hostId);
    this.#hosts.set(hostId, [...this.#othersThan(previous, hostId), host]);
    return previous;
  }

  removeHost(host: HostConnection): void {
    const { hostId } = host.registration;
    const others = this.#othersThan(host, hostId);
    if (others.length === 0) this.#hosts.delete(hostId);
    else this.#hosts.set(hostId, others);
  }

  findHost(regionPool: RegionPool, hostId: string): HostConnection | undefined {
    return this.#hosts.get(hostId)?.find((host) => isSameRegionPool(host.regionPool, regionPool));
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  get hostCount(): number {
    return [...this.#hosts.values()].flat().length;
  }

  #othersThan(host: HostConnection | undefined, hostId: string): HostConnection[] {
    return (this.#hosts.get(hostId) ?? []).filter((other) => other !== host);
  }
}
