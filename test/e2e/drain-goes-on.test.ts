import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import type { DrainReport } from '@duskline/server/broker/drain/drain-orders.js';
import { startBrokerProcess, type BrokerProcess } from '../support/processes/broker-process.js';
import { waitUntil } from '../support/time/eventually.js';
import { IDLE_LOAD, TEST_CONFIG, openHost, openPlayer, testToken } from '../support/fleet/test-broker.js';
import { bearer } from '../support/fleet/operator-requests.js';
import { startRedisServer, type RedisServer } from '../support/redis/redis-server.js';

const OPERATOR = bearer(
  testToken({ kind: 'operator', operatorId: 'olivia', scopes: ['ops:read', 'ops:write'] }),
);

describe('A drain', function () {
  this.timeout(30_000);

  let directory: string;
  let redis: RedisServer;
  let brokers: BrokerProcess[];
  let args: readonly string[];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'duskline-drain-'));
    const config = join(directory, 'duskline.yaml');
    // Another broker must take over the lease of the killed broker before the drain ends.
    await writeFile(config, `${TEST_CONFIG}limits: { leaseMs: 1000, leaseRenewMs: 300 }\n`);
    redis = await startRedisServer();
    args = ['--config', config, '--redis', redis.url];
    brokers = [await startBrokerProcess(args), await startBrokerProcess(args)];
  });
  afterEach(async () => {
    await Promise.all(brokers.map((broker) => broker.kill()));
    await redis.stop();
    await rm(directory, { recursive: true });
  });

  it('continues on another broker when its broker is killed, and ends by its deadline with an outcome for every session', async () => {
    const [dying, staying] = brokers.map(({ url }) => url);
    const host = await openHost(staying!, { hostId: 'h1' });
    host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [] });
    await waitUntil(async () => {
      const response = await fetch(`${staying!}/v1/status`, { headers: OPERATOR });
      return (await response.text()).includes('"hostId":"h1","state":"ready","closures":[]');
    });
    const player = await openPlayer(staying!, 'alice');
    player.send({ type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 10 } });
    const { sessionId, epoch } = await player.next('matched');
    await host.next('prepare');
    host.send({ type: 'session', sessionId, epoch, state: 'active' });
    await player.next('session', (frame) => frame['state'] === 'active');

    await orderDrain(dying!, 4_000);
    await brokers[0]!.kill();

    await expectClosed(staying!, 'bob');
    expect(await player.next('session')).to.include({ sessionId, state: 'ended', reason: 'drain_deadline' });
    expect(await host.next('end')).to.include({ sessionId, reason: 'drain_deadline' });
    await waitUntil(async () => {
      const [drain] = await drainsAt(staying!);
      return drain?.state === 'done' && drain.progress.ended === 1 && drain.progress.staying === 0;
    });
  });

  it('is written back by the brokers when the store lost it, and keeps the region closed meanwhile', async () => {
    await orderDrain(brokers[0]!.url, 3_600_000);
    await waitUntil(async () => (await drainsAt(brokers[1]!.url)).length === 1);
    const raw = new Redis(redis.url);
    await raw.flushall();
    raw.disconnect();
    await expectClosed(brokers[0]!.url, 'alice');
    await expectClosed(brokers[1]!.url, 'bob');
    // This target has no sessions, so its drain was done at once, and the region stays closed.
    await waitUntil(async () => (await drainsAt(brokers[0]!.url))[0]?.state === 'done');
    const newcomer = await startBrokerProcess(args);
    brokers.push(newcomer);
    await expectClosed(newcomer.url, 'carol');
  });
});

async function orderDrain(url: string, deadlineMs: number): Promise<void> {
  const response = await fetch(`${url}/v1/drains`, {
    method: 'POST',
    headers: { ...OPERATOR, 'content-type': 'application/json' },
    body: JSON.stringify({ target: { region: 'near' }, deadlineMs }),
  });
  expect(response.status).to.equal(201);
}

async function drainsAt(url: string): Promise<readonly DrainReport[]> {
  const response = await fetch(`${url}/v1/drains`, { headers: OPERATOR });
  return ((await response.json()) as { drains: DrainReport[] }).drains;
}

/** A player who allows only the drained region gets REGION_CLOSED. */
async function expectClosed(url: string, playerId: string): Promise<void> {
  const player = await openPlayer(url, playerId);
  player.send({ type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 10 } });
  expect(await player.next('error')).to.include({ code: 'REGION_CLOSED' });
}
