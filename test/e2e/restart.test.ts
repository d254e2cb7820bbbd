import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startBrokerProcess, type BrokerProcess } from '../support/processes/broker-process.js';
import { retryUntilSuccess } from '../support/time/eventually.js';
import { IDLE_LOAD, TEST_CONFIG, openHost, openPlayer, testToken } from '../support/fleet/test-broker.js';
import type { Peer } from '../support/fleet/peer.js';
import { startRedisServer, type RedisServer } from '../support/redis/redis-server.js';

const HOSTS = 6;
const SLOTS = 10;
const PLAYERS = 36;

describe('A broker that is restarted', function () {
  this.timeout(30_000);

  let directory: string;
  let redis: RedisServer;
  let broker: BrokerProcess;
  let args: string[];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'duskline-e2e-'));
    const config = join(directory, 'duskline.yaml');
    // Long enough that no host counts as silent while the broker starts.
    await writeFile(config, `${TEST_CONFIG}\nlimits: { suspectAfterMs: 20000, lostAfterMs: 40000 }\n`);
    redis = await startRedisServer();
    args = ['--config', config, '--redis', redis.url];
    broker = await startBrokerProcess(args);
  });
  afterEach(async () => {
    await broker.kill();
    await redis.stop();
    await rm(directory, { recursive: true });
  });

  async function openBeatingHost(number: number): Promise<Peer> {
    const host = await openHost(broker.url, { hostId: `h${number}`, slots: SLOTS });
    host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [] });
    return host;
  }

  /** Number of sessions on each ready host, the fullest host first. */
  async function sessionsByHost(): Promise<number[]> {
    const response = await fetch(`${broker.url}/v1/status`, {
      headers: {
        authorization: `Bearer ${testToken({ kind: 'operator', operatorId: 'test', scopes: ['ops:read'] })}`,
      },
    });
    const { regions } = (await response.json()) as {
      regions: { pools: { hostList: { sessions: number; state: string }[] }[] }[];
    };
    const hosts = regions.flatMap(({ pools }) => pools.flatMap(({ hostList }) => hostList));
    const ready = hosts.filter(({ state }) => state === 'ready');
    return ready.map(({ sessions }) => sessions).sort((a, b) => b - a);
  }

  it('spreads players over all known hosts, not only over the first that reconnects', async () => {
    await Promise.all(Array.from({ length: HOSTS }, (_, i) => openBeatingHost(i)));
    await retryUntilSuccess(async () => expect(await sessionsByHost()).to.have.length(HOSTS));
    await broker.kill();
    broker = await startBrokerProcess(args);
    // One host has reconnected. The others still stream to their players, and reconnect later.
    await openBeatingHost(0);
    const players = await Promise.all(
      Array.from({ length: PLAYERS }, (_, i) => openPlayer(broker.url, `player-${i}`)),
    );
    await Promise.all(
      players.map((player) => {
        const requestId = randomUUID();
        player.send({ type: 'play', requestId, title: 'starfall', rtt: { near: 12 } });
        return player.answer(requestId);
      }),
    );
    const [hottest = 0] = await sessionsByHost();
    expect(hottest).to.be.at.most((1.5 * PLAYERS) / HOSTS);
  });
});
