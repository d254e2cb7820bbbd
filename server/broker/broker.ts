import type {
  Accept,
  BrokerToClient,
  BrokerToHost,
  Cancel,
  ClientHello,
  EndSession,
  HostToBroker,
  Play,
  Register,
  Signal,
  Stay,
} from '@duskline/protocol';
import type { FleetStore } from '../store/fleet-store.js';
import type { Channel, ClientConnection, HostConnection } from './connections/connections.js';
import type { Credentials } from './credentials.js';
import type { HostBinding } from './hosts/register-host.js';
import type { BrokerIntervals } from './intervals.js';
import type { Operations } from './operations/operations.js';
import type { FleetStatus } from './operations/fleet-status.js';
import type { RoundPlanner } from './rebalance/round-planner.js';
import type { Reporting } from './reporting.js';
import type { BrokerSettings } from './settings.js';

export interface BrokerOptions
  extends Credentials, Reporting, Pick<BrokerSettings, 'catalog' | 'limits' | 'tiers'> {
  readonly store: FleetStore;
  /** Those that are absent are taken from `DEFAULT_INTERVALS`. */
  readonly intervals?: Partial<BrokerIntervals>;
  /** Plans the moves that no operator ordered. Without it the broker does not rebalance. */
  readonly rebalancePlanner?: RoundPlanner;
  /** The bounds that plans of moves keep. `DEFAULT_REBALANCE_LIMITS` when absent. */
  readonly rebalanceLimits?: BrokerSettings['rebalanceLimits'];
  /** Chosen at random when absent. */
  readonly brokerId?: string;
}

/** A player whose token was found valid. */
export interface Player {
  readonly playerId: string;
  /** The tier that the token names. A tier that the configuration does not have counts as `default`. */
  readonly tier: string;
  /** For the next hello of this player. A secret: never log it. */
  readonly resumeToken: string;
}

/** One broker: the use cases that the transport and the HTTP API call. It holds nothing that another broker cannot take over. */
export interface Broker {
  readonly brokerId: string;
  /** Whether a load balancer should send new traffic here: started, store reachable, not stopping. */
  readonly ready: boolean;
  /** Open connections, and the requests of these clients that wait in queues. */
  readonly connections: { readonly clients: number; readonly hosts: number; readonly waiting: number };

  start(): Promise<void>;
  /** The broker is no longer ready, and goes on serving its open connections. */
  drain(): void;
  /** Ends the loops and gives up the leases. The callers close the sockets and the store. */
  stop(): Promise<void>;
  nextConnectionId(): string;

  /** Resolves when the work for a client's hello may begin: at once, unless very many clients connect together. */
  awaitArrival(): Promise<void>;
  /**
   * Answers a client's hello with `welcome`.
   *
   * @param player as its token says
   * @param beaconUrl where clients measure regions that have no beacon of their own
   */
  openClient(
    channel: Channel<BrokerToClient>,
    player: Player,
    hello: ClientHello,
    beaconUrl: string,
  ): ClientConnection;
  play(client: ClientConnection, message: Play): Promise<void> | void;
  acceptOffer(client: ClientConnection, message: Accept): Promise<void>;
  cancelPlay(client: ClientConnection, message: Cancel): Promise<void>;
  endSession(client: ClientConnection, message: EndSession): Promise<void>;
  relayClientSignal(client: ClientConnection, message: Signal): Promise<void>;
  declineMove(client: ClientConnection, message: Stay): Promise<void>;
  /** The client's socket is closed. Its sessions and its waiting requests go on. */
  closeClient(client: ClientConnection): void;

  /** @throws Refusal when the token does not allow this registration */
  openHost(channel: Channel<BrokerToHost>, binding: HostBinding, message: Register): Promise<HostConnection>;
  handleHostMessage(host: HostConnection, message: Exclude<HostToBroker, Register>): Promise<void> | void;
  /** The host's socket is closed. The host keeps its sessions, and may reconnect to this broker or to another one. */
  closeHost(host: HostConnection): void;

  status(): Promise<FleetStatus>;
  /** The orders of operators, and what became of them. */
  readonly operations: Operations;
}
