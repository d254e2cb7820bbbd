import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Duskline } from '@duskline/server/duskline.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import {
  TEST_CONFIG,
  openHost,
  openReadyHost,
  startTestBroker,
  testToken,
} from '../../support/fleet/test-broker.js';

const SCRIPT = fileURLToPath(new URL('../../../../examples/plain-client.mjs', import.meta.url));

/**
 * Accepts every latency. The client measures real requests to a broker that shares the processor with it: on a busy machine
 * they take longer than the 60 ms of the test fleet's policy, and the request would wait until a wider step accepts the region.
 */
const CONFIG = TEST_CONFIG.replace(
  /standard:\n(?: +- .*\n)+/,
  'standard: [{ afterMs: 0, maxRttMs: 5000 }]\n',
);

describe('The plain client of PROTOCOL.md', function () {
  this.timeout(20_000);
  let duskline: Duskline;
  let client: ChildProcess | undefined;
  beforeEach(async () => {
    duskline = await startTestBroker({ config: CONFIG });
  });
  afterEach(async () => {
    client?.kill('SIGKILL');
    await duskline.stop();
  });

  /** Starts the script. Returns its lines of output one by one. */
  function start(token: string): {
    readonly lines: AsyncIterator<string>;
    readonly exited: Promise<unknown[]>;
  } {
    const child = spawn(process.execPath, [SCRIPT, duskline.url.replace('http', 'ws'), 'starfall'], {
      env: { ...process.env, DUSKLINE_TOKEN: token },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    client = child;
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { lines, exited: once(child, 'exit') };
  }

  it('measures, is matched, follows its session and ends it', async () => {
    const host = await openReadyHost(duskline, { hostId: 'h1', region: 'next' });
    const { lines, exited } = start(testToken({ kind: 'player', playerId: 'alice' }));
    const { sessionId, epoch } = await host.next('prepare');
    expect((await lines.next()).value).to.equal(`matched ${String(sessionId)} on h1 in next`);
    host.send({ type: 'session', sessionId, epoch, state: 'active' });
    expect((await lines.next()).value).to.match(/ active/);
    client?.kill('SIGINT');
    expect((await lines.next()).value).to.match(/ ended client_left/);
    expect(await host.next('end')).to.include({ sessionId, reason: 'client_left' });
    expect(await exited).to.deep.equal([0, null]);
  });

  it('reconnects to the same session when its socket is lost', async () => {
    await duskline.stop();
    const store = createMemoryStore({ suspectAfterMs: 60_000 });
    duskline = await startTestBroker({ store, config: CONFIG });
    const host = await openReadyHost(duskline, { hostId: 'h1' });
    const { lines } = start(testToken({ kind: 'player', playerId: 'alice' }));
    const { sessionId } = await host.next('prepare');
    const matched = `matched ${String(sessionId)} on h1 in near`;
    expect((await lines.next()).value).to.equal(matched);

    const { port } = duskline.address;
    await duskline.stop();
    duskline = await startTestBroker({ store, config: CONFIG.replace('port: 0', `port: ${port}`) });
    await openHost(duskline.url, { hostId: 'h1' });
    expect((await lines.next()).value).to.equal(matched);
  });
});
