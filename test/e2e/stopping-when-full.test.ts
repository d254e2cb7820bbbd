import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type Client } from '@duskline/client/node';
import { createHost, type Host } from '@duskline/host';
import { expect } from 'chai';
import { startBrokerProcess, type BrokerProcess } from '../support/processes/broker-process.js';
import { startRedisServer, type RedisServer } from '../support/redis/redis-server.js';
import { IDLE_LOAD, TEST_CONFIG, TEST_DEVICE, testToken } from '../support/fleet/test-broker.js';
import { waitUntil } from '../support/time/eventually.js';
import { pauseFor } from '../support/time/pacing.js';

const PLACE = { region: 'near', pool: 'console-x' };
const HOSTS = 3;
const SLOTS = 4;
const PLAYERS = 30;

/** Length of a session. */
const SESSION_MS = 100;

/** Admissions before the broker stops, and after its hosts have another one. */
const ADMISSIONS = 50;

describe('A broker process that is stopped while all slots are in use and players wait', function () {
  this.timeout(40_000);
  let directory: string;
  let redis: RedisServer;
  let brokers: BrokerProcess[];
  let hosts: Host[];
  let clients: Client[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'duskline-stop-'));
    const config = join(directory, 'duskline.yaml');
    await writeFile(config, `${TEST_CONFIG}\nlimits: { goAwaySpreadMs: 500 }\n`);
    redis = await startRedisServer();
    const args = ['--config', config, '--redis', redis.url];
    brokers = await Promise.all([0, 1].map(() => startBrokerProcess(args)));
    hosts = Array.from({ length: HOSTS }, (_, i) => openHost(`h${i}`));
    clients = Array.from({ length: PLAYERS }, (_, i) => openClient(`player-${i}`, i % 2));
    await Promise.all(hosts.map((host) => host.whenRegistered()));
  });
  afterEach(async () => {
    await Promise.all([...clients, ...hosts].map((peer) => peer.close()));
    await Promise.all(brokers.map((broker) => broker.kill()));
    await redis.stop();
    await rm(directory, { recursive: true });
  });

  const urls = (first: number): string[] =>
    [brokers[first]!, brokers[1 - first]!].map(({ url }) => url.replace(/^http/, 'ws'));

  /** A host on the second broker, the one that is stopped. */
  function openHost(hostId: string): Host {
    return createHost({
      ...PLACE,
      ...{ hostId, slots: SLOTS, endpoint: `wss://${hostId}.example/stream`, measureLoad: () => IDLE_LOAD },
      url: urls(1),
      token: testToken({ kind: 'host', ...PLACE }),
      // Slots are given away meanwhile whose sessions the host does not know to be over.
      reconnectPolicy: { nextRetryDelayInMs: () => 400 },
    });
  }

  function openClient(playerId: string, broker: number): Client {
    return createClient({
      url: urls(broker),
      token: testToken({ kind: 'player', playerId }),
      device: { ...TEST_DEVICE, codecs: [...TEST_DEVICE.codecs] },
    });
  }

  it('costs no player the slot that it was given', async () => {
    let [admitted, waited, isOver] = [0, 0, false];
    const turnedAway: string[] = [];

    async function keepPlaying(client: Client): Promise<void> {
      while (!isOver) {
        const session = await client.play({ title: 'drift', rtt: { near: 10 } });
        const host = hosts[Number(session.host.hostId.slice(1))]!;
        if (host.usage.held === SLOTS) waited += 1;
        const admission = await host.admitWhenFree(session.ticket);
        if (admission.ok) admitted += 1;
        else turnedAway.push(admission.reason);
        await pauseFor(SESSION_MS);
        await session.end();
      }
    }

    const playing = Promise.all(clients.map(keepPlaying));
    await Promise.race([playing, waitUntil(() => admitted >= ADMISSIONS, 15_000)]);
    expect(await brokers[1]!.stop(), 'exit code').to.equal(0);
    await waitUntil(() => hosts.every(({ status }) => status.state === 'registered'));
    const until = admitted + ADMISSIONS;
    await Promise.race([playing, waitUntil(() => admitted >= until, 15_000)]);
    isOver = true;
    await playing;
    expect(turnedAway, `${admitted} players were admitted`).to.deep.equal([]);
    expect(waited, 'players who came before their host knew that a slot was free').to.be.above(0);
  });
});
