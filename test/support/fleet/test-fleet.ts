import { CLIENT_PATH } from '@duskline/protocol/constants';
import type { Config } from '@duskline/server/config/config.js';
import type { Duskline } from '@duskline/server/duskline.js';
import type { BrokerIntervals } from '@duskline/server/broker/intervals.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import {
  IDLE,
  QUICK,
  TEST_DEVICE,
  openReadyHost,
  startTestBroker,
  testToken,
  type TestHostOptions,
} from './test-broker.js';
import { Peer, type Frame } from './peer.js';
import { sharedRedis, uniquePrefix } from '../redis/redis-server.js';

export interface TestFleetOptions {
  /** Several brokers share a real Redis. One by default, with its state in memory. */
  readonly brokers?: number;
  readonly limits?: Partial<Config['limits']>;
  readonly config?: string;
  /** `QUICK` when absent. */
  readonly intervals?: Partial<BrokerIntervals>;
}

/** Hosts of these fleets need not beat to be alive; sweeps come often. */
const CALM: Partial<Config['limits']> = {
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

  static async start(options: TestFleetOptions = {}): Promise<TestFleet> {
    const { brokers: count = 1, config, intervals = QUICK } = options;
    const limits = { ...CALM, ...options.limits };
    const stores = await openStores(count, limits);
    const brokers: Duskline[] = [];
    for (const store of stores) {
      brokers.push(
        await startTestBroker({ store, limits, intervals, ...(config === undefined ? {} : { config }) }),
      );
    }
    return new TestFleet(brokers, stores);
  }

  async stop(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.stop()));
    await Promise.all(this.stores.map((store) => store.close()));
  }

  broker(index: number): Duskline {
    // With one broker every story plays on it.
    const broker = this.brokers[index % this.brokers.length];
    if (broker === undefined) throw new RangeError('a fleet without brokers');
    return broker;
  }

  async player(playerId: string, options: { broker?: number; tier?: string } = {}): Promise<PlayerPeer> {
    const { broker = 0, tier } = options;
    const peer = await Peer.open(this.broker(broker).url, CLIENT_PATH);
    const token = testToken({ kind: 'player', playerId, ...(tier === undefined ? {} : { tier }) });
    peer.send({ type: 'hello', token, device: TEST_DEVICE });
    await peer.next('welcome');
    return Object.assign(peer, { playerId });
  }

  host(options: TestHostOptions, broker = 0): Promise<Peer & { registered: Frame }> {
    return openReadyHost(this.broker(broker), options);
  }

  /** A host whose slots are all in use by players of no further interest, who leave one by one. */
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
    const free = async (): Promise<void> => {
      const holder = holders.shift();
      if (holder === undefined) throw new RangeError('nobody is left to leave');
      holder.player.send({ type: 'end', sessionId: holder.sessionId });
      await holder.player.next('session', (frame) => frame['state'] === 'ended');
      await host.next('end', (frame) => frame['sessionId'] === holder.sessionId);
    };
    return Object.assign(host, { free });
  }
}

export interface FullHost extends Peer {
  readonly registered: Frame;
  /** One of its players leaves. Resolves when the slot is free, or the next one's. */
  free(): Promise<void>;
}

async function openStores(
  brokers: number,
  { suspectAfterMs = 4_000, ...limits }: Partial<Config['limits']>,
): Promise<FleetStore[]> {
  const { offerMs = 15_000, resumeWindowMs = 120_000 } = limits;
  const options = { suspectAfterMs, offerMs, resumeWindowMs };
  if (brokers === 1) return [createMemoryStore(options)];
  const target = { kind: 'single', url: (await sharedRedis()).url } as const;
  const prefix = uniquePrefix();
  return Promise.all(Array.from({ length: brokers }, () => createRedisStore({ target, prefix, ...options })));
}

/** Asks to play a title that one pool carries, near by. */
export function play(player: Peer, requestId: string, change: object = {}): void {
  player.send({ type: 'play', requestId, title: 'drift', rtt: { near: 12 }, ...change });
}

/** Asks to play, and waits until the request stands in the queue. Returns what its player was told. */
export async function queueUp(player: Peer, requestId: string, change: object = {}): Promise<Frame> {
  play(player, requestId, change);
  return player.next('queued', (frame) => frame['requestId'] === requestId);
}

/** Waits for the turn and takes it. Returns the match. */
export async function acceptOffer(player: Peer): Promise<Frame> {
  const { requestId } = await player.next('offer');
  player.send({ type: 'accept', requestId });
  return player.next('matched', (frame) => frame['requestId'] === requestId);
}

/** Whatever was asked of this connection's broker before has been answered by then, if the answer takes no time. */
export async function roundTrip(player: Peer): Promise<void> {
  const id = Math.floor(Math.random() * 2 ** 32);
  player.send({ type: 'ping', id });
  await player.next('pong', (frame) => frame['id'] === id);
}

/** Goes on beating for a host until it is told to stop. */
export function keepSendingHeartbeats(host: Peer, sessions: () => object[] = () => []): () => void {
  const beat = (): void => host.send({ type: 'heartbeat', load: IDLE, sessions: sessions() });
  const timer = setInterval(beat, 50);
  void host.closed.then(() => clearInterval(timer));
  return () => clearInterval(timer);
}
