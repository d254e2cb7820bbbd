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
import { DEFAULT_REBALANCE_LIMITS, type RebalanceLimits } from '../domain/rebalance/rebalance-limits.js';
import type { Tiers } from '../domain/tiers.js';
import type { FleetStore } from '../store/fleet-store.js';
import { ClientConnection, ConnectionDirectory, type Channel, type HostConnection } from './connections.js';
import type { BrokerContext, IceServersFor, Tickets } from './context.js';
import { createDepartures } from './departures.js';
import { cancelPlay, endSession } from './end-session.js';
import { FleetKnowledge } from './fleet-knowledge.js';
import { createHeartbeatIntake } from './heartbeat.js';
import { takeHostSession } from './host-session.js';
import { DEFAULT_INTERVALS, type BrokerIntervals } from './intervals.js';
import type { Logger } from './logger.js';
import { fetchMail, lookEverywhere } from './look.js';
import { createLoops } from './loops.js';
import { createOperations } from './create-operations.js';
import type { BrokerObserver } from './observer.js';
import type { Operations } from './operations.js';
import { followMove, stay } from './moves/client-side.js';
import { MoveBoard } from './moves/move-board.js';
import { createMoveRunner } from './moves/create-move-runner.js';
import { takeCannotMove, takeCheckpoint } from './moves/source-side.js';
import { takeWord } from './moves/take-word.js';
import { takeRestored } from './moves/target-side.js';
import { acceptOffer } from './offers.js';
import { play } from './play.js';
import { toRefusal } from './refusal.js';
import type { RoundPlanner } from './rebalance/plan-round.js';
import { replaceLost } from './replace-lost.js';
import { leaveHost, registerHost, type HostBinding } from './register-host.js';
import { signalClient, signalHost, warnOfLimit } from './signal.js';
import { createStoreBatches } from './store-batches.js';
import { StoreDoubt } from './store-doubt.js';
import { fleetStatus, type FleetStatus } from './status.js';
import { createTierChoice } from './tier-choice.js';
import { TurnBudget } from './turn-budget.js';
import { WaitingRoom } from './waiting-room.js';

/** Hellos, and plays of clients who resumed, that begin in one turn of the event loop: a millisecond or two of work. */
const ARRIVALS_PER_TURN = 4;

export interface BrokerOptions {
  readonly catalog: Catalog;
  readonly limits: Limits;
  /** `DEFAULT_INTERVALS` for those that are absent. */
  readonly intervals?: Partial<BrokerIntervals>;
  readonly tiers: Tiers;
  readonly store: FleetStore;
  readonly tickets: Tickets;
  readonly iceServers: IceServersFor;
  /** Plans what is moved without an operator's order; nothing is when absent. */
  readonly planner?: RoundPlanner;
  /** The bounds that plans of moves keep. `DEFAULT_REBALANCE_LIMITS` when absent. */
  readonly moveLimits?: RebalanceLimits;
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
  arrival(): Promise<void>;
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
  accept(client: ClientConnection, message: Accept): Promise<void>;
  cancel(client: ClientConnection, message: Cancel): Promise<void>;
  end(client: ClientConnection, message: EndSession): Promise<void>;
  signal(client: ClientConnection, message: Signal): Promise<void>;
  stay(client: ClientConnection, message: Stay): Promise<void>;
  /** The socket is gone. The client's sessions go on. */
  closeClient(client: ClientConnection): void;

  /** @throws Refusal when the host may not register as this */
  openHost(channel: Channel<BrokerToHost>, binding: HostBinding, message: Register): Promise<HostConnection>;
  fromHost(host: HostConnection, message: Exclude<HostToBroker, Register>): Promise<void> | void;
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
  const fleet = new FleetKnowledge(store, catalog);
  const connections = new ConnectionDirectory();
  const waiting = new WaitingRoom();
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
    waiting,
    departed: createDepartures(limits),
    doubt: new StoreDoubt(limits.heartbeatIntervalMs, intervals.minRebuildMs),
    replaceLost: (...lost) => void replaceLost(context, ...lost),
    followMove: (...session) => void followMove(context, ...session),
    takeWord: (...word) => void takeWord(context, ...word),
    moveLimits: options.moveLimits ?? DEFAULT_REBALANCE_LIMITS,
    moves: new MoveBoard(),
    get runner() {
      return runner;
    },
    fleet,
    arrivals: new TurnBudget(ARRIVALS_PER_TURN),
    observer: options.observer,
    log: options.log,
  };
  const runner = createMoveRunner(context);
  const heartbeats = createHeartbeatIntake(context);
  const loops = createLoops(context, options.planner ?? null);
  const chooseTier = createTierChoice(options.tiers, options.log);
  let phase: 'new' | 'started' | 'draining' | 'stopped' = 'new';
  let connectionCount = 0;

  return {
    brokerId,
    get ready() {
      return phase === 'started' && context.doubt.answers;
    },
    get connections() {
      const { clientCount, hostCount } = connections;
      return { clients: clientCount, hosts: hostCount, waiting: waiting.size };
    },

    async start() {
      await store.onNudge(brokerId, (place) => {
        fetchMail(context, place).catch((error: unknown) => {
          if (toRefusal(error).code !== 'UNAVAILABLE')
            context.log.error({ err: error }, 'mail was not fetched');
        });
      });
      await lookEverywhere(context);
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

    arrival: () => context.arrivals.begin(),
    openClient(channel, { playerId, tier, resumeToken }, hello, beaconUrl) {
      const client = new ClientConnection({
        channel,
        playerId,
        tier: chooseTier(tier),
        device: hello.device,
        returning: hello.resumeToken !== undefined,
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
    accept: (client, message) => acceptOffer(context, client, message),
    cancel: (client, message) => cancelPlay(context, client, message),
    end: (client, message) => endSession(context, client, message),
    signal: (client, message) => signalHost(context, client, message),
    stay: (client, message) => stay(context, client, message),
    closeClient(client) {
      for (const { sessionId, known } of connections.linkedTo(client)) {
        context.departed.sessions.add({ sessionId, playerId: client.playerId, known });
      }
      connections.removeClient(client);
      for (const request of waiting.abandon(client)) context.departed.requests.add(request);
    },

    openHost: (channel, binding, message) => registerHost(context, channel, binding, message),
    fromHost(host, message) {
      switch (message.type) {
        case 'heartbeat':
          heartbeats.take(host, message);
          return;
        case 'session':
          return takeHostSession(context, host, message);
        case 'signal':
          return signalClient(context, host, message);
        case 'limit':
          return warnOfLimit(context, host, message);
        case 'checkpoint':
          return takeCheckpoint(context, host, message);
        case 'restored':
          return takeRestored(context, host, message);
        case 'cannot_move':
          return takeCannotMove(context, host, message);
        case 'leave':
          return leaveHost(context, host);
      }
    },
    closeHost: (host) => connections.removeHost(host),

    status: () => fleetStatus(context),
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
