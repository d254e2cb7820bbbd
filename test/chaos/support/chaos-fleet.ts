import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Session } from '@duskline/client/node';
import type { HostedSession } from '@duskline/host';
import {
  createSimulatedHost,
  createStreamServer,
  type SimulatedHost,
  type StreamServer,
} from '@duskline/host/simulated';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import type { RedisTarget } from '@duskline/server/store/redis/connection.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { expect } from 'chai';
import type { Bounds } from '@duskline/loadtest/history/check.js';
import { checkHistory, describeViolations } from '@duskline/loadtest/history/check-history.js';
import { hostName } from '@duskline/loadtest/history/events.js';
import { recordFleet } from '../../support/fleet/record-fleet.js';
import { recordHost } from '@duskline/loadtest/history/host-recording.js';
import { createRecorder, type Recorder } from '@duskline/loadtest/history/recorder.js';
import { startBrokerProcess, type BrokerProcess } from '../../support/processes/broker-process.js';
import { waitUntil } from '../../support/time/eventually.js';
import { TEST_CONFIG, testToken } from '../../support/fleet/test-broker.js';
import { monitorHealth, type HealthMonitor } from './health-monitor.js';

/** Region pool of the hosts, unless a test names another one. */
export const NEAR: RegionPool = { region: 'near', pool: 'console-x' };

/** Options of `startChaosFleet`. */
export interface ChaosFleetOptions {
  readonly redis: RedisTarget;
  /** Broker processes. Default 2. */
  readonly brokers?: number;
  /** The configuration, without the Redis of its store. Default `TEST_CONFIG`. */
  readonly config?: string;
  /** Milliseconds between two frames of a stream; 0 sends none. Default 1000. */
  readonly frameIntervalMs?: number;
}

/** Hosts to add to a region pool. */
export interface HostOptions {
  readonly regionPool?: RegionPool;
  readonly count: number;
  readonly slots: number;
}

/** Broker processes on one Redis, and simulated hosts in this process. All their events are recorded. */
export interface ChaosFleet {
  readonly recorder: Recorder;
  readonly brokers: readonly BrokerProcess[];
  readonly urls: readonly string[];
  /** The test's own connection to the store. */
  readonly store: FleetStore;
  readonly hosts: readonly SimulatedHost[];
  readonly health: HealthMonitor;
  /** Adds hosts. Resolves when the store gives them sessions. */
  addHosts(options: HostOptions): Promise<readonly SimulatedHost[]>;
  /** Has the host admit the client of this session, and report it as connected. For tests without streams. */
  admit(session: Pick<Session, 'host' | 'ticket'>): HostedSession;
  /** Whether the store has exactly the running hosts, their sessions and their numbers of used slots. */
  storeAgreesWithHosts(): Promise<boolean>;
  /** Whether the store knows the player of every session. Only then a repeated request finds its session. */
  storeKnowsPlayers(): Promise<boolean>;
  /** Records a snapshot of the fleet. `quiet`: the fleet is at rest, without faults, connects and disconnects. */
  recordSnapshot(quiet: boolean): Promise<void>;
  /** Expects that the history violates no rule, and that no broker exited or logged an error. */
  checkRun(bounds?: Partial<Bounds>): void;
  stop(): Promise<void>;
}

/** Starts the brokers. Hosts are added with `addHosts`. */
export async function startChaosFleet(options: ChaosFleetOptions): Promise<ChaosFleet> {
  const { redis, brokers: count = 2, config = TEST_CONFIG, frameIntervalMs = 1_000 } = options;
  const directory = await mkdtemp(join(tmpdir(), 'duskline-chaos-'));
  const file = join(directory, 'duskline.yaml');
  await writeFile(file, config.replace('store: {}', `store: { redis: ${redisSection(redis)} }`));
  const recorder = createRecorder();
  const store = await createRedisStore({ target: redis, suspectAfterMs: 4_000 });
  const args = ['--config', file, '--log-level', 'info'];
  const brokers = await Promise.all(Array.from({ length: count }, () => startBrokerProcess(args)));
  const urls = brokers.map(({ url }) => url);
  const streams: StreamServer = await createStreamServer({ frameIntervalMs });
  const hosts: { readonly regionPool: RegionPool; readonly simulated: SimulatedHost }[] = [];
  const health = monitorHealth(recorder, urls);

  const openHost = (regionPool: RegionPool, slots: number): SimulatedHost => {
    const hostId = `h${hosts.length + 1}`;
    const first = hosts.length % urls.length;
    const simulated = createSimulatedHost({
      url: [...urls.slice(first), ...urls.slice(0, first)],
      token: testToken({ kind: 'host', ...regionPool }),
      hostId,
      ...regionPool,
      slots,
      streams,
    });
    recordHost(recorder, hostName(regionPool.region, regionPool.pool, hostId), simulated.host);
    hosts.push({ regionPool, simulated });
    return simulated;
  };
  const regionPools = (): RegionPool[] => [
    ...new Map(hosts.map(({ regionPool }) => [JSON.stringify(regionPool), regionPool])).values(),
  ];

  return {
    recorder,
    brokers,
    urls,
    store,
    get hosts() {
      return hosts.map(({ simulated }) => simulated);
    },
    health,
    async addHosts({ regionPool = NEAR, count: added, slots }) {
      const newHosts = Array.from({ length: added }, () => openHost(regionPool, slots));
      const ids = new Set(newHosts.map(({ hostId }) => hostId));
      await waitUntil(async () => {
        const known = await store.listHosts(regionPool);
        return known.filter(({ hostId, state }) => ids.has(hostId) && state === 'ready').length === added;
      }, 10_000);
      return newHosts;
    },
    admit({ host, ticket }) {
      const owner = hosts.find(({ simulated }) => simulated.hostId === host.hostId);
      const admission = owner?.simulated.host.admit(ticket);
      if (admission?.ok !== true)
        throw new Error(`The host did not admit the player: ${admission?.reason ?? 'no such host'}`);
      admission.session.reportConnected();
      return admission.session;
    },
    async storeAgreesWithHosts() {
      try {
        const same = await Promise.all(
          regionPools().map((regionPool) => agreesIn(store, regionPool, hostsIn(regionPool))),
        );
        return same.every(Boolean);
      } catch {
        // The store is unreachable.
        return false;
      }
    },
    async storeKnowsPlayers() {
      const all = await Promise.all(
        hosts.map(({ regionPool, simulated }) => store.listHostSessions(regionPool, simulated.hostId)),
      );
      return all.flat().every(({ meta }) => meta !== null);
    },
    recordSnapshot: (quiet) => recordFleet(recorder, store, regionPools(), quiet),
    checkRun(bounds = {}) {
      const violations = checkHistory(recorder.events, { bounds });
      expect(violations, describeViolations(violations.slice(0, 10))).to.deep.equal([]);
      expect(brokers.map(({ process }) => process.exitCode ?? process.signalCode)).to.deep.equal(
        brokers.map(() => null),
      );
      // A broker must not log an error, whatever happens to Redis.
      expect(
        brokers.flatMap(({ log }) => log.filter((line) => /^\{"level":[56]0,/.test(line))),
      ).to.deep.equal([]);
    },
    async stop() {
      health.stop();
      await Promise.all(hosts.map(({ simulated }) => simulated.crash()));
      await streams.close();
      await store.close();
      await Promise.all(brokers.map((broker) => broker.kill()));
      await rm(directory, { recursive: true });
    },
  };

  function hostsIn({ region, pool }: RegionPool): SimulatedHost[] {
    return hosts
      .filter(({ regionPool }) => regionPool.region === region && regionPool.pool === pool)
      .map(({ simulated }) => simulated);
  }
}

/** Whether the store agrees with the hosts of one region pool. It must not have hosts that are closed. */
async function agreesIn(
  store: FleetStore,
  regionPool: RegionPool,
  all: readonly SimulatedHost[],
): Promise<boolean> {
  const hosts = all.filter(({ host }) => host.status.state !== 'closed');
  const known = await store.listHosts(regionPool);
  if (known.length !== hosts.length) return false;
  const same = await Promise.all(
    hosts.map(async ({ hostId, host }) => {
      const record = known.find((candidate) => candidate.hostId === hostId);
      if (record?.state !== 'ready') return false;
      const sessions = await store.listHostSessions(regionPool, hostId);
      const held = sessions.filter(({ state }) => state !== 'reserved' && state !== 'offered');
      const own = new Map(
        host.sessions().map(({ sessionId, epoch, state }) => [sessionId, `${epoch} ${state}`]),
      );
      return (
        record.committed === sessions.length &&
        held.length === own.size &&
        held.every(({ sessionId, epoch, state }) => own.get(sessionId) === `${epoch} ${state}`)
      );
    }),
  );
  return same.every(Boolean);
}

function redisSection(redis: RedisTarget): string {
  const nodes = (all: readonly { host: string; port: number }[]): string =>
    all.map(({ host, port }) => `"${host}:${port}"`).join(', ');
  switch (redis.kind) {
    case 'single':
      return `{ url: "${redis.url}" }`;
    case 'sentinel':
      return `{ sentinel: { name: ${redis.name}, nodes: [${nodes(redis.sentinels)}] } }`;
    case 'cluster':
      return `{ cluster: { nodes: [${nodes(redis.nodes)}] } }`;
  }
}
