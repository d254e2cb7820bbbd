import type {
  BrokerToClient,
  BrokerToHost,
  ClientHello,
  HostToBroker,
  Accept,
  Play,
  Register,
} from '@duskline/protocol';
import type { Cancel, EndSession, RegionInfo, Signal, Stay } from '@duskline/protocol';
import { randomInt } from 'node:crypto';
import type { Catalog } from '../domain/catalog.js';
import type { Limits } from '../domain/limits.js';
import {
  DEFAULT_REBALANCE_LIMITS,
  type RebalanceLimits,
} from '../domain/rebalance/limits/rebalance-limits.js';
import type { Tiers } from '../domain/tiers.js';
import type { FleetStore } from '../store/fleet-store.js';
import {
  ClientConnection,
  ConnectionDirectory,
  type Channel,
  type HostConnection,
} from './connections/connections.js';
import type { BrokerContext, CreateIceServers, TicketSigner } from './context.js';
import { createDisconnectedClients } from './recovery/disconnected-clients.js';
import { cancelPlay, endSession } from './placement/end-session.js';
import { FleetCache } from './store-access/fleet-cache.js';
import { createHeartbeatReceiver } from './hosts/receive-heartbeats.js';
import { receiveSessionReport } from './hosts/receive-session-report.js';
import { DEFAULT_INTERVALS, type BrokerIntervals } from './intervals.js';
import type { Logger } from './logger.js';
import { pollInbox, pollAllInboxes } from './messaging/poll-inbox.js';
import { createLoops } from './background/loops.js';
import { createOperations } from './operations/create-operations.js';
import type { BrokerObserver } from './observer.js';
import type { Operations } from './operations.js';
import { locateMovedSession, declineMove } from './moves/client-moves.js';
import { ActiveMoves } from './moves/active-moves.js';
import { createMoveRunner } from './moves/create-move-runner.js';
import { receiveCannotMove, receiveCheckpoint } from './moves/source-host-moves.js';
import { handleControlMessage } from './moves/handle-control-message.js';
import { receiveRestored } from './moves/target-host-moves.js';
import { acceptOffer } from './queue/accept-offer.js';
import { play } from './placement/play.js';
import { toRefusal } from './refusal.js';
import type { RoundPlanner } from './rebalance/plan-round.js';
import { replaceLostSession } from './recovery/replace-lost-session.js';
import { unregisterHost, registerHost, type HostBinding } from './hosts/register-host.js';
import { relayToClient, relayToHost, relayLimitWarning } from './messaging/relay-signals.js';
import { createStoreBatches } from './store-access/store-batches.js';
import { StoreHealth } from './store-access/store-health.js';
import { readFleetStatus, type FleetStatus } from './operations/fleet-status.js';
import { createTierChooser } from './placement/choose-tier.js';
import { ArrivalLimiter } from './connections/arrival-limiter.js';
import { WaitingRequests } from './requests/waiting-requests.js';

/** Hellos, and plays of clients who resumed, that begin in one turn of the event loop: a millisecond or two of work. */
const ARRIVALS_PER_TICK = 4;

export interface BrokerOptions {
  readonly catalog: Catalog;
  readonly limits: Limits;
  /** `DEFAULT_INTERVALS` for those that are absent. */
  readonly intervals?: Partial<BrokerIntervals>;
  readonly tiers: Tiers;
  readonly store: FleetStore;
  readonly tickets: TicketSigner;
  readonly iceServers: CreateIceServers;
  /** Plans what is moved without an operator's order; nothing is when absent. */
  readonly rebalancePlanner?: RoundPlanner;
  /** The bounds that plans of moves keep. `DEFAULT_REBALANCE_LIMITS` when absent. */
  readonly rebalanceLimits?: RebalanceLimits;
  readonly observer: BrokerObserver;
  readonly log: Logger;
  /** Made at random when absent. */
  readonly brokerId?: string;
}

/** A player whose token was found good. */
export interface Player {
  readonly playerId: string;
  /** A name; `default` stands for those that the configuration does not have. */
  readonly tier: string;
  /** For the next hello of this player. A secret: never log it. */
  readonly resumeToken: string;
}

/** One broker: its use cases for those who hold sockets. Holds nothing that another broker cannot take over. */
export interface Broker {
  readonly brokerId: string;
  /** Whether new traffic should come here: started, store in reach, not stopping. */
  readonly ready: boolean;
  /** Open connections, and requests of these clients that wait in queues. */
  readonly connections: { readonly clients: number; readonly hosts: number; readonly waiting: number };

  start(): Promise<void>;
  /** No longer ready: new traffic should go elsewhere. What is connected is served on. */
  drain(): void;
  /** Ends the loops and gives up the leases. The sockets and the store are their owners' to close. */
  stop(): Promise<void>;
  nextConnectionId(): string;

  /** Resolves when the work for a client's hello may begin: at once, unless very many come together. */
  awaitArrival(): Promise<void>;
  /**
   * @param player who said hello, and the tier that the token names
   * @param beaconUrl where regions without a beacon of their own are measured
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
  /** The socket is gone. The client's sessions go on. */
  closeClient(client: ClientConnection): void;

  /** @throws Refusal when the host may not register as this */
  openHost(channel: Channel<BrokerToHost>, binding: HostBinding, message: Register): Promise<HostConnection>;
  handleHostMessage(host: HostConnection, message: Exclude<HostToBroker, Register>): Promise<void> | void;
  /** The socket is gone. The host keeps its sessions and may come back, here or elsewhere. */
  closeHost(host: HostConnection): void;

  status(): Promise<FleetStatus>;
  /** What operators may order, and what became of it. */
  readonly operations: Operations;
}

export function createBroker(options: BrokerOptions): Broker {
  const { catalog, limits, store } = options;
  const brokerId = options.brokerId ?? newBrokerId();
  const intervals = { ...DEFAULT_INTERVALS, ...options.intervals };
  const fleet = new FleetCache(store, catalog);
  const connections = new ConnectionDirectory();
  const waiting = new WaitingRequests();
  const context: BrokerContext = {
    brokerId,
    catalog,
    limits,
    intervals,
    tiers: options.tiers,
    store,
    batches: createStoreBatches(store, fleet, brokerId, limits),
    tickets: options.tickets,
    iceServers: options.iceServers,
    connections,
    waitingRequests: waiting,
    disconnected: createDisconnectedClients(limits),
    storeHealth: new StoreHealth(limits.heartbeatIntervalMs, intervals.minRebuildMs),
    replaceLostSession: (...lost) => void replaceLostSession(context, ...lost),
    locateMovedSession: (...session) => void locateMovedSession(context, ...session),
    handleControlMessage: (...word) => void handleControlMessage(context, ...word),
    rebalanceLimits: options.rebalanceLimits ?? DEFAULT_REBALANCE_LIMITS,
    activeMoves: new ActiveMoves(),
    get moveRunner() {
      return runner;
    },
    fleet,
    arrivalLimiter: new ArrivalLimiter(ARRIVALS_PER_TICK),
    observer: options.observer,
    log: options.log,
  };
  const runner = createMoveRunner(context);
  const heartbeats = createHeartbeatReceiver(context);
  const loops = createLoops(context, options.rebalancePlanner ?? null);
  const chooseTier = createTierChooser(options.tiers, options.log);
  let phase: 'new' | 'started' | 'draining' | 'stopped' = 'new';
  let connectionCount = 0;

  return {
    brokerId,
    get ready() {
      return phase === 'started' && context.storeHealth.isReachable;
    },
    get connections() {
      const { clientCount, hostCount } = connections;
      return { clients: clientCount, hosts: hostCount, waiting: waiting.size };
    },

    async start() {
      await store.onWakeUp(brokerId, (place) => {
        pollInbox(context, place).catch((error: unknown) => {
          if (toRefusal(error).code !== 'UNAVAILABLE')
            context.log.error({ err: error }, 'mail was not fetched');
        });
      });
      await pollAllInboxes(context);
      loops.start();
      phase = 'started';
    },
    drain() {
      phase = 'draining';
    },
    async stop() {
      phase = 'stopped';
      heartbeats.stop();
      runner.stop();
      await loops.stop();
    },
    nextConnectionId: () => `${brokerId}.${(connectionCount += 1)}`,

    awaitArrival: () => context.arrivalLimiter.begin(),
    openClient(channel, { playerId, tier, resumeToken }, hello, beaconUrl) {
      const client = new ClientConnection({
        channel,
        playerId,
        tier: chooseTier(tier),
        device: hello.device,
        resumed: hello.resumeToken !== undefined,
      });
      connections.addClient(client);
      channel.send({
        type: 'welcome',
        connectionId: channel.connectionId,
        playerId,
        regions: regionInfos(context, beaconUrl),
        pingIntervalMs: limits.pingIntervalMs,
        resumeToken,
      });
      return client;
    },
    play: (client, message) => play(context, client, message),
    acceptOffer: (client, message) => acceptOffer(context, client, message),
    cancelPlay: (client, message) => cancelPlay(context, client, message),
    endSession: (client, message) => endSession(context, client, message),
    relayClientSignal: (client, message) => relayToHost(context, client, message),
    declineMove: (client, message) => declineMove(context, client, message),
    closeClient(client) {
      for (const { sessionId, known } of connections.sessionsOf(client)) {
        context.disconnected.sessions.add({ sessionId, playerId: client.playerId, known });
      }
      connections.removeClient(client);
      for (const request of waiting.removeClient(client)) context.disconnected.requests.add(request);
    },

    openHost: (channel, binding, message) => registerHost(context, channel, binding, message),
    handleHostMessage(host, message) {
      switch (message.type) {
        case 'heartbeat':
          heartbeats.receive(host, message);
          return;
        case 'session':
          return receiveSessionReport(context, host, message);
        case 'signal':
          return relayToClient(context, host, message);
        case 'limit':
          return relayLimitWarning(context, host, message);
        case 'checkpoint':
          return receiveCheckpoint(context, host, message);
        case 'restored':
          return receiveRestored(context, host, message);
        case 'cannot_move':
          return receiveCannotMove(context, host, message);
        case 'leave':
          return unregisterHost(context, host);
      }
    },
    closeHost: (host) => connections.removeHost(host),

    status: () => readFleetStatus(context),
    operations: createOperations(context),
  };
}

/** Eight characters of a 32-letter alphabet: brokers that share a store do not meet by chance. */
function newBrokerId(): string {
  return Array.from({ length: 8 }, () => 'abcdefghijkmnpqrstuvwxyz23456789'.charAt(randomInt(32))).join('');
}

function regionInfos(context: BrokerContext, ownBeaconUrl: string): RegionInfo[] {
  return [...context.catalog.regions.values()].map(({ region, name, lat, lon, timeZone, beaconUrl }) => ({
    region,
    name,
    lat,
    lon,
    timeZone,
    beaconUrl: beaconUrl ?? ownBeaconUrl,
    state: context.fleet.regionState(region),
  }));
}
