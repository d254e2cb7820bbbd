import { createClient, type Client, type ClientOptions, type QueueState } from '@duskline/client/node';
import { expect } from 'chai';
import { TEST_CONFIG, testToken } from '../../support/fleet/test-broker.js';
import { TestFleet } from '../../support/fleet/test-fleet.js';
import { waitUntil } from '../../support/time/eventually.js';

const OPERATOR = { operatorId: 'ops', from: '127.0.0.1' };
const SYDNEY = { lat: -33.9, lon: 151.2 };

/** Eight regions around Sydney, and one in London. */
const REGION_LINES = [
  ...Array.from({ length: 8 }, (_, i) => ({ region: `sydney-${i}`, ...SYDNEY, lat: SYDNEY.lat + i * 0.9 })),
  { region: 'london', lat: 51.5, lon: -0.1 },
].map(
  ({ region, lat, lon }) => `  - { region: ${region}, name: R, lat: ${lat}, lon: ${lon}, timeZone: UTC }`,
);
const CONFIG = TEST_CONFIG.replace(/regions:\n(?: {2}- .*\n)+/, `regions:\n${REGION_LINES.join('\n')}\n`);

describe('A player of the SDK', function () {
  this.timeout(20_000);
  let fleet: TestFleet;
  let client: Client;
  afterEach(async () => {
    await client.close();
    await fleet.stop();
  });

  /** @param rttMs by the beginning of the region's name */
  function connect(rttMs: Record<string, number>, options: Partial<ClientOptions> = {}): void {
    client = createClient({
      url: fleet.brokers.map(({ url }) => url.replace('http', 'ws')),
      token: testToken({ kind: 'player', playerId: 'alice' }),
      device: { kind: 'console', codecs: ['hevc'], maxResolution: '1080p' },
      probe: async ({ region }) => rttMs[region.replace(/-.*/, '')] ?? Infinity,
      ...options,
    });
  }

  async function drain(region: string): Promise<void> {
    const target = { region, pool: null, hostId: null };
    const order = { mode: 'wait', atDeadline: 'end', deadlineMs: 3_600_000, yesEverything: true } as const;
    await fleet.broker(0).broker.operations.drain({ target, ...order }, OPERATOR);
  }

  const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => 'matched',
      (error: unknown) => error,
    );

  for (const [brokers, isFull] of [
    [1, false],
    [1, true],
    [2, false],
    [2, true],
  ] as const) {
    const where = `${brokers === 1 ? 'one broker' : 'two brokers'}, ${isFull ? 'all slots taken' : 'a slot free'}`;

    async function startWithHost(): Promise<void> {
      fleet = await TestFleet.start({ brokers });
      if (isFull) await fleet.fullHost({ hostId: 'h1' }, 1);
      else await fleet.host({ hostId: 'h1' }, 1);
    }

    it(`is told that operators closed the region that is near, when all others are too far: ${where}`, async () => {
      await startWithHost();
      await drain('near');
      connect({ near: 8, next: 250, far: 280 });
      expect(await codeOf(client.play({ title: 'drift' }))).to.include({
        code: 'REGION_CLOSED',
        retryable: true,
      });
    });

    it(`is told that operators closed every region: ${where}`, async () => {
      await startWithHost();
      for (const region of ['near', 'next', 'far']) await drain(region);
      connect({ near: 8, next: 20, far: 280 });
      expect(await codeOf(client.play({ title: 'drift' }))).to.include({
        code: 'REGION_CLOSED',
        retryable: true,
      });
    });
  }

  it('gets a slot where it is, although its location is wrong', async () => {
    fleet = await TestFleet.start({ config: CONFIG });
    await fleet.host({ hostId: 'h1', region: 'london' });
    connect({ sydney: 280, london: 8 }, { location: SYDNEY });
    expect(await client.play({ title: 'drift' })).to.include({ region: 'london', rttMs: 8 });
  });

  for (const [when, slots, brokers] of [
    ['no host is in the regions near on the map', 0, 1],
    ['all hosts in the regions near on the map are full', 1, 1],
    ['all hosts in the regions near on the map are full, with two brokers', 1, 2],
  ] as const) {
    it(`gets a slot in a nearer region, although it waits in queues elsewhere: ${when}`, async () => {
      fleet = await TestFleet.start({ config: CONFIG, brokers });
      if (slots > 0) await fleet.fullHost({ hostId: 'h1', region: 'sydney-0', slots });
      const host = await fleet.host({ hostId: 'h2', region: 'london' });
      connect({ sydney: 30, london: 8 }, { location: SYDNEY });
      const positions: QueueState[] = [];
      const session = await client.play({ title: 'drift', onQueued: (state) => void positions.push(state) });
      expect(session).to.include({ region: 'london', rttMs: 8 });
      await waitUntil(() => positions.length > 0);
      expect(await host.next('prepare')).to.include({ sessionId: session.sessionId, playerId: 'alice' });
    });
  }
});
