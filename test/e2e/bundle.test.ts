import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import {
  BUNDLE_ENV,
  runDuskline,
  startBrokerProcess,
  type BrokerProcess,
} from '../support/processes/broker-process.js';
import { waitUntil } from '../support/time/eventually.js';
import { startHostProcess, type HostProcess } from '../support/processes/host-process.js';
import { startRedisServer, type RedisServer } from '../support/redis/redis-server.js';
import { startFor } from '../support/processes/started-processes.js';

const SERVER = fileURLToPath(new URL('../../../server/', import.meta.url));

/** The files of the server that the container image has. */
const PARTS = ['bin', 'dist/bundle', 'package.json', 'store/redis/lua'];

describe('The bundled command without installed packages', function () {
  this.timeout(30_000);

  let directory: string;
  let command: string;
  let redis: RedisServer;
  let probe: Redis;
  let broker: BrokerProcess | undefined;
  let host: HostProcess | undefined;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'duskline-bundle-'));
    command = join(directory, 'bin/duskline.js');
    await Promise.all(
      PARTS.map((part) => cp(join(SERVER, part), join(directory, part), { recursive: true })),
    );
    redis = await startRedisServer();
    probe = new Redis(redis.url);
  });
  after(async () => {
    for (const child of [host, broker]) {
      child?.process.kill('SIGKILL');
      await child?.exited;
    }
    probe.disconnect();
    await redis.stop();
    await rm(directory, { recursive: true });
  });

  it('serves', async () => {
    // The next test uses it too.
    broker = await startFor('suite', () =>
      startBrokerProcess(['--redis', redis.url], { command, env: BUNDLE_ENV }),
    );
    expect((await fetch(`${broker.url}/readyz`)).status).to.equal(200);
    expect(await (await fetch(`${broker.url}/metrics`)).text()).to.include('duskline_matches_total');
  });

  it('runs the rebalancer in its own thread once there is a host', async () => {
    const brokers = async (): Promise<number> =>
      String(await probe.client('LIST'))
        .trim()
        .split('\n').length - 1;
    expect(await brokers(), 'connections of the broker').to.equal(2);
    host = await startHostProcess({
      urls: [broker!.url.replace('http', 'ws')],
      hostId: 'h1',
      region: 'eu-west',
    });
    await waitUntil(async () => (await brokers()) === 4, 10_000);
    expect(broker!.log.filter((line) => line.includes('"level":50'))).to.deep.equal([]);
  });

  it('runs a load test with brokers of its own from several threads', async () => {
    const { code, stdout, stderr } = await runDuskline(
      [
        ...[
          'loadtest',
          '--spawn',
          '1',
          '--workers',
          '2',
          '--regions',
          '1',
          '--hosts',
          '2',
          '--clients',
          '10',
        ],
        ...['--session', '300ms', '--rate', '10', '--duration', '1s', '--connect-rate', '100'],
        ...['--assert', 'violations==0', '--assert', 'lost==0'],
      ],
      BUNDLE_ENV,
      command,
    );
    expect(code, stdout + stderr).to.equal(0);
    expect(stdout).to.match(/^played by .*, 2 threads: /m);
  });

  it('ships the licences of all packages', async () => {
    const licences = await readFile(join(directory, 'dist/bundle/LICENCES.txt'), 'utf8');
    for (const name of ['express', 'ioredis', 'typebox', 'ws']) {
      expect(licences).to.match(new RegExp(`^${name} \\d`, 'm'));
    }
  });
});
