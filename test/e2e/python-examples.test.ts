import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readProtocolDocument } from '../protocol/document/document.js';
import { documentedTraces } from '../protocol/traces/document-traces.js';
import { TEST_ENV, startTestBroker, testToken } from '../support/fleet/test-broker.js';
import { startBrokerProcess, type BrokerProcess } from '../support/processes/broker-process.js';
import { startPython } from '../support/processes/python-process.js';
import { startRedisServer, type RedisServer } from '../support/redis/redis-server.js';

const HEADINGS = documentedTraces(readProtocolDocument().text).map(({ heading }) => heading);
const POOLS = HEADINGS.map((_, i) => `scenario-${i + 1}`);

/** A pool and a title for each scenario, so that all can be played at once. */
const CONFIG = JSON.stringify({
  version: 1,
  regions: [{ region: 'north', name: 'North', lat: 60, lon: 10, timeZone: 'Europe/Oslo' }],
  pools: POOLS.map((pool) => ({
    pool,
    platform: 'console',
    codecs: ['hevc'],
    maxResolution: '1080p',
    maxFps: 60,
    titles: [pool],
  })),
  titles: POOLS.map((title) => ({ title, name: title, latencyPolicy: 'any' })),
  latencyPolicies: { any: [{ afterMs: 0, maxRttMs: 5_000 }] },
  tiers: { short: { idleMs: 5_000, warnBeforeMs: [3_500] } },
  auth: { algorithms: ['HS256'] },
  limits: {
    heartbeatIntervalMs: 800,
    suspectAfterMs: 3_000,
    lostAfterMs: 4_500,
    sweepIntervalMs: 100,
    sweepGapMs: 200,
    reservationMs: 5_000,
    offerMs: 2_500,
    moveStepMs: 5_000,
    goAwaySpreadMs: 0,
  },
  store: {},
});

interface Outcome {
  readonly scenario: number;
  readonly differences: readonly string[];
}

/** Starts brokers and lets the Python programs play all scenarios with them. Resolves with the differences by scenario. */
async function playScenarios(
  config: string,
  brokers: number,
  args: readonly string[],
): Promise<Map<number, string>> {
  const started: BrokerProcess[] = await Promise.all(
    Array.from({ length: brokers }, () => startBrokerProcess(['--config', config, ...args])),
  );
  const urls = started.flatMap(({ url }) => ['--broker', url.replace('http', 'ws')]);
  const { lines, process } = startPython(
    'test/e2e/python/scenarios.py',
    [...urls, '--stop', String(started[0]!.process.pid)],
    TEST_ENV,
  );
  const exited = once(process, 'exit');
  const differences = new Map<number, string>();
  for await (const line of lines) {
    const outcome = JSON.parse(line) as Outcome;
    differences.set(outcome.scenario, outcome.differences.join('\n'));
  }
  expect(await exited).to.deep.equal([0, null]);
  return differences;
}

/** Plays with the commands, kills the host, and expects that the client plays on another one. */
async function playFromCommandLine(): Promise<void> {
  const config = readFileSync(new URL('../../../examples/duskline.yaml', import.meta.url), 'utf8');
  const duskline = await startTestBroker({
    config: config.replace('port: 8080', 'port: 0'),
    limits: { heartbeatIntervalMs: 400, suspectAfterMs: 1_000, lostAfterMs: 2_000, sweepIntervalMs: 100 },
  });
  try {
    await followToAnotherHost(['--url', duskline.url.replace('http', 'ws')]);
  } finally {
    await duskline.stop();
  }
}

async function followToAnotherHost(url: readonly string[]): Promise<void> {
  const startHost = async (hostId: string): Promise<ChildProcess> => {
    const args = ['--region', 'eu-west', '--pool', 'console-x', '--slots', '2', '--host-id', hostId];
    const { lines, process } = startPython('examples/python/duskline_host.py', [...url, ...args], {
      DUSKLINE_TOKEN: testToken({ kind: 'host', region: 'eu-west', pool: 'console-x' }),
    });
    expect((await lines.next()).value).to.equal(`${hostId} is registered`);
    return process;
  };
  const first = await startHost('h1');
  const client = startPython('examples/python/duskline_client.py', [...url, 'starfall'], {
    DUSKLINE_TOKEN: testToken({ kind: 'player', playerId: 'alice' }),
  });
  const until = async (wanted: RegExp): Promise<string> => {
    for (;;) {
      const next = await client.lines.next();
      if (next.done === true) throw new Error(`The client printed no ${String(wanted)}.`);
      if (wanted.test(next.value)) return next.value;
    }
  };
  expect(await until(/^matched/)).to.match(/^matched eu-west\/console-x /);
  await until(/^frame 5$/);
  const second = await startHost('h2');
  first.kill('SIGKILL');
  await until(/^matched/);
  await until(/^session connected$/);
  await until(/^frame 1$/);

  const exited = once(client.process, 'exit');
  client.process.kill('SIGINT');
  await until(/^error CANCELLED$/);
  expect(await exited).to.deep.equal([0, null]);
  const left = once(second, 'exit');
  second.kill('SIGTERM');
  expect(await left).to.deep.equal([0, null]);
}

describe('The client and the host in Python, written from PROTOCOL.md', function () {
  this.timeout(60_000);
  let directory: string;
  let redis: RedisServer;
  let played: readonly Promise<Map<number, string>>[];
  let commands: Promise<void>;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'duskline-python-'));
    const config = join(directory, 'duskline.yaml');
    await writeFile(config, CONFIG);
    redis = await startRedisServer();
    // They wait most of the time, so they run at once.
    played = [playScenarios(config, 1, []), playScenarios(config, 2, ['--redis', redis.url])];
    commands = playFromCommandLine();
    await Promise.allSettled([...played, commands]);
  });
  after(async () => {
    await redis.stop();
    await rm(directory, { recursive: true });
  });

  for (const [store, where] of [
    'one broker, with its state in memory',
    'two brokers that share a Redis',
  ].entries()) {
    for (const [i, heading] of HEADINGS.entries()) {
      it(`send and receive the messages of scenario ${heading}, on ${where}`, async () => {
        expect((await played[store])?.get(i + 1)).to.equal('');
      });
    }
  }

  it('play a title from the command line, and the client follows its session to another host', () =>
    commands);
});
