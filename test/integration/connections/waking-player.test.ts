import { createClient, systemClock, type Client, type QueueState } from '@duskline/client/node';
import { expect } from 'chai';
import { testToken } from '../../support/fleet/test-broker.js';
import { TestFleet, queueUp } from '../../support/fleet/test-fleet.js';
import { startTcpProxy, type TcpProxy } from '../../support/network/tcp-proxy.js';
import { waitUntil } from '../../support/time/eventually.js';

const SLEEP_MS = 20_000;
/** From the moment of waking: half a second to notice it, 1.5 s for the ping, and the time to connect. */
const RECONNECT_WITHIN_MS = 3_000;

describe('A player whose device sleeps while it waits', function () {
  this.timeout(15_000);
  let fleet: TestFleet;
  let proxy: TcpProxy;
  let client: Client;
  afterEach(async () => {
    await client.close();
    await proxy.stop();
    await fleet.stop();
  });

  it('reconnects after it wakes, when the network forgot the connection, and gets the next free slot', async () => {
    fleet = await TestFleet.start();
    const host = await fleet.fullHost({ hostId: 'h1' });
    proxy = await startTcpProxy({ port: Number(new URL(fleet.broker(0).url).port) });
    let sleptMs = 0;
    client = createClient({
      url: `ws://127.0.0.1:${proxy.port}`,
      token: testToken({ kind: 'player', playerId: 'alice' }),
      device: { kind: 'mobile', codecs: ['hevc'], maxResolution: '1080p' },
      clock: { ...systemClock, wallMs: () => systemClock.wallMs() + sleptMs },
    });
    const positions: QueueState[] = [];
    const playing = client.play({
      title: 'drift',
      rtt: { near: 10 },
      onQueued: (state) => void positions.push(state),
    });
    await waitUntil(() => positions.length === 1);
    await queueUp(await fleet.player('bob'), 'r1');

    proxy.abandon();
    sleptMs = SLEEP_MS;
    await waitUntil(() => client.status.state !== 'ready', RECONNECT_WITHIN_MS);
    await waitUntil(() => client.status.state === 'ready', RECONNECT_WITHIN_MS);
    await host.free();
    const session = await playing;
    expect(await host.next('prepare')).to.include({ sessionId: session.sessionId, playerId: 'alice' });
  });
});
