import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startBrokerProcess, type BrokerProcess } from '../support/processes/broker-process.js';
import { waitUntil } from '../support/time/eventually.js';
import { IDLE_LOAD, TEST_CONFIG, openHost, openPlayer } from '../support/fleet/test-broker.js';

describe('A broker process that receives SIGTERM', function () {
  this.timeout(30_000);

  const SPREAD_MS = 1_500;
  let directory: string;
  let broker: BrokerProcess;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'duskline-stop-'));
    const config = join(directory, 'duskline.yaml');
    await writeFile(config, `${TEST_CONFIG}\nlimits: { goAwaySpreadMs: ${SPREAD_MS} }\n`);
    broker = await startBrokerProcess(['--config', config]);
  });
  afterEach(async () => {
    await broker.kill();
    await rm(directory, { recursive: true });
  });

  it('stops being ready, sends its peers away one by one, and exits with 0', async () => {
    const host = await openHost(broker.url, { hostId: 'h1', slots: 40 });
    const players = await Promise.all(
      Array.from({ length: 40 }, (_, i) => openPlayer(broker.url, `player-${i}`)),
    );
    const leftAt: number[] = [];
    const left = [host, ...players].map(async (peer) => {
      const { code, reason } = await peer.closed;
      leftAt.push(performance.now());
      expect({ code, reason }).to.deep.equal({ code: 1001, reason: 'GOING_AWAY' });
      expect(await peer.next('error')).to.include({ code: 'GOING_AWAY', retryable: true });
    });
    const startedAt = performance.now();
    const stopping = broker.stop();
    await waitUntil(async () => (await fetch(`${broker.url}/readyz`)).status === 503);
    expect((await fetch(`${broker.url}/healthz`)).status).to.equal(200);
    await Promise.all(left);
    expect(await stopping).to.equal(0);

    const spread = Math.max(...leftAt) - Math.min(...leftAt);
    expect(spread, 'peers leave spread over time').to.be.within(SPREAD_MS / 3, SPREAD_MS);
    expect(performance.now() - startedAt).to.be.below(SPREAD_MS + 3_000);
  });

  it('serves peers that it has not sent away yet', async () => {
    const host = await openHost(broker.url, { hostId: 'h1', slots: 40 });
    host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [] });
    const players = await Promise.all(
      Array.from({ length: 20 }, (_, i) => openPlayer(broker.url, `player-${i}`)),
    );
    const first = await openPlayer(broker.url, 'first');
    await waitUntil(async () => {
      first.send({ type: 'play', requestId: 'r1', title: 'starfall', rtt: { near: 10 }, wait: false });
      return (await first.answer('r1')).type === 'matched';
    });
    const stopping = broker.stop();
    // A request is answered before its client is sent away.
    const answers = players.map(async (player) => {
      player.send({ type: 'play', requestId: 'r1', title: 'starfall', rtt: { near: 10 } });
      // A request that crosses the broker's close frame is not read any more.
      return player.answer('r1').then(
        ({ type }) => type,
        async () => (await player.closed).reason,
      );
    });
    const seen = await Promise.all(answers);
    expect(seen.filter((type) => type === 'matched')).to.have.length.above(0);
    expect(seen.filter((type) => type !== 'matched' && type !== 'GOING_AWAY')).to.deep.equal([]);
    expect(await stopping).to.equal(0);
  });

  it('exits at once at a second signal', async () => {
    await openPlayer(broker.url, 'alice');
    broker.process.kill('SIGTERM');
    await waitUntil(async () => (await fetch(`${broker.url}/readyz`)).status === 503);
    broker.process.kill('SIGTERM');
    const [code, signal] = (await once(broker.process, 'exit')) as [number | null, string | null];
    expect({ code, signal }).to.deep.equal({ code: null, signal: 'SIGTERM' });
  });
});
