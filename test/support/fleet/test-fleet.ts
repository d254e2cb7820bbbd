import { CLIENT_PATH } from '@duskline/protocol/constants';
import type { Config } from '@duskline/server/config/config.js';
import type { Duskline } from '@duskline/server/duskline.js';
import { DEFAULT_BACK_OFF, type BackOff } from '@duskline/server/domain/host-failures.js';
import type { BrokerIntervals } from '@duskline/server/broker/intervals.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import {
  IDLE_LOAD,
  SHORT_INTERVALS,
  TEST_DEVICE,
  openReadyHost,
  startTestBroker,
  testToken,
  type TestHostOptions,
} from './test-broker.js';
import { Peer, type Frame } from './peer.js';
import { repeatEvery } from '../time/pacing.js';
import { sharedRedis, uniquePrefix } from '../redis/redis-server.js';

/** Options of `TestFleet.start`. */
export interface TestFleetOptions {
  /** Several brokers share a real Redis. One by default, with its state in memory. */
  readonly brokers?: number;
  /** `redis`: also one broker has its state in Redis. */
  readonly store?: 'redis';
  readonly limits?: Partial<Config['limits']>;
  readonly config?: string;
  /** How long hosts that fail sessions are excluded. That of the product when absent. */
  readonly backOff?: BackOff;
  /** `SHORT_INTERVALS` when absent. */
  readonly intervals?: Partial<BrokerIntervals>;
  /** How far the wall clock of each broker is ahead of that of this machine, and of Redis. 0 for brokers that are not listed. */
  readonly brokersAheadMs?: readonly number[];
}

/** Hosts of these fleets need no heartbeats, and sweeps are frequent. */
const FLEET_LIMITS: Partial<Config['limits']> = {
  suspectAfterMs: 60_000,
  lostAfterMs: 120_000,
  sweepIntervalMs: 50,
  offerMs: 15_000,
  resumeWindowMs: 120_000,
};

/** A player's connection. */
export type PlayerPeer = Peer & { readonly playerId: string };

/** Brokers that share one state, with players and hosts on any of them. */
export class TestFleet {
  #holders = 0;

  private constructor(
    readonly brokers: readonly Duskline[],
    readonly stores: readonly FleetStore[],
  ) {}

  /** Starts the brokers, and connects them to one store. */
  static async start(options: TestFleetOptions = {}): Promise<TestFleet> {
    const { brokers: count = 1, config, intervals = SHORT_INTERVALS, brokersAheadMs = [] } = options;
    const limits = { ...FLEET_LIMITS, ...options.limits };
    const inMemory = count === 1 && options.store === undefined;
    const stores = await openStores(inMemory ? null : count, limits, options.backOff);
    const brokers: Duskline[] = [];
    for (const [i, store] of stores.entries()) {
      const aheadMs = brokersAheadMs[i] ?? 0;
      brokers.push(
        await startTestBroker({
          ...{ store, limits, intervals, aheadMs },
          ...(config === undefined ? {} : { config }),
        }),
      );
    }
    return new TestFleet(brokers, stores);
  }

  async stop(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.stop()));
    await Promise.all(this.stores.map((store) => store.close()));
  }

  /** The broker with this index, modulo the number of brokers, so that a test for several brokers also runs with one. */
  broker(index: number): Duskline {
    const broker = this.brokers[index % this.brokers.length];
    if (broker === undefined) throw new RangeError('The fleet has no broker.');
    return broker;
  }

  /** Connects a player to a broker, by default the first. Resolves after `welcome`. */
  async player(playerId: string, options: { broker?: number; tier?: string } = {}): Promise<PlayerPeer> {
    const { broker = 0, tier } = options;
    const peer = await Peer.open(this.broker(broker).url, CLIENT_PATH);
    const token = testToken({ kind: 'player', playerId, ...(tier === undefined ? {} : { tier }) });
    peer.send({ type: 'hello', token, device: TEST_DEVICE });
    await peer.next('welcome');
    return Object.assign(peer, { playerId });
  }

  /** Connects a host to a broker. Resolves when the host is ready. */
  host(options: TestHostOptions, broker = 0): Promise<Peer & { registered: Frame }> {
    return openReadyHost(this.broker(broker), options);
  }

  /** A host with a player in each slot. `free()` ends these sessions one by one. */
  async fullHost(options: TestHostOptions, broker = 0): Promise<FullHost> {
    const { slots = 1, region = 'near' } = options;
    const host = await this.host({ ...options, slots }, broker);
    const holders: { player: Peer; sessionId: unknown }[] = [];
    for (let i = 0; i < slots; i += 1) {
      this.#holders += 1;
      const player = await this.player(`holder-${this.#holders}`);
      play(player, 'held', { rtt: { [region]: 10 } });
      const { sessionId } = await player.next('matched');
      await host.next('prepare');
      holders.push({ player, sessionId });
    }
    const free = async (connection: Peer = host): Promise<void> => {
      const holder = holders.shift();
      if (holder === undefined) throw new RangeError('All slots of the host are free already.');
      holder.player.send({ type: 'end', sessionId: holder.sessionId });
      await holder.player.next('session', (frame) => frame['state'] === 'ended');
      await connection.next('end', (frame) => frame['sessionId'] === holder.sessionId);
    };
    return Object.assign(host, { free });
  }
}

/** Starts a fleet with one host, `h1`, whose only slot is in use. */
export async function startFullFleet(
  options: TestFleetOptions = {},
): Promise<{ fleet: TestFleet; host: FullHost }> {
  const fleet = await TestFleet.start(options);
  return { fleet, host: await fleet.fullHost({ hostId: 'h1' }) };
}

/** A host whose slots are all in use. */
export interface FullHost extends Peer {
  readonly registered: Frame;
  /**
   * Ends one session. Resolves when the host has received its `end`.
   *
   * @param connection the host's connection, if it has registered again
   */
  free(connection?: Peer): Promise<void>;
}

/** @param brokers how many brokers share a Redis; `null` for one with its state in memory */
async function openStores(
  brokers: number | null,
  { suspectAfterMs = 4_000, ...limits }: Partial<Config['limits']>,
  backOff: BackOff = DEFAULT_BACK_OFF,
): Promise<FleetStore[]> {
  const { offerMs = 15_000, resumeWindowMs = 120_000 } = limits;
  const options = { suspectAfterMs, offerMs, resumeWindowMs, backOff };
  if (brokers === null) return [createMemoryStore(options)];
  const target = { kind: 'single', url: (await sharedRedis()).url } as const;
  const prefix = uniquePrefix();
  return Promise.all(Array.from({ length: brokers }, () => createRedisStore({ target, prefix, ...options })));
}

/** Sends `play` for a title of one pool, with the region `near`. */
export function play(player: Peer, requestId: string, change: object = {}): void {
  player.send({ type: 'play', requestId, title: 'drift', rtt: { near: 12 }, ...change });
}

/** Sends `play`, and waits until the request is queued. Returns the `queued` frame. */
export async function queueUp(player: Peer, requestId: string, change: object = {}): Promise<Frame> {
  play(player, requestId, change);
  return player.next('queued', (frame) => frame['requestId'] === requestId);
}

/** Waits for an offer and accepts it. Returns the `matched` frame. */
export async function acceptOffer(player: Peer): Promise<Frame> {
  const { requestId } = await player.next('offer');
  player.send({ type: 'accept', requestId });
  return player.next('matched', (frame) => frame['requestId'] === requestId);
}

/** A session as its host lists it in heartbeats. */
export interface ListedSession {
  readonly sessionId: unknown;
  readonly epoch: number;
  readonly state: string;
}

/**
 * Starts a session whose stream runs, with the request `r1`. Returns the `matched` frame.
 *
 * @param listed the sessions in the host's heartbeats, to which this one is added
 */
export async function startStream(player: Peer, host: Peer, listed: ListedSession[]): Promise<Frame> {
  play(player, 'r1');
  const matched = await player.next('matched');
  const { sessionId } = matched;
  await host.next('prepare', (frame) => frame['sessionId'] === sessionId);
  listed.push({ sessionId, epoch: 1, state: 'connected' });
  host.send({ type: 'session', sessionId, epoch: 1, state: 'active' });
  host.send({ type: 'session', sessionId, epoch: 1, state: 'connected' });
  await player.next('session', ({ state }) => state === 'connected');
  return matched;
}

/** Sends `ping` and waits for `pong`. The broker has then handled all earlier frames of this connection, except for asynchronous work. */
export async function roundTrip(player: Peer): Promise<void> {
  const id = Math.floor(Math.random() * 2 ** 32);
  player.send({ type: 'ping', id });
  await player.next('pong', (frame) => frame['id'] === id);
}

/** Sends heartbeats for a host until the returned function is called. */
export function keepSendingHeartbeats(
  host: Peer,
  sessions: () => object[] = () => [],
  load: () => object = () => IDLE_LOAD,
): () => void {
  const beat = (): void => host.send({ type: 'heartbeat', load: load(), sessions: sessions() });
  const stop = repeatEvery(50, beat);
  void host.closed.then(stop);
  return stop;
}
