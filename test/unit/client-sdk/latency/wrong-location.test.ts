import type { Client, ClientOptions, Probe, RegionInfo } from '@duskline/client/node';
import { expect } from 'chai';
import { nextTurn } from '../../../support/time/event-loop.js';
import { Fixtures } from '../fixture.js';
import { aRegion } from '../scripted-broker.js';

const SYDNEY = { lat: -33.9, lon: 151.2 };
const LONDON = { lat: 51.5, lon: -0.1 };

/** Twelve regions in steps of 100 km around Sydney, and one in London. */
const REGIONS: readonly RegionInfo[] = [
  ...Array.from({ length: 12 }, (_, i) => aRegion(`sydney-${i}`, { ...SYDNEY, lat: SYDNEY.lat + i * 0.9 })),
  aRegion('london', LONDON),
];

/** Round-trip times by the beginning of the region's name. Others cannot be reached. */
function probeOf(rttMs: Record<string, number>): { probe: Probe; probed: Set<string> } {
  const probed = new Set<string>();
  const probe: Probe = async ({ region }) => {
    probed.add(region);
    const known = rttMs[region] ?? rttMs[region.replace(/-.*/, '')];
    if (known === undefined) throw new Error('unreachable');
    return known;
  };
  return { probe, probed };
}

describe('client: measuring regions with a location', () => {
  const fixtures = new Fixtures();
  afterEach(() => fixtures.stop());

  async function connected(
    probe: Probe,
    options: Partial<ClientOptions> = {},
    regions: readonly RegionInfo[] = REGIONS,
  ): Promise<Client> {
    const { client, broker } = await fixtures.pair({ probe, location: SYDNEY, ...options });
    await Promise.all([client.connect(), broker.welcome({ regions: [...regions] })]);
    return client;
  }

  it('contacts only the eight regions that are near on the map while these are as fast as they should be', async () => {
    const { probe, probed } = probeOf({ sydney: 12, london: 280 });
    const client = await connected(probe);
    expect(await client.measureRegions()).to.include({ 'sydney-0': 12 });
    expect(probed).to.have.keys(REGIONS.slice(0, 8).map(({ region }) => region));
  });

  it('contacts all regions when none that is near on the map is fast: the location is wrong', async () => {
    const { probe, probed } = probeOf({ sydney: 280, london: 8 });
    const client = await connected(probe);
    expect(await client.measureRegions()).to.include({ london: 8 });
    expect(probed).to.have.keys(REGIONS.map(({ region }) => region));
  });

  it('contacts all regions when none that is near on the map answers', async () => {
    const { probe } = probeOf({ london: 8 });
    expect(await (await connected(probe)).measureRegions()).to.deep.equal({ london: 8 });
  });

  it('contacts the preferred regions too, however far they are on the map', async () => {
    const { probe, probed } = probeOf({ sydney: 12, london: 280 });
    const client = await connected(probe);
    const rtt = await client.measureRegions({ limit: 2, regions: { prefer: ['london'] } });
    expect(rtt).to.deep.equal({ london: 280, 'sydney-0': 12 });
    expect(probed).to.have.keys('london', 'sydney-0', 'sydney-1');
  });

  it('contacts all regions when a preferred region is as fast as it should be and those near on the map are not', async () => {
    const { probe, probed } = probeOf({ sydney: 280, london: 280, 'sydney-11': 8 });
    const client = await connected(probe);
    await client.measureRegions({ regions: { prefer: ['london'] } });
    expect(probed).to.have.keys(REGIONS.map(({ region }) => region));
  });

  it('accepts a slow access network while the time fits the distance', async () => {
    const far = [aRegion('perth', { lat: -31.9, lon: 115.9 }), ...REGIONS.slice(-1)];
    const { probe, probed } = probeOf({ perth: 100, london: 8 });
    const client = await connected(probe, {}, far);
    await client.measureRegions({ limit: 1 });
    expect(probed).to.have.keys('perth');
  });

  it('contacts at most six regions at the same time', async () => {
    let running = 0;
    let most = 0;
    const probe: Probe = async ({ region }) => {
      running += 1;
      most = Math.max(most, running);
      await nextTurn();
      running -= 1;
      return region === 'london' ? 8 : 280;
    };
    expect(await (await connected(probe)).measureRegions()).to.include({ london: 8 });
    expect(most).to.equal(6);
  });
});
