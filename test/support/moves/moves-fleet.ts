import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlayOptions } from '@duskline/client/node';
import { DEFAULT_LIMITS, type Limits } from '@duskline/server/domain/limits.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { createKeySpace } from '@duskline/server/store/redis/keys.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { checkHistory, describeViolations } from '@duskline/loadtest/history/check-history.js';
import type { EventOf } from '@duskline/loadtest/history/events.js';
import { recordFleet } from '../fleet/record-fleet.js';
import { createRecorder, type Recorder } from '@duskline/loadtest/history/recorder.js';
import { startBrokerProcess, type BrokerProcess } from '../processes/broker-process.js';
import { waitUntil, retryUntilSuccess } from '../time/eventually.js';
import { TEST_CONFIG, testToken } from '../fleet/test-broker.js';
import { startMovingClient, type MovingClient, type MovingClientOptions } from './moving-client.js';
import { startMovingHost, type MovingHost } from './moving-host.js';
import { sendOrder } from '../fleet/operator-requests.js';
import { startRedisServer, type RedisServer } from '../redis/redis-server.js';

/** Short limits: a killed host counts as lost after four to five seconds. */
export const MOVE_LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  heartbeatIntervalMs: 500,
  suspectAfterMs: 1_500,
  lostAfterMs: 3_000,
  sweepIntervalMs: 500,
  sweepGapMs: 500,
  moveStepMs: 1_000,
  leaseMs: 1_000,
  leaseRenewMs: 300,
};

/** Long, because many processes share a processor. */
export const START_DEADLINE_MS = 20_000;

const BROKERS = 3;
const REGIONS = ['near', 'next'] as const;

/** Region of the move target: `near` is the region of the session. */
export type MoveScope = (typeof REGIONS)[number];

/** Identifies a host of the fleet. */
export interface HostTarget {
  readonly region: string;
  readonly pool: string;
  readonly hostId: string;
}

/** The latency policy allows both regions without a wait. */
const RTT = { near: 12, next: 20 };
const SLOTS = 2;
/** Short, so that interruptions are measured precisely. */
const FRAME_INTERVAL_MS = 50;

/**
 * Broker processes with a Redis of their own, for hosts and players in separate processes. Each running scenario has its
 * own pool and title, so that several can run at a time.
 */
export class MovesFleet {
  readonly recorder: Recorder = createRecorder(
    () => performance.now(),
    (event) => {
      if (event.type === 'frame-received') this.framesOf(event.player).push(event);
    },
  );
  readonly #frames = new Map<string, EventOf<'frame-received'>[]>();
  readonly #free: string[];
  #scenarios = 0;
  readonly #workers: { kill(): Promise<void> }[] = [];

  private constructor(
    readonly brokers: BrokerProcess[],
    /** A connection of the test's own. */
    readonly store: FleetStore,
    readonly redis: RedisServer,
    readonly startBroker: () => Promise<BrokerProcess>,
    readonly removeFiles: () => Promise<void>,
    readonly pools: readonly string[],
  ) {
    this.#free = [...pools];
  }

  /** Starts Redis and the brokers, for `scenarios` scenarios at a time. */
  static async start(scenarios: number): Promise<MovesFleet> {
    const pools = Array.from({ length: scenarios }, (_, i) => `pool-${i}`);
    const directory = await mkdtemp(join(tmpdir(), 'duskline-moves-'));
    const config = join(directory, 'duskline.yaml');
    await writeFile(config, configOf(pools));
    const redis = await startRedisServer();
    const startBroker = (): Promise<BrokerProcess> =>
      startBrokerProcess(['--config', config, '--redis', redis.url, '--log-level', 'info']);
    const { suspectAfterMs } = MOVE_LIMITS;
    const store = await createRedisStore({ target: { kind: 'single', url: redis.url }, suspectAfterMs });
    const removeFiles = (): Promise<void> => rm(directory, { recursive: true });
    const fleet = new MovesFleet([], store, redis, startBroker, removeFiles, pools);
    try {
      // One after the other: started together on a shared processor, each would take too long.
      while (fleet.brokers.length < BROKERS) fleet.brokers.push(await startBroker());
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    return fleet;
  }

  /** Reserves a pool for a scenario, and numbers the scenario. The title has the name of the pool. */
  reservePool(): { readonly pool: string; readonly number: number } {
    const pool = this.#free.shift();
    if (pool === undefined)
      throw new RangeError('All pools are reserved. Start the fleet with more scenarios.');
    this.#scenarios += 1;
    return { pool, number: this.#scenarios };
  }

  /** Makes the pool available to another scenario. The pool must have no sessions. */
  releasePool(pool: string): void {
    this.#free.push(pool);
  }

  /** Frames that the player has received so far. */
  framesOf(player: string): EventOf<'frame-received'>[] {
    const frames = this.#frames.get(player) ?? [];
    this.#frames.set(player, frames);
    return frames;
  }

  /** URLs of all brokers: first those with the given indices, in that order, then the others. */
  urls(...first: readonly number[]): string[] {
    const others = [...this.brokers.keys()].filter((index) => !first.includes(index));
    return [...first, ...others].map((index) => this.brokers[index]!.url.replace(/^http/, 'ws'));
  }

  /** Index of the running broker that holds the lease of the region, and so runs its moves. */
  async leaseHolder(region: string): Promise<number> {
    const redis = new Redis(this.redis.url, { retryStrategy: () => null });
    try {
      return await retryUntilSuccess(async () => {
        const lease = (await redis.get(createKeySpace('duskline').lease(region))) ?? '';
        const holder = lease.slice(lease.indexOf('|') + 1);
        const index = this.brokers.findIndex((broker) => brokerIdOf(broker) === holder && isAlive(broker));
        if (index < 0) throw new Error(`No running broker holds the lease of ${region}: "${lease}"`);
        return index;
      });
    } finally {
      redis.disconnect();
    }
  }

  /** Index of another broker. */
  otherThan(index: number): number {
    return (index + 1) % BROKERS;
  }

  /** Id of the broker with this index. */
  brokerId(index: number): string {
    return brokerIdOf(this.brokers[index]!);
  }

  /** Starts a new broker for each that was killed. */
  async replaceBrokers(): Promise<void> {
    for (const [index, broker] of this.brokers.entries()) {
      if (!isAlive(broker)) this.brokers[index] = await this.startBroker();
    }
  }

  /** Starts a host process, which tries the brokers in this order. */
  startHost(hostId: string, region: MoveScope, pool: string, brokers: readonly number[]): MovingHost {
    const token = testToken({ kind: 'host', region, pool });
    const at = { hostId, region, pool, slots: SLOTS, frameIntervalMs: FRAME_INTERVAL_MS };
    const host = startMovingHost({ ...at, urls: this.urls(...brokers), token }, this.recorder);
    this.#workers.push(host.process);
    return host;
  }

  /** Starts a client process, which tries the brokers in this order. */
  startClient(
    player: string,
    title: string,
    brokers: readonly number[],
    play: Pick<PlayOptions, 'requestId' | 'onHostLost' | 'onConflict'>,
  ): MovingClient {
    const token = testToken({ kind: 'player', playerId: player });
    const options: MovingClientOptions = {
      urls: this.urls(...brokers),
      token,
      player,
      play: { title, rtt: RTT, ...play },
    };
    const client = startMovingClient(options, this.recorder);
    this.#workers.push(client.process);
    return client;
  }

  /** Waits until the host is ready. */
  async untilReady({ region, pool, hostId }: HostTarget): Promise<void> {
    await waitUntil(async () => {
      const hosts = await this.store.listHosts({ region, pool });
      return hosts.some((host) => host.hostId === hostId && host.state === 'ready');
    }, START_DEADLINE_MS);
  }

  /** Orders a drain of a host by moves, at the broker with this index. */
  async drain(broker: number, { region, pool, hostId }: HostTarget): Promise<void> {
    const target = { region, pool, hostId };
    await this.#order(broker, '/v1/drains', { target, mode: 'move', deadlineMs: 600_000 }, 201);
  }

  /** Reopens a host, at the broker with this index. */
  async undrain(broker: number, { region, pool, hostId }: HostTarget): Promise<void> {
    await this.#order(broker, '/v1/undrain', { target: { region, pool, hostId } }, 200);
  }

  /** Retries, because the broker may have just lost its connections. */
  async #order(broker: number, path: string, body: object, status: number): Promise<void> {
    await retryUntilSuccess(async () => {
      const response = await sendOrder(`${this.brokers[broker]!.url}${path}`, body);
      expect(response.status, await response.text()).to.equal(status);
    });
  }

  /** Records a final snapshot of the fleet at rest, and checks the history against every rule. */
  async checkHistory(): Promise<void> {
    const regionPools = this.pools.flatMap((pool) => REGIONS.map((region) => ({ region, pool })));
    await recordFleet(this.recorder, this.store, regionPools, true);
    const { heartbeatIntervalMs, lostAfterMs, sweepIntervalMs, reservationMs } = MOVE_LIMITS;
    const bounds = { heartbeatIntervalMs, lostAfterMs, sweepIntervalMs, reservationMs };
    const violations = checkHistory(this.recorder.events, { bounds });
    expect(violations, describeViolations(violations.slice(0, 10))).to.deep.equal([]);
    // A broker must not log an error, whichever process was killed.
    const errors = this.brokers.flatMap(({ log }) => log.filter((line) => /^\{"level":[56]0,/.test(line)));
    expect(errors).to.deep.equal([]);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#workers, ...this.brokers].map((process) => process.kill()));
    await this.store.close();
    await this.redis.stop();
    await this.removeFiles();
  }
}

function isAlive({ process }: BrokerProcess): boolean {
  return process.exitCode === null && process.signalCode === null;
}

function brokerIdOf({ log }: BrokerProcess): string {
  const line = log.find((text) => text.includes('"msg":"broker is listening"')) ?? '';
  return /"brokerId":"([^"]+)"/.exec(line)?.[1] ?? '';
}

function configOf(pools: readonly string[]): string {
  const like = 'platform: console, codecs: [hevc, h264], maxResolution: 2160p, maxFps: 60';
  const lines = [
    'pools:',
    ...pools.map((pool) => `  - { pool: ${pool}, ${like}, titles: [${pool}] }`),
    'titles:',
    ...pools.map((pool) => `  - { title: ${pool}, name: ${pool}, latencyPolicy: standard }`),
    'latencyPolicies:',
  ];
  const config = TEST_CONFIG.replace(/ {2}- .*region: far.*\n/, '').replace(
    /pools:\n[\s\S]*latencyPolicies:/,
    lines.join('\n'),
  );
  const changed = Object.entries(MOVE_LIMITS).filter(
    ([key, value]) => value !== DEFAULT_LIMITS[key as keyof Limits],
  );
  return `${config}limits: ${JSON.stringify(Object.fromEntries(changed))}\n`;
}
