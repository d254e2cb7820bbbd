import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '@duskline/host';
import {
  createSimulatedHost,
  createStreamServer,
  type SimulatedHost,
  type StreamServer,
} from '@duskline/host/simulated';
import { DEFAULT_LIMITS, type Limits } from '@duskline/server/domain/limits.js';
import type { FleetStore, HostRecord } from '@duskline/server/store/fleet-store.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { expect } from 'chai';
import { checkHistory, describeViolations } from '@duskline/loadtest/history/check-history.js';
import { hostName, type HistoryEvent } from '@duskline/loadtest/history/events.js';
import { recordFleet } from '../fleet/record-fleet.js';
import { recordHost } from '@duskline/loadtest/history/host-recording.js';
import { createRecorder, type Recorder } from '@duskline/loadtest/history/recorder.js';
import { startBrokerProcess, type BrokerProcess } from '../processes/broker-process.js';
import { waitUntil } from '../time/eventually.js';
import { TEST_CONFIG, testToken } from '../fleet/test-broker.js';
import { startHostProcess, type HostProcess } from '../processes/host-process.js';
import { startRedisServer, type RedisServer } from '../redis/redis-server.js';
import type { GroupPlayer } from './player-group.js';

const POOL = 'console-x';
const REGION_POOLS = ['near', 'next'].map((region) => ({ region, pool: POOL }));

/** A request for a title of one pool, so that each region has one queue for it. */
export const DRIFT = { title: 'drift', rtt: { near: 12 } };

/** Latency policies of `TEST_CONFIG`. */
const LATENCY_POLICIES = {
  drift: [
    { afterMs: 0, maxRttMs: 60 },
    { afterMs: 20_000, maxRttMs: 90 },
    { afterMs: 40_000, maxRttMs: 120 },
  ],
};

/** Options of `RecoveryFleet.start`. */
export interface RecoveryFleetOptions {
  readonly brokers: number;
  /** Default: `DEFAULT_LIMITS`. */
  readonly limits?: Partial<Limits>;
  /** Redis URL of each broker. Default: the URL of the Redis server. */
  readonly redisUrl?: (redis: RedisServer, broker: number) => string | Promise<string>;
}

interface RecoveryHostOptions {
  readonly hostId: string;
  readonly slots: number;
  /** Default `near`. */
  readonly region?: string;
  /** The broker it tries first. Default 0. */
  readonly broker?: number;
}

/** Figures of a recovery test, printed on one line. */
export interface RecoveryFigures {
  readonly scenario: string;
  readonly clients: number;
  readonly sessions: number;
  /** From the fault until every client had its session or queue position again. */
  readonly recoveredInMs: number;
  readonly [more: string]: string | number;
}

/** Broker processes with a Redis of their own, and a history of all their events. */
export class RecoveryFleet {
  readonly recorder: Recorder = createRecorder();
  readonly redis: RedisServer;
  /** The test's own connection to the store. */
  readonly store: FleetStore;
  readonly brokers: readonly BrokerProcess[];
  readonly limits: Limits;
  readonly #directory: string;
  readonly #streams: StreamServer;
  readonly #hosts: SimulatedHost[] = [];
  readonly #processes: HostProcess[] = [];

  private constructor(parts: Pick<RecoveryFleet, 'redis' | 'store' | 'brokers' | 'limits'> & OwnedParts) {
    this.redis = parts.redis;
    this.store = parts.store;
    this.brokers = parts.brokers;
    this.limits = parts.limits;
    this.#directory = parts.directory;
    this.#streams = parts.streams;
  }

  /** Starts Redis and the brokers. */
  static async start({ brokers, limits = {}, redisUrl }: RecoveryFleetOptions): Promise<RecoveryFleet> {
    const directory = await mkdtemp(join(tmpdir(), 'duskline-recovery-'));
    const config = join(directory, 'duskline.yaml');
    await writeFile(config, `${TEST_CONFIG}limits: ${JSON.stringify(limits)}\n`);
    const redis = await startRedisServer();
    const started = await Promise.all(
      Array.from({ length: brokers }, async (_, i) => {
        const url = (await redisUrl?.(redis, i)) ?? redis.url;
        return startBrokerProcess(['--config', config, '--redis', url, '--log-level', 'info']);
      }),
    );
    const allLimits = { ...DEFAULT_LIMITS, ...limits };
    const { suspectAfterMs } = allLimits;
    const store = await createRedisStore({ target: { kind: 'single', url: redis.url }, suspectAfterMs });
    const streams = await createStreamServer();
    return new RecoveryFleet({ redis, store, brokers: started, limits: allLimits, directory, streams });
  }

  /** URLs of all brokers, starting with the broker `first`. */
  urls(first = 0): string[] {
    const all = this.brokers.map(({ url }) => url);
    return [...all.slice(first), ...all.slice(0, first)];
  }

  /** Adds a host in this process. Its events are recorded by the host itself. */
  addHost({ hostId, slots, region = 'near', broker = 0 }: RecoveryHostOptions): SimulatedHost {
    const simulated = createSimulatedHost({
      url: this.urls(broker),
      token: testToken({ kind: 'host', region, pool: POOL }),
      hostId,
      region,
      pool: POOL,
      slots,
      streams: this.#streams,
    });
    recordHost(this.recorder, hostName(region, POOL, hostId), simulated.host);
    this.#hosts.push(simulated);
    return simulated;
  }

  /** Starts a host process. Its events are recorded by its players. */
  async startHost({ hostId, slots, region = 'near', broker = 0 }: RecoveryHostOptions): Promise<HostProcess> {
    const urls = this.urls(broker);
    const host = await startHostProcess({ urls, hostId, region, pool: POOL, slots });
    this.recorder.record({ type: 'host-registered', host: hostName(region, POOL, hostId), slots });
    this.#processes.push(host);
    return host;
  }

  /** Sends SIGKILL. Returns the time of the kill. */
  async killBroker(index: number): Promise<number> {
    this.recorder.record({ type: 'fault', fault: 'broker-killed', target: `broker-${index}`, lasts: false });
    const atMs = performance.now();
    await this.brokers[index]!.kill();
    return atMs;
  }

  /** Sends SIGKILL. Returns the time of the kill. */
  async killHost(process: HostProcess, region = 'near'): Promise<number> {
    const atMs = performance.now();
    for (const hostId of process.hostIds) {
      const host = hostName(region, POOL, hostId);
      this.recorder.record({ type: 'fault', fault: 'host-killed', target: host, lasts: false });
      this.recorder.record({ type: 'host-stopped', host, how: 'killed' });
    }
    await process.kill();
    return atMs;
  }

  /** All hosts that the store knows. */
  async hosts(): Promise<readonly HostRecord[]> {
    return (await Promise.all(REGION_POOLS.map((regionPool) => this.store.listHosts(regionPool)))).flat();
  }

  /** A host as the store knows it. */
  async host(hostId: string): Promise<HostRecord | undefined> {
    return (await this.hosts()).find((host) => host.hostId === hostId);
  }

  /** Waits until exactly this number of hosts is ready. */
  async untilReady(count: number): Promise<void> {
    await waitUntil(
      async () => (await this.hosts()).filter(({ state }) => state === 'ready').length === count,
    );
  }

  /** Number of sessions in the store with one of these states. */
  async sessions(...states: string[]): Promise<number> {
    const all = await Promise.all(
      REGION_POOLS.map(async (regionPool) => {
        const hosts = await this.store.listHosts(regionPool);
        return Promise.all(hosts.map(({ hostId }) => this.store.listHostSessions(regionPool, hostId)));
      }),
    );
    return all.flat(2).filter(({ state }) => states.includes(state)).length;
  }

  /** Whether each player's session, with its host and epoch, is connected in the store. */
  async storeAgreesWith(players: readonly GroupPlayer[]): Promise<boolean> {
    const agreed = await Promise.all(
      players.map(async ({ answer }) => {
        if (answer === undefined || !('ticket' in answer)) return false;
        const { sessionId, region, pool, epoch, host } = answer;
        const [known] = await this.store.getSessions({ region, pool }, [sessionId]);
        return known?.state === 'connected' && known.epoch === epoch && known.hostId === host.hostId;
      }),
    );
    return !agreed.includes(false);
  }

  /**
   * Records that a broker cannot forward messages of its hosts, so that the hosts are silent from now on. Returns a function
   * that records the end of the fault.
   */
  recordBrokerFault(index: number, fault: 'cut' | 'frozen'): () => void {
    const target = `broker-${index}`;
    const { url } = this.brokers[index]!;
    const hosts = this.#hosts.filter(({ host }) => isAt(host, url));
    const nameOf = ({ hostId }: SimulatedHost): string => hostName('near', POOL, hostId);
    this.recorder.record({ type: 'fault', fault, target, lasts: true });
    for (const host of hosts) this.recorder.record({ type: 'host-silent', host: nameOf(host) });
    return () => {
      this.recorder.record({ type: 'healed', target });
      for (const host of hosts) {
        if (isAt(host.host, url)) this.recorder.record({ type: 'host-back', host: nameOf(host) });
      }
    };
  }

  /** Records a snapshot of the fleet at rest. */
  async recordSnapshot(): Promise<void> {
    await recordFleet(this.recorder, this.store, REGION_POOLS, true);
  }

  /** Events of these types from index `mark` of the history on. */
  since<T extends HistoryEvent['type']>(
    mark: number,
    ...types: readonly T[]
  ): Extract<HistoryEvent, { readonly type: T }>[] {
    return this.recorder.events
      .slice(mark)
      .filter((event): event is Extract<HistoryEvent, { readonly type: T }> =>
        (types as readonly string[]).includes(event.type),
      );
  }

  /** Records the readiness of all running brokers, checks the history against every rule, and prints the figures. */
  async checkHistory(figures: RecoveryFigures): Promise<void> {
    for (const [i, { url, process }] of this.brokers.entries()) {
      if (process.exitCode !== null || process.signalCode !== null) continue;
      const { ok } = await fetch(`${url}/readyz`);
      this.recorder.record({ type: 'broker-ready', broker: `broker-${i}`, ready: ok });
    }
    const { heartbeatIntervalMs, lostAfterMs, sweepIntervalMs, reservationMs } = this.limits;
    const bounds = { heartbeatIntervalMs, lostAfterMs, sweepIntervalMs, reservationMs };
    const violations = checkHistory(this.recorder.events, {
      bounds: { ...bounds, latencyPolicies: LATENCY_POLICIES },
    });
    const lost = this.since(0, 'session-ended').filter(({ reason }) => reason !== 'client_left');
    const overbooked = violations.filter(({ rule }) => rule === 'S1' || rule === 'S2').length;
    const line = { ...figures, recoveredInMs: Math.round(figures.recoveredInMs) };
    process.stdout.write(`    ${JSON.stringify({ ...line, sessionsLost: lost.length, overbooked })}\n`);
    expect(violations, describeViolations(violations)).to.deep.equal([]);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.crash()));
    await Promise.all([...this.#processes, ...this.brokers].map((process) => process.kill()));
    await this.#streams.close();
    await this.store.close();
    await this.redis.stop();
    await rm(this.#directory, { recursive: true });
  }
}

function isAt({ status }: Host, brokerUrl: string): boolean {
  return status.state === 'registered' && status.url.startsWith(brokerUrl.replace(/^http/, 'ws'));
}

/** Players whose host is replaced connect to the new host at once. Call it when every player has an answer. */
export function followReplacements(players: readonly GroupPlayer[]): void {
  for (const player of players) {
    const { answer } = player;
    if (answer !== undefined && 'ticket' in answer) answer.on('replaced', () => void player.watch());
  }
}

/** What the fleet stops or removes at its end. */
interface OwnedParts {
  readonly directory: string;
  readonly streams: StreamServer;
}

/** Queues the players one after the other, so that their order is known. */
export async function queueInOrder(players: readonly GroupPlayer[]): Promise<void> {
  for (const player of players) {
    await new Promise<void>((resolve) => {
      void player.play({ ...DRIFT, onQueued: () => resolve() });
    });
  }
}

/**
 * Ends sessions one after the other, each after the slot of the previous one was offered. Returns the names of the players
 * that got the offers, in that order.
 */
export async function serveQueue(
  fleet: RecoveryFleet,
  leavers: readonly GroupPlayer[],
): Promise<readonly string[]> {
  const mark = fleet.recorder.events.length;
  for (const [i, leaver] of leavers.entries()) {
    await leaver.leave();
    await waitUntil(() => fleet.since(mark, 'offered').length > i);
  }
  return fleet.since(mark, 'offered').map(({ player }) => player);
}
