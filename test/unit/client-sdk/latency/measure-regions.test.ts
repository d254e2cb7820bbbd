import { getEventListeners, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ClientOptions, Probe, RegionInfo } from '@duskline/client/node';
import { expect } from 'chai';
import { Fixtures, failure, type Fixture } from '../fixture.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { aRegion } from '../scripted-broker.js';
import { nextTurn } from '../../../support/time/event-loop.js';

/** Returns the samples of each region in order, and then repeats the last one. */
function scripted(samples: Record<string, readonly number[]>): { probe: Probe; probed: string[] } {
  const probed: string[] = [];
  const probe: Probe = ({ region }) => {
    const list = samples[region] ?? [];
    const turn = probed.filter((name) => name === region).length;
    probed.push(region);
    const rttMs = list[Math.min(turn, list.length - 1)];
    return rttMs === undefined ? Promise.reject(new Error('unreachable')) : Promise.resolve(rttMs);
  };
  return { probe, probed };
}

describe('client: measuring regions', () => {
  const fixtures = new Fixtures();
  let beacon: Server | undefined;
  afterEach(async () => {
    await fixtures.stop();
    beacon?.closeAllConnections();
    beacon?.close();
    beacon = undefined;
  });

  async function connected(regions: RegionInfo[], options: Partial<ClientOptions> = {}): Promise<Fixture> {
    const pair = await fixtures.pair(options);
    await Promise.all([pair.client.connect(), pair.broker.welcome({ regions })]);
    return pair;
  }

  it('times requests to the beacon: one warm-up and four that count', async () => {
    const requests: string[] = [];
    beacon = createServer((request, response) => {
      requests.push(`${request.method} ${request.url} ${request.headers['cache-control']}`);
      response.writeHead(204).end();
    }).listen(0, '127.0.0.1');
    await once(beacon, 'listening');
    const beaconUrl = `http://127.0.0.1:${(beacon.address() as AddressInfo).port}/beacon`;
    const { client } = await connected([aRegion('dublin', { beaconUrl })]);
    const { dublin } = await client.measureRegions();
    expect(dublin).to.be.within(0, 2_000);
    expect(requests).to.deep.equal(Array(5).fill('GET /beacon no-cache'));
  });

  it('omits a region whose beacon answers with an error', async () => {
    beacon = createServer((_, response) => response.writeHead(500).end()).listen(0, '127.0.0.1');
    await once(beacon, 'listening');
    const beaconUrl = `http://127.0.0.1:${(beacon.address() as AddressInfo).port}/beacon`;
    const { client } = await connected([aRegion('dublin', { beaconUrl })]);
    expect(await client.measureRegions()).to.deep.equal({});
  });

  it('uses the median, without the warm-up', async () => {
    const { probe } = scripted({ dublin: [900, 10, 400, 12, 11], paris: [1, 30, 20, 20, 30] });
    const { client } = await connected([aRegion('dublin'), aRegion('paris')], { probe });
    expect(await client.measureRegions()).to.deep.equal({ dublin: 11.5, paris: 25 });
  });

  it('tolerates single failures, but not a majority', async () => {
    let asked = 0;
    const probe: Probe = ({ region }) => {
      asked += 1;
      const fails = region === 'paris' ? asked % 4 !== 0 : asked === 2;
      return fails && asked > 1 ? Promise.reject(new Error('lost')) : Promise.resolve(20);
    };
    const one = await connected([aRegion('dublin')], { probe });
    expect(await one.client.measureRegions()).to.deep.equal({ dublin: 20 });
    asked = 0;
    const two = await connected([aRegion('paris')], { probe });
    expect(await two.client.measureRegions()).to.deep.equal({});
  });

  it('lets `play` name regions that did not answer, beside those that did, eight together', async () => {
    const { probe } = scripted({ dublin: [10], paris: [20] });
    const lost = Array.from({ length: 9 }, (_, index) => aRegion(`lost-${index}`));
    const { broker, client } = await connected([...lost, aRegion('paris'), aRegion('dublin')], { probe });
    client.play({ title: 'tetris' }).catch(() => undefined);
    const { rtt } = await broker.connections.all[0]!.next('play');
    const failed = lost.slice(0, 6).map(({ region }) => [region, null]);
    expect(rtt).to.deep.equal({ dublin: 10, paris: 20, ...Object.fromEntries(failed) });
  });

  it('lets `play` reject when no region answered', async () => {
    const { probe } = scripted({});
    const { client } = await connected([aRegion('dublin')], { probe });
    expect(await failure(client.play({ title: 'tetris' }))).to.include({ code: 'NO_REGION_MEASURED' });
  });

  it('omits a region that does not answer in time', async () => {
    const clock = new ManualClock();
    const probe: Probe = ({ region }) =>
      region === 'lost' ? new Promise(() => undefined) : Promise.resolve(15);
    const { client } = await connected([aRegion('lost'), aRegion('dublin')], { probe, clock });
    const measuring = client.measureRegions({ timeoutMs: 2_000 });
    await nextTurn();
    clock.advance(2_000);
    expect(await measuring).to.deep.equal({ dublin: 15 });
  });

  it('measures only open regions that the player allows', async () => {
    const { probe, probed } = scripted({ dublin: [10], paris: [20], rome: [30], oslo: [40] });
    const { client } = await connected(
      [aRegion('dublin'), aRegion('paris', { state: 'draining' }), aRegion('rome'), aRegion('oslo')],
      { probe },
    );
    const rtt = await client.measureRegions({
      regions: { only: ['dublin', 'paris', 'rome'], exclude: ['rome'] },
    });
    expect(rtt).to.deep.equal({ dublin: 10 });
    expect(new Set(probed)).to.deep.equal(new Set(['dublin']));
  });

  it('contacts only the nearest regions when the position is known', async () => {
    const { probe, probed } = scripted({ dublin: [10], frankfurt: [20], sydney: [1] });
    const regions = [
      aRegion('sydney', { lat: -33.9, lon: 151.2 }),
      aRegion('frankfurt', { lat: 50.1, lon: 8.7 }),
      aRegion('dublin', { lat: 53.3, lon: -6.3 }),
    ];
    const { client } = await connected(regions, { probe, location: { lat: 51.5, lon: -0.1 } });
    expect(Object.keys(await client.measureRegions({ limit: 2 }))).to.have.members(['dublin', 'frankfurt']);
    expect(probed).not.to.include('sydney');
  });

  it('finds near regions across the date line', async () => {
    const { probe } = scripted({ fiji: [10], hawaii: [20] });
    const regions = [aRegion('hawaii', { lat: 20, lon: -156 }), aRegion('fiji', { lat: -18, lon: 178 })];
    const { client } = await connected(regions, { probe, location: { lat: -14, lon: -172 } });
    expect(await client.measureRegions({ limit: 1 })).to.deep.equal({ fiji: 10 });
  });

  it('contacts all regions once when no position is known, and samples the fastest', async () => {
    const { probe, probed } = scripted({ far: [300], near: [20], nearer: [10] });
    const { client } = await connected([aRegion('far'), aRegion('near'), aRegion('nearer')], { probe });
    expect(await client.measureRegions({ limit: 2, samples: 3 })).to.deep.equal({ nearer: 10, near: 20 });
    expect(probed.filter((region) => region === 'far')).to.have.length(1);
  });

  it('samples few regions at the same time, with one request per region', async () => {
    const running = new Map<string, number>();
    let most = 0;
    let contacted = 0;
    const probe: Probe = async ({ region }) => {
      expect(running.has(region)).to.equal(false);
      running.set(region, 1);
      contacted += 1;
      if (contacted > 12) most = Math.max(most, running.size);
      await nextTurn();
      running.delete(region);
      return 10;
    };
    const regions = Array.from({ length: 12 }, (_, index) => aRegion(`region-${index}`));
    const { client } = await connected(regions, { probe });
    expect(Object.keys(await client.measureRegions({ limit: 12 }))).to.have.length(12);
    expect(most).to.equal(3);
  });

  it('caches the result for ten minutes', async () => {
    const clock = new ManualClock();
    const { probe, probed } = scripted({ dublin: [10] });
    const { client } = await connected([aRegion('dublin')], { probe, clock, pingIntervalMs: 3_600_000 });
    await client.measureRegions();
    clock.advance(599_999);
    await client.measureRegions();
    expect(probed).to.have.length(5);
    clock.advance(1);
    await client.measureRegions();
    expect(probed).to.have.length(10);
    await client.measureRegions({ maxAgeMs: 0 });
    expect(probed).to.have.length(15);
  });

  it('does not cache an empty result', async () => {
    const { probe, probed } = scripted({});
    const { client } = await connected([aRegion('dublin')], { probe });
    await client.measureRegions();
    await client.measureRegions();
    expect(probed).to.have.length(2);
  });

  it('measures again when the broker lists other regions', async () => {
    const { probe } = scripted({ dublin: [10], paris: [20] });
    const { broker, client, statuses } = await connected([aRegion('dublin')], { probe });
    expect(await client.measureRegions()).to.deep.equal({ dublin: 10 });
    broker.connections.all[0]!.drop();
    await statuses.next(({ state }) => state === 'waiting');
    await broker.welcome({ regions: [aRegion('dublin'), aRegion('paris')] });
    expect(await client.measureRegions()).to.deep.equal({ dublin: 10, paris: 20 });
  });

  it('measures once for concurrent callers', async () => {
    const { probe, probed } = scripted({ dublin: [10] });
    const { client } = await connected([aRegion('dublin')], { probe });
    const [one, two] = await Promise.all([client.measureRegions(), client.measureRegions()]);
    expect(one).to.deep.equal(two);
    expect(probed).to.have.length(5);
  });

  it('continues for one caller when another aborts', async () => {
    let release: () => void = () => undefined;
    const probe: Probe = () => new Promise((resolve) => (release = () => resolve(10)));
    const { client } = await connected([aRegion('dublin')], { probe });
    const controller = new AbortController();
    const leaving = failure(client.measureRegions({ samples: 1, signal: controller.signal }));
    const staying = client.measureRegions({ samples: 1 });
    await nextTurn();
    controller.abort();
    expect(await leaving).to.include({ code: 'ABORTED' });
    release();
    await nextTurn();
    release();
    expect(await staying).to.deep.equal({ dublin: 10 });
  });

  it('cancels its requests when the last caller aborts', async () => {
    const signals: AbortSignal[] = [];
    const probe: Probe = (_, signal) => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    const clock = new ManualClock();
    const { client } = await connected([aRegion('dublin'), aRegion('paris')], { probe, clock });
    const controller = new AbortController();
    const measuring = failure(client.measureRegions({ signal: controller.signal }));
    await nextTurn();
    controller.abort();
    expect(await measuring).to.include({ name: 'AbortError' });
    expect(signals.map(({ aborted }) => aborted)).to.deep.equal([true, true]);
    await nextTurn();
    expect(clock.pending, 'timers beside the keep-alive').to.equal(1);
    expect(getEventListeners(controller.signal, 'abort')).to.have.length(0);
  });

  it('does not cache an aborted measurement', async () => {
    let release: () => void = () => undefined;
    const probe: Probe = () => new Promise((resolve) => (release = () => resolve(10)));
    const { client } = await connected([aRegion('dublin')], { probe });
    const controller = new AbortController();
    const leaving = failure(client.measureRegions({ samples: 1, signal: controller.signal }));
    await nextTurn();
    release();
    await nextTurn();
    controller.abort();
    await leaving;
    const again = client.measureRegions({ samples: 1 });
    await nextTurn();
    release();
    await nextTurn();
    release();
    expect(await again).to.deep.equal({ dublin: 10 });
  });

  it('continues when the socket is lost meanwhile', async () => {
    let release: () => void = () => undefined;
    const probe: Probe = () => new Promise((resolve) => (release = () => resolve(10)));
    const { broker, client, statuses } = await connected([aRegion('dublin')], { probe });
    const measuring = client.measureRegions({ samples: 1 });
    await nextTurn();
    broker.connections.all[0]!.drop();
    await statuses.next(({ state }) => state === 'waiting');
    release();
    await nextTurn();
    release();
    expect(await measuring).to.deep.equal({ dublin: 10 });
  });

  it('stops when the client closes', async () => {
    const probe: Probe = () => new Promise(() => undefined);
    const { client } = await connected([aRegion('dublin')], { probe });
    const measuring = failure(client.measureRegions());
    await nextTurn();
    await client.close();
    expect(await measuring).to.include({ code: 'CLIENT_CLOSED' });
  });
});
