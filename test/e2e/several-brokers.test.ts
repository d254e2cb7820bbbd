import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startBrokerProcess, type BrokerProcess } from '../support/processes/broker-process.js';
import { waitUntil } from '../support/time/eventually.js';
import { IDLE_LOAD, TEST_CONFIG, openHost, openPlayer, testToken } from '../support/fleet/test-broker.js';
import type { Frame, Peer } from '../support/fleet/peer.js';
import { startRedisServer, type RedisServer } from '../support/redis/redis-server.js';

const RTT = { near: 12, next: 30 };

describe('Several broker processes on one Redis', function () {
  this.timeout(30_000);

  let directory: string;
  let redis: RedisServer;
  let brokers: BrokerProcess[];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'duskline-e2e-'));
    const config = join(directory, 'duskline.yaml');
    await writeFile(config, TEST_CONFIG);
    redis = await startRedisServer();
    const args = ['--config', config, '--redis', redis.url, '--log-level', 'info'];
    brokers = await Promise.all([0, 1, 2].map(() => startBrokerProcess(args)));
  });
  afterEach(async () => {
    await Promise.all(brokers.map((broker) => broker.kill()));
    await redis.stop();
    await rm(directory, { recursive: true });
  });

  const url = (index: number): string => brokers[index]!.url;

  async function openBeatingHost(index: number, hostId: string, slots: number): Promise<Peer> {
    const host = await openHost(url(index), { hostId, slots });
    host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [] });
    await waitUntil(async () => (await readyHosts(url(0))).includes(hostId));
    return host;
  }

  async function play(player: Peer, requestId: string = randomUUID(), change: object = {}): Promise<Frame> {
    player.send({ type: 'play', requestId, title: 'starfall', rtt: RTT, ...change });
    return player.answer(requestId);
  }

  it('match a player on one broker with a host on another, and relay messages both ways', async () => {
    const host = await openBeatingHost(0, 'h1', 2);
    const player = await openPlayer(url(1), 'alice');
    const { sessionId, epoch } = await play(player);
    expect(await host.next('prepare')).to.include({ sessionId, playerId: 'alice' });
    for (const state of ['active', 'connected']) {
      host.send({ type: 'session', sessionId, epoch, state });
      expect(await player.next('session')).to.include({ sessionId, state });
    }
    player.send({ type: 'end', sessionId });
    expect(await host.next('end')).to.include({ sessionId, reason: 'client_left' });
  });

  it('never fill a slot twice, whichever broker each player uses', async () => {
    const hosts = await Promise.all(['h1', 'h2', 'h3'].map((hostId, i) => openBeatingHost(i, hostId, 8)));
    const players = await Promise.all(
      Array.from({ length: 60 }, (_, i) => openPlayer(url(i % 3), `player-${i}`)),
    );
    const answers = await Promise.all(players.map((player) => play(player, randomUUID(), { wait: false })));
    const matched = answers.filter((answer) => answer.type === 'matched');
    expect(matched).to.have.length(24);
    expect(answers.filter((answer) => answer['code'] === 'NO_CAPACITY')).to.have.length(36);
    for (const host of hosts) {
      const prepared = await Promise.all(Array.from({ length: 8 }, () => host.next('prepare')));
      expect(new Set(prepared.map((frame) => frame['sessionId'])).size).to.equal(8);
    }
  });

  it('create one session for a request that is sent to all of them at once', async () => {
    await openBeatingHost(0, 'h1', 8);
    const players = await Promise.all([0, 1, 2].map((i) => openPlayer(url(i), 'alice')));
    const answers = await Promise.all(players.map((player) => play(player, 'the-same')));
    expect(answers.map((answer) => answer.type)).to.deep.equal(['matched', 'matched', 'matched']);
    expect(new Set(answers.map((answer) => answer['sessionId'])).size).to.equal(1);
    expect(new Set(answers.map((answer) => answer['epoch'])).size).to.equal(1);
    await waitUntil(async () => (await sessionsOf(url(0))) === 1);
  });

  it('keep a session when the broker that created it is killed', async () => {
    const host = await openBeatingHost(0, 'h1', 2);
    const player = await openPlayer(url(1), 'alice');
    const first = await play(player, 'r1');
    await host.next('prepare');
    await brokers[1]!.kill();
    expect(await player.closed).to.include({ code: 1006 });

    const back = await openPlayer(url(2), 'alice');
    const second = await play(back, 'r1');
    expect(second).to.include({ sessionId: first['sessionId'], epoch: first['epoch'] });
    host.send({ type: 'session', sessionId: first['sessionId'], epoch: 1, state: 'active' });
    expect(await back.next('session')).to.include({ sessionId: first['sessionId'], state: 'active' });
  });

  it('keep a session when the broker of its host is killed and the host connects to another', async () => {
    const host = await openBeatingHost(0, 'h1', 2);
    const player = await openPlayer(url(1), 'alice');
    const { sessionId, epoch } = await play(player);
    host.send({ type: 'session', sessionId, epoch, state: 'active' });
    await player.next('session');
    await brokers[0]!.kill();
    await host.closed;

    const back = await openHost(url(2), {
      hostId: 'h1',
      slots: 2,
      sessions: [{ sessionId, epoch, state: 'active' }],
    });
    back.send({ type: 'session', sessionId, epoch, state: 'connected' });
    expect(await player.next('session')).to.include({ sessionId, state: 'connected' });
    expect(player.unread).to.deep.equal([]);
  });

  it('stop in order: clients are notified, and the exit code is 0', async () => {
    const player = await openPlayer(url(0), 'alice');
    const code = await brokers[0]!.stop();
    expect(await player.closed).to.include({ code: 1001, reason: 'GOING_AWAY' });
    expect(code).to.equal(0);
  });
});

interface Status {
  regions: { pools: { hostList: { hostId: string; state: string; sessions: number }[] }[] }[];
}

async function fetchHosts(url: string): Promise<Status['regions'][number]['pools'][number]['hostList']> {
  const token = testToken({ kind: 'operator', operatorId: 'olivia' });
  const response = await fetch(`${url}/v1/status`, { headers: { authorization: `Bearer ${token}` } });
  const status = (await response.json()) as Status;
  return status.regions.flatMap(({ pools }) => pools.flatMap(({ hostList }) => hostList));
}

async function readyHosts(url: string): Promise<string[]> {
  return (await fetchHosts(url)).filter(({ state }) => state === 'ready').map(({ hostId }) => hostId);
}

async function sessionsOf(url: string): Promise<number> {
  return (await fetchHosts(url)).reduce((sum, { sessions }) => sum + sessions, 0);
}
