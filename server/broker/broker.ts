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
import type { Runtime } from '../runtime/runtime.js';
import type { FleetStore } from '../store/fleet-store.js';
import type { Channel, ClientConnection, HostConnection } from './connections/connections.js';
import type { Credentials } from './credentials.js';
import type { HostBinding } from './hosts/register-host.js';
import type { BrokerIntervals } from './intervals.js';
import type { Operations } from './operations/operations.js';
import type { FleetStatus } from './operations/fleet-status.js';
import type { Rebalancer } from './rebalance/rebalancer.js';
import type { Reporting } from './reporting.js';
import type { BrokerSettings } from './settings.js';

export interface BrokerOptions
  extends
    Credentials,
    Omit<Reporting, 'limitedLog'>,
    Pick<BrokerSettings, 'catalog' | 'limits' | 'tiers'>,
    Runtime {
  readonly store: FleetStore;
  /** Intervals that are absent are taken from `DEFAULT_INTERVALS`. */
  readonly intervals?: Partial<BrokerIntervals>;
  /** Plans rebalancing moves. Without it the broker does not rebalance. */
  readonly rebalancer?: Rebalancer;
  /** Limits on what the rebalancer may move. `DEFAULT_REBALANCE_LIMITS` when absent. */
  readonly rebalanceLimits?: BrokerSettings['rebalanceLimits'];
  /** Random when absent. */
  readonly brokerId?: string;
}

/** An authenticated player. */
export interface Player {
  readonly playerId: string;
  /** The tier that the token names. A tier that is not configured counts as `default`. */
  readonly tier: string;
  /** For the player's next `hello`. A secret: never log it. */
  readonly resumeToken: string;
}

/** One broker: the use cases that the transport and the HTTP API call. All of its state is in the store, so other brokers can continue its work. */
export interface Broker {
  readonly brokerId: string;
  /** Whether a load balancer should send new traffic here: started, store reachable, not stopping. */
  readonly ready: boolean;
  /** Numbers of open connections, and of requests of these clients that wait in queues. */
  readonly connections: { readonly clients: number; readonly hosts: number; readonly waiting: number };

  start(): Promise<void>;
  /** Makes the broker not ready. It continues to serve its open connections. */
  prepareStop(): void;
  /** Ends the loops and releases the leases. The caller closes the sockets and the store. */
  stop(): Promise<void>;
  nextConnectionId(): string;

  /** Resolves when the broker may process a client's `hello`: at once, unless many clients connect at the same time. */
  awaitConnectTurn(): Promise<void>;
  /**
   * Answers a client's `hello` with `welcome`.
   *
   * @param player as authenticated by the token
   * @param beaconUrl this broker's beacon, with which clients measure regions that have no beacon of their own
   */
  openClient(
    channel: Channel<BrokerToClient>,
    player: Player,
    hello: ClientHello,
    beaconUrl: string,
  ): ClientConnection;
  play(client: ClientConnection, message: Play): Promise<void> | void;
  acceptOffer(client: ClientConnection, message: Accept): void;
  cancelPlay(client: ClientConnection, message: Cancel): Promise<void>;
  endSession(client: ClientConnection, message: EndSession): Promise<void> | void;
  relayClientSignal(client: ClientConnection, message: Signal): Promise<void>;
  declineMove(client: ClientConnection, message: Stay): Promise<void>;
  /** To be called when a client's socket is closed. The client's sessions and waiting requests continue. */
  closeClient(client: ClientConnection): void;

  /** @throws Refusal when the token does not permit this registration */
  openHost(channel: Channel<BrokerToHost>, binding: HostBinding, message: Register): Promise<HostConnection>;
  handleHostMessage(host: HostConnection, message: Exclude<HostToBroker, Register>): Promise<void> | void;
  /** To be called when a host's socket is closed. The host keeps its sessions, and may reconnect to this broker or another one. */
  closeHost(host: HostConnection): void;

  status(): Promise<FleetStatus>;
  /** Orders of operators (drains, moves) and their progress. */
  readonly operations: Operations;
}
