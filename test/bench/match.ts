/**
 * Matches per second of one broker process on a real Redis, with players through the SDK.
 *
 *     npm run bench:match -- [--json] [--clients 200] [--hosts 60] [--seconds 10]
 *
 * Every player requests a session, is admitted and connected by its host, ends the session, and starts again at once. All
 * players and hosts share one process, so on a small machine that process limits the rate.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createClient, type Client } from '@duskline/client/node';
import { createHost, type Host } from '@duskline/host';
import { build } from 'hdr-histogram-js';
import { startBrokerProcess, type BrokerProcess } from '../support/processes/broker-process.js';
import { TEST_CONFIG, testToken } from '../support/fleet/test-broker.js';
import { startRedisServer } from '../support/redis/redis-server.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    clients: { type: 'string', default: '200' },
    hosts: { type: 'string', default: '60' },
    seconds: { type: 'string', default: '10' },
  },
});
const clientCount = Number(values.clients);
const hostCount = Number(values.hosts);
const seconds = Number(values.seconds);

const SLOTS_PER_HOST = 16;
const WARM_UP_MS = 2_000;
const PLACE = { region: 'near', pool: 'console-x' };

function openHost(url: string, number: number): Host {
  const hostId = `host-${number}`;
  const load = { gpu: 0.1, encoder: 0.1, cpu: 0.1, network: 0.1 };
  return createHost({
    url,
    token: testToken({ kind: 'host', ...PLACE }),
    hostId,
    ...PLACE,
    slots: SLOTS_PER_HOST,
    endpoint: `ws://127.0.0.1:1/stream/${hostId}`,
    measureLoad: () => load,
  });
}

/** Plays repeatedly until `over`. Reports the time of each match in milliseconds. */
async function playOn(
  client: Client,
  hosts: ReadonlyMap<string, Host>,
  over: () => boolean,
  took: (ms: number) => void,
): Promise<void> {
  while (!over()) {
    const startedAt = performance.now();
    const session = await client.play({ title: 'drift', rtt: { near: 10 } });
    took(performance.now() - startedAt);
    const admission = hosts.get(session.host.hostId)?.admit(session.ticket);
    if (admission?.ok !== true)
      throw new Error(`The host did not admit the player: ${admission?.reason ?? 'no such host'}`);
    admission.session.reportConnected();
    await session.end();
  }
}

async function run(broker: BrokerProcess): Promise<object> {
  const url = broker.url.replace('http', 'ws');
  const hosts = new Map(Array.from({ length: hostCount }, (_, i) => [`host-${i}`, openHost(url, i)]));
  await Promise.all([...hosts.values()].map((host) => host.whenRegistered()));
  const clients = Array.from({ length: clientCount }, (_, i) =>
    createClient({
      url,
      token: testToken({ kind: 'player', playerId: `player-${i}` }),
      device: { kind: 'console', codecs: ['hevc'], maxResolution: '1080p' },
    }),
  );
  await Promise.all(clients.map((client) => client.connect()));

  const micros = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  const measureFrom = performance.now() + WARM_UP_MS;
  const until = measureFrom + seconds * 1000;
  let matches = 0;
  await Promise.all(
    clients.map((client) =>
      playOn(
        client,
        hosts,
        () => performance.now() >= until,
        (ms) => {
          if (performance.now() < measureFrom) return;
          matches += 1;
          micros.recordValue(Math.round(ms * 1000));
        },
      ),
    ),
  );
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all([...hosts.values()].map((host) => host.leave()));
  return {
    clients: clientCount,
    hosts: hostCount,
    seconds,
    matchesPerSecond: Math.round(matches / seconds),
    matchMs: {
      p50: micros.getValueAtPercentile(50) / 1000,
      p99: micros.getValueAtPercentile(99) / 1000,
      max: micros.maxValue / 1000,
    },
  };
}

const directory = await mkdtemp(join(tmpdir(), 'duskline-bench-'));
const config = join(directory, 'duskline.yaml');
await writeFile(config, TEST_CONFIG);
const redis = await startRedisServer();
const broker = await startBrokerProcess(['--config', config, '--redis', redis.url, '--log-level', 'info']);
try {
  const result = await run(broker);
  process.stdout.write(`${values.json ? JSON.stringify(result) : JSON.stringify(result, null, 2)}\n`);
} finally {
  await broker.stop();
  await redis.stop();
  await rm(directory, { recursive: true });
}
