import { createSimulatedHost, createStreamServer, type StreamServer } from '@duskline/host/simulated';
import type { Duskline } from '@duskline/server/duskline.js';
import { expect } from 'chai';
import {
  TEST_CONFIG,
  TEST_ENV,
  openPlayer,
  startTestBroker,
  testToken,
} from '../support/fleet/test-broker.js';
import { runDuskline } from '../support/processes/broker-process.js';
import { waitUntil } from '../support/time/eventually.js';

/** Accepts every latency: the command measures real requests to a broker that shares the processor with it. */
const CONFIG = TEST_CONFIG.replace(
  /standard:\n(?: +- .*\n)+/,
  'standard: [{ afterMs: 0, maxRttMs: 5000 }]\n',
);

describe('The command duskline play', function () {
  this.timeout(20_000);
  let duskline: Duskline;
  let streams: StreamServer;
  let host: ReturnType<typeof createSimulatedHost>;
  beforeEach(async () => {
    duskline = await startTestBroker({ config: CONFIG });
    streams = await createStreamServer();
    const place = { region: 'near', pool: 'console-x' };
    host = createSimulatedHost({
      url: duskline.url.replace('http', 'ws'),
      token: testToken({ kind: 'host', ...place }),
      ...place,
      slots: 2,
      streams,
    });
    await host.host.whenRegistered();
  });
  afterEach(async () => {
    await host.leave();
    await streams.close();
    await duskline.stop();
  });

  it('leaves the host when another device of the player resumes the session, and says so', async () => {
    const url = duskline.url.replace('http', 'ws');
    const command = runDuskline(
      ['play', 'starfall', '--url', url, '--player', 'alice', '--wait', '5'],
      TEST_ENV,
    );
    await waitUntil(() => host.host.sessions().some(({ state }) => state === 'connected'));
    const phone = await openPlayer(duskline.url, 'alice');
    phone.send({ type: 'play', requestId: 'r2', title: 'starfall', rtt: { near: 1 }, onConflict: 'resume' });
    await phone.next('matched');
    const { code, stdout } = await command;
    expect(stdout).to.match(
      /Left after \d+ frames\. The session continues on another device of the player\.\n$/,
    );
    expect(code).to.equal(0);
  });
});
