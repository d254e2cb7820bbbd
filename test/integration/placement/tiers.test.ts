import { expect } from 'chai';
import { CLIENT_PATH } from '@duskline/protocol/constants';
import type { Duskline } from '@duskline/server/duskline.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import {
  TEST_CONFIG,
  TEST_DEVICE,
  openReadyHost,
  startTestBroker,
  testToken,
} from '../../support/fleet/test-broker.js';
import { Peer, type Frame } from '../../support/fleet/peer.js';

const TIERS = `
tiers:
  default: { maxLengthMs: 3600000 }
  gold: { idleMs: 900000, maxLengthMs: 7200000, warnBeforeMs: [60000, 120000] }
  free-for-all: {}
`;

describe('Tiers', () => {
  const brokers: Duskline[] = [];
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
  });

  async function start(config = TEST_CONFIG + TIERS, store = createMemoryStore({ suspectAfterMs: 4_000 })) {
    const duskline = await startTestBroker({ config, store });
    brokers.push(duskline);
    return duskline;
  }

  async function playAs({ url }: Duskline, tier?: string): Promise<Frame> {
    const player = await Peer.open(url, CLIENT_PATH);
    const token = testToken({ kind: 'player', playerId: 'alice', ...(tier === undefined ? {} : { tier }) });
    player.send({ type: 'hello', token, device: TEST_DEVICE });
    await player.next('welcome');
    player.send({ type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 10 } });
    return player.next('matched');
  }

  it('set the limits that the host applies to the session', async () => {
    const duskline = await start();
    const host = await openReadyHost(duskline, { hostId: 'h1' });
    const matched = await playAs(duskline, 'gold');
    expect((await host.next('prepare'))['limits']).to.deep.equal({
      idleMs: 900_000,
      maxLengthMs: 7_200_000,
      warnBeforeMs: [120_000, 60_000],
    });
    expect(matched).to.not.have.property('tier');
  });

  for (const [what, tier] of [
    ['a token that names none', undefined],
    ['one that the configuration does not have', 'platinum'],
  ] as const) {
    it(`fall back to the default for ${what}`, async () => {
      const duskline = await start();
      const host = await openReadyHost(duskline, { hostId: 'h1' });
      await playAs(duskline, tier);
      expect((await host.next('prepare'))['limits']).to.deep.equal({
        maxLengthMs: 3_600_000,
        warnBeforeMs: [300_000, 60_000],
      });
    });
  }

  it('without limits set none for the session', async () => {
    const duskline = await start();
    const host = await openReadyHost(duskline, { hostId: 'h1' });
    await playAs(duskline, 'free-for-all');
    expect(await host.next('prepare')).to.not.have.property('limits');
  });

  it('set these limits also when the host is connected to another broker than the player', async () => {
    const store = createMemoryStore({ suspectAfterMs: 4_000 });
    const first = await start(TEST_CONFIG + TIERS, store);
    const second = await start(TEST_CONFIG + TIERS, store);
    const host = await openReadyHost(second, { hostId: 'h1' });
    await playAs(first, 'gold');
    expect((await host.next('prepare'))['limits']).to.include({ idleMs: 900_000 });
  });
});
