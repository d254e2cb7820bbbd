/** Measures how many matches per second one broker process on a real Redis makes. `USAGE` describes the options. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type Client } from '@duskline/client/node';
import { createHost, type Host } from '@duskline/host';
import { build } from 'hdr-histogram-js';
import { startBrokerProcess, type BrokerProcess } from '../support/processes/broker-process.js';
import { TEST_CONFIG, testToken } from '../support/fleet/test-broker.js';
import { startRedisServer } from '../support/redis/redis-server.js';
import { readCount, readNumber, readOptions } from './command-line.js';
import { reportProgress } from './progress.js';

const USAGE = `Measures how many matches per second one broker process on a real Redis makes, with players that use the client SDK.

  npm run bench:match -- [options]

  --clients N        players (default: 200)
  --hosts N          hosts with 16 slots each (default: 60)
  --seconds N        length of the measurement, after a warm-up of 2 s (default: 10)
  --json             print the figures as JSON on one line, instead of over several lines
  --help             print this text

Every player requests a session, is admitted by its host, ends the session, and requests the next one at once. All players and
hosts are in one process, so on a small machine that process limits the rate. Progress goes to standard error, the figures to
standard output.
`;

const options = readOptions(USAGE, {
  clients: { type: 'string', default: '200' },
  hosts: { type: 'string', default: '60' },
  seconds: { type: 'string', default: '10' },
  json: { type: 'boolean', default: false },
});
const clientCount = readCount('--clients', options.clients);
const hostCount = readCount('--hosts', options.hosts);
const seconds = readNumber('--seconds', options.seconds);

const SLOTS_PER_HOST = 16;
const WARM_UP_MS = 2_000;
const PROGRESS_INTERVAL_MS = 5_000;
const REGION_POOL = { region: 'near', pool: 'console-x' };

function openHost(url: string, number: number): Host {
  const hostId = `host-${number}`;
  const load = { gpu: 0.1, encoder: 0.1, cpu: 0.1, network: 0.1 };
  return createHost({
    url,
    token: testToken({ kind: 'host', ...REGION_POOL }),
    hostId,
    ...REGION_POOL,
    slots: SLOTS_PER_HOST,
    endpoint: `ws://127.0.0.1:1/stream/${hostId}`,
    measureLoad: () => load,
  });
}

/** Plays one session after the other until `isOver`. Calls `onMatch` with the time of each match in milliseconds. */
async function playRepeatedly(
  client: Client,
  hosts: ReadonlyMap<string, Host>,
  isOver: () => boolean,
  onMatch: (ms: number) => void,
): Promise<void> {
  while (!isOver()) {
    const startedAtMs = performance.now();
    const session = await client.play({ title: 'drift', rtt: { near: 10 } });
    onMatch(performance.now() - startedAtMs);
    const admission = hosts.get(session.host.hostId)?.admit(session.ticket);
    if (admission?.ok !== true)
      throw new Error(`The host did not admit the player: ${admission?.reason ?? 'no such host'}`);
    admission.session.reportConnected();
    await session.end();
  }
}

async function run(broker: BrokerProcess): Promise<object> {
  const url = broker.url.replace('http', 'ws');
  reportProgress(`match: ${hostCount} hosts and ${clientCount} players connect`);
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

  reportProgress(`match: warm-up for ${WARM_UP_MS / 1_000} s, then ${seconds} s of measurement`);
  const micros = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  const measureFromMs = performance.now() + WARM_UP_MS;
  const untilMs = measureFromMs + seconds * 1_000;
  let matches = 0;
  const progress = setInterval(
    () => reportProgress(`match: ${matches} matches so far`),
    PROGRESS_INTERVAL_MS,
  );
  await Promise.all(
    clients.map((client) =>
      playRepeatedly(
        client,
        hosts,
        () => performance.now() >= untilMs,
        (ms) => {
          if (performance.now() < measureFromMs) return;
          matches += 1;
          micros.recordValue(Math.round(ms * 1_000));
        },
      ),
    ),
  );
  clearInterval(progress);
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all([...hosts.values()].map((host) => host.leave()));
  return {
    clients: clientCount,
    hosts: hostCount,
    seconds,
    matchesPerSecond: Math.round(matches / seconds),
    matchMs: {
      p50: micros.getValueAtPercentile(50) / 1_000,
      p99: micros.getValueAtPercentile(99) / 1_000,
      max: micros.maxValue / 1_000,
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
  process.stdout.write(`${JSON.stringify(result, null, options.json ? undefined : 2)}\n`);
} finally {
  await broker.stop();
  await redis.stop();
  await rm(directory, { recursive: true });
}
