import type { ClientOptions, PlayOptions, Probe, Session } from '@duskline/client/node';
import type { RegionInfo } from '@duskline/protocol';
import { expect } from 'chai';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { EventBuffer } from '../../../support/event-buffer.js';
import { Fixtures, failure, type Fixture } from '../fixture.js';
import { aRegion, type ScriptedConnection } from '../scripted-broker.js';

const REQUEST_ID = 'request-1';
const SYDNEY = { lat: -33.9, lon: 151.2 };
const LONDON = { lat: 51.5, lon: -0.1 };

/** Eight regions near Sydney, and one in London. */
const REGIONS: readonly RegionInfo[] = [
  ...Array.from({ length: 8 }, (_, i) => aRegion(`sydney-${i}`, { ...SYDNEY, lat: SYDNEY.lat + i * 0.9 })),
  aRegion('london', LONDON),
];
const NEAR_SYDNEY = Object.fromEntries(REGIONS.slice(0, 8).map(({ region }) => [region, 30]));

interface Asking extends Fixture {
  readonly end: ScriptedConnection;
  readonly playing: Promise<Session>;
  /** By the beginning of the region's name. The test may change it. */
  readonly rttMs: Record<string, number>;
  readonly probed: EventBuffer<string>;
}

describe('client: play() and the regions', () => {
  const fixtures = new Fixtures();
  afterEach(() => fixtures.stop());

  async function asking(
    regions: readonly RegionInfo[],
    rttMs: Record<string, number>,
    options: Partial<ClientOptions> = {},
    playOptions: Partial<PlayOptions> = {},
  ): Promise<Asking> {
    const probed = new EventBuffer<string>('probe of a region');
    const probe: Probe = async ({ region }) => {
      probed.add(region);
      const known = rttMs[region] ?? rttMs[region.replace(/-.*/, '')];
      if (known === undefined) throw new Error('unreachable');
      return known;
    };
    const pair = await fixtures.pair({ probe, ...options });
    const [end] = await Promise.all([pair.broker.welcome({ regions: [...regions] }), pair.client.connect()]);
    const playing = pair.client.play({ title: 'tetris', requestId: REQUEST_ID, ...playOptions });
    playing.catch(() => undefined);
    return { ...pair, end, playing, rttMs, probed };
  }

  const refused = { requestId: REQUEST_ID, retryable: true };

  describe('that operators closed', () => {
    const dublin = aRegion('dublin', LONDON);

    for (const state of ['draining', 'drained'] as const) {
      it(`names a region that is ${state} to the broker, which then says so`, async () => {
        const regions = [{ ...dublin, state }, aRegion('tokyo')];
        const { end, playing } = await asking(regions, { dublin: 8, tokyo: 250 });
        expect((await end.next('play')).rtt).to.deep.equal({ dublin: 8, tokyo: 250 });
        end.error({ code: 'REGION_CLOSED', ...refused });
        expect(await failure(playing)).to.include({ code: 'REGION_CLOSED', retryable: true });
      });
    }

    it('names them when all are closed, also those whose beacons do not answer', async () => {
      const regions = [dublin, aRegion('tokyo')].map((region) => ({ ...region, state: 'drained' as const }));
      const { end, playing } = await asking(regions, {});
      expect((await end.next('play')).rtt).to.deep.equal({ dublin: null, tokyo: null });
      end.error({ code: 'REGION_CLOSED', ...refused });
      expect(await failure(playing)).to.include({ code: 'REGION_CLOSED', retryable: true });
    });

    it('names a closed region whose beacon does not answer beside one that is measured', async () => {
      const regions = [{ ...dublin, state: 'drained' as const }, aRegion('tokyo')];
      const { end } = await asking(regions, { tokyo: 250 });
      expect((await end.next('play')).rtt).to.deep.equal({ dublin: null, tokyo: 250 });
    });

    it('does not count them among the eight that are near on the map', async () => {
      const regions = REGIONS.map((region, i) => (i < 3 ? { ...region, state: 'drained' as const } : region));
      const { end } = await asking(regions, { sydney: 10, london: 280 }, { location: SYDNEY });
      expect(Object.keys((await end.next('play')).rtt)).to.have.length(9);
    });
  });

  it('names a region that is near on the map as not measured when its beacon does not answer', async () => {
    const regions = [aRegion('sydney', SYDNEY), aRegion('melbourne', { lat: -37.8, lon: 145 })];
    const { end } = await asking(regions, { sydney: 10 }, { location: SYDNEY });
    expect((await end.next('play')).rtt).to.deep.equal({ sydney: 10, melbourne: null });
  });

  describe('with a wrong location', () => {
    it('finds the region that is near when no region near on the map is fast', async () => {
      const { end, playing } = await asking(REGIONS, { sydney: 280, london: 8 }, { location: SYDNEY });
      expect((await end.next('play')).rtt).to.include({ london: 8 });
      end.match(REQUEST_ID);
      await playing;
    });

    for (const code of ['NO_REGION_IN_REACH', 'NO_CAPACITY', 'QUEUE_FULL', 'REGION_CLOSED'] as const) {
      it(`asks again with the other regions after ${code}`, async () => {
        const { end, playing } = await asking(REGIONS, { sydney: 30, london: 8 }, { location: SYDNEY });
        expect((await end.next('play')).rtt).to.deep.equal(NEAR_SYDNEY);
        end.error({ code, ...refused });
        expect(await end.next('play')).to.deep.include({
          requestId: REQUEST_ID,
          rtt: { ...NEAR_SYDNEY, london: 8 },
        });
        end.match(REQUEST_ID);
        await playing;
      });
    }

    it('is refused when the other regions are refused too, or do not answer', async () => {
      const found = await asking(REGIONS, { sydney: 30, london: 8 }, { location: SYDNEY });
      for (let times = 0; times < 2; times += 1) {
        await found.end.next('play');
        found.end.error({ code: 'NO_CAPACITY', ...refused });
      }
      expect(await failure(found.playing)).to.include({ code: 'NO_CAPACITY' });
      expect(await found.end.receivedTypes()).to.deep.equal(['hello', 'play', 'play']);

      const nothing = await asking(REGIONS, { sydney: 30 }, { location: SYDNEY });
      await nothing.end.next('play');
      nothing.end.error({ code: 'NO_CAPACITY', ...refused });
      expect(await failure(nothing.playing)).to.include({ code: 'NO_CAPACITY' });
      expect(await nothing.end.receivedTypes()).to.deep.equal(['hello', 'play']);
    });

    it('does not look further after other refusals, or when the application measured', async () => {
      const unknown = await asking(REGIONS, { sydney: 30, london: 8 }, { location: SYDNEY });
      await unknown.end.next('play');
      unknown.end.error({ code: 'UNKNOWN_TITLE', requestId: REQUEST_ID });
      expect(await failure(unknown.playing)).to.include({ code: 'UNKNOWN_TITLE' });
      expect(unknown.probed.all).not.to.include('london');

      const own = await asking(REGIONS, { london: 8 }, { location: SYDNEY }, { rtt: { 'sydney-0': 30 } });
      await own.end.next('play');
      own.end.error({ code: 'NO_REGION_IN_REACH', requestId: REQUEST_ID });
      expect(await failure(own.playing)).to.include({ code: 'NO_REGION_IN_REACH' });
      expect(own.probed.all).to.deep.equal([]);
    });

    it('finds a region that is farther than those near on the map, when these have no slot', async () => {
      const { end, playing } = await asking(REGIONS, { sydney: 30, london: 55 }, { location: SYDNEY });
      await end.next('play');
      end.error({ code: 'NO_CAPACITY', ...refused });
      expect((await end.next('play')).rtt).to.include({ london: 55 });
      end.match(REQUEST_ID);
      await playing;
    });

    it('repeats the request with the other regions while it retries', async () => {
      const clock = new ManualClock();
      const { end, playing, probed } = await asking(
        REGIONS,
        { sydney: 30, london: 8 },
        { location: SYDNEY, clock, random: () => 0 },
        { retry: { maxWaitMs: 10_000 } },
      );
      await end.next('play');
      end.error({ code: 'NO_CAPACITY', retryAfterMs: 1_000, ...refused });
      for (let times = 0; times < 5; times += 1) await probed.next((region) => region === 'london');
      await end.ping();
      clock.advance(1_000);
      expect((await end.next('play')).rtt).to.include({ london: 8 });
      end.match(REQUEST_ID);
      await playing;
    });

    it('is refused once the time for retries is over, also with the other regions', async () => {
      const clock = new ManualClock();
      const { end, playing, probed } = await asking(
        REGIONS,
        { sydney: 30, london: 8 },
        { location: SYDNEY, clock, random: () => 0 },
        { retry: { maxWaitMs: 1_500 } },
      );
      await end.next('play');
      end.error({ code: 'NO_CAPACITY', retryAfterMs: 1_000, ...refused });
      for (let times = 0; times < 5; times += 1) await probed.next((region) => region === 'london');
      await end.ping();
      clock.advance(1_000);
      await end.next('play');
      end.error({ code: 'NO_CAPACITY', retryAfterMs: 1_000, ...refused });
      expect(await failure(playing)).to.include({ code: 'NO_CAPACITY' });
      expect(await end.receivedTypes()).to.deep.equal(['hello', 'play', 'play']);
    });

    it('waits in the queue on another connection, with the same position, when a nearer region is found', async () => {
      const { broker, end, playing } = await asking(REGIONS, { sydney: 30, london: 8 }, { location: SYDNEY });
      await end.next('play');
      end.queued(REQUEST_ID);
      expect(await end.closes.next()).to.equal(1000);
      const next = await broker.welcome({ regions: [...REGIONS] });
      expect(await next.next('play')).to.deep.include({
        requestId: REQUEST_ID,
        rtt: { ...NEAR_SYDNEY, london: 8 },
      });
      next.offer(REQUEST_ID);
      await next.next('accept');
      next.match(REQUEST_ID);
      await playing;
    });

    it('keeps waiting on its connection when no region is nearer, and looks once', async () => {
      const { end, playing, probed, client } = await asking(
        REGIONS,
        { sydney: 30, london: 90 },
        { location: SYDNEY },
      );
      await end.next('play');
      end.queued(REQUEST_ID, { position: 3 });
      for (let times = 0; times < 5; times += 1) await probed.next((region) => region === 'london');
      end.queued(REQUEST_ID, { position: 2 });
      await end.ping();
      expect(client.status.state).to.equal('ready');
      expect(probed.all.filter((region) => region === 'london')).to.have.length(5);
      end.match(REQUEST_ID);
      await playing;
    });

    it('stays on its connection when a slot is offered while it looks', async () => {
      let answer: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (answer = resolve));
      const probe: Probe = async ({ region }) => {
        if (region === 'london') await held;
        return region === 'london' ? 8 : 30;
      };
      const { end, playing, client } = await asking(REGIONS, {}, { location: SYDNEY, probe });
      await end.next('play');
      end.queued(REQUEST_ID);
      end.offer(REQUEST_ID);
      await end.next('accept');
      answer();
      end.match(REQUEST_ID);
      await playing;
      await end.ping();
      expect(client.status.state).to.equal('ready');
    });

    it('stops looking when the caller aborts', async () => {
      const controller = new AbortController();
      let looked: () => void = () => undefined;
      const looking = new Promise<void>((resolve) => (looked = resolve));
      const probe: Probe = ({ region }) => {
        if (region !== 'london') return Promise.resolve(30);
        looked();
        return new Promise(() => undefined);
      };
      const { end, playing } = await asking(
        REGIONS,
        {},
        { location: SYDNEY, probe },
        { signal: controller.signal },
      );
      await end.next('play');
      end.error({ code: 'NO_REGION_IN_REACH', requestId: REQUEST_ID });
      await looking;
      controller.abort();
      expect(await failure(playing)).to.include({ code: 'ABORTED' });
    });
  });

  describe('after the network changed', () => {
    const regions = [aRegion('sydney', SYDNEY), aRegion('london', LONDON)];

    it('measures again when the connection was lost', async () => {
      const { broker, client, end, playing, rttMs, statuses } = await asking(regions, {
        sydney: 8,
        london: 280,
      });
      await end.next('play');
      end.error({ code: 'UNKNOWN_TITLE', requestId: REQUEST_ID });
      await failure(playing);
      Object.assign(rttMs, { sydney: 280, london: 8 });
      end.drop();
      await statuses.next(({ state }) => state === 'waiting');
      const next = await broker.welcome({ regions });
      void failure(client.play({ title: 'tetris' }));
      expect((await next.next('play')).rtt).to.deep.equal({ sydney: 280, london: 8 });
    });

    it('measures again when a request with old measurements waits', async () => {
      const clock = new ManualClock();
      const { broker, client, end, playing, rttMs } = await asking(
        regions,
        { sydney: 8, london: 280 },
        { clock, pingIntervalMs: 3_600_000 },
      );
      await end.next('play');
      end.error({ code: 'UNKNOWN_TITLE', requestId: REQUEST_ID });
      await failure(playing);
      Object.assign(rttMs, { sydney: 280, london: 8 });
      clock.advance(120_000);
      void failure(client.play({ title: 'tetris' }));
      const { requestId, rtt } = await end.next('play');
      expect(rtt).to.deep.equal({ sydney: 8, london: 280 });
      end.queued(requestId);
      await end.closes.next();
      clock.advance(0);
      const next = await broker.welcome({ regions });
      expect((await next.next('play')).rtt).to.deep.equal({ sydney: 280, london: 8 });
    });
  });
});
