import { CODECS, PLATFORMS, REGION_STATES, RESOLUTIONS } from '@duskline/protocol/vocabulary';
import type { Catalog, LatencyStep, RegionPool, Pool } from '@duskline/server/domain/catalog.js';
import { regionPoolName } from '@duskline/server/domain/catalog.js';
import type { Candidate, FleetView, PlacementRequest } from '@duskline/server/domain/ranking.js';
import { rankCandidates } from '@duskline/server/domain/ranking.js';
import type { DeviceAbility } from '@duskline/server/domain/suitability.js';
import fc from 'fast-check';

export const REGIONS = ['r1', 'r2', 'r3', 'r4', 'r5'] as const;
const POOLS = ['p1', 'p2', 'p3'] as const;
export const TITLES = ['t1', 't2'] as const;

/** All inputs of the ranking as plain values. */
export interface Question {
  readonly pools: readonly Pool[];
  readonly policy: readonly LatencyStep[];
  readonly states: Readonly<Record<string, (typeof REGION_STATES)[number]>>;
  /** By name of the region pool. A region pool without an entry has no ready host. */
  readonly utilisation: Readonly<Record<string, number>>;
  readonly wish: PlacementRequest & { readonly device: DeviceAbility };
}

/** Shares from 0 to 1, with both ends, and with frequent ties. */
export const share = fc.oneof(
  fc.constantFrom(0, 0.5, 0.9, 0.999, 1),
  fc.double({ min: 0, max: 1, noNaN: true }),
);

const rttMs = fc.oneof(fc.constantFrom(0, 60, 90, null), fc.double({ min: 0, max: 400, noNaN: true }));

export const device: fc.Arbitrary<DeviceAbility> = fc.record({
  codecs: fc.subarray([...CODECS], { minLength: 1 }),
  maxResolution: fc.constantFrom(...RESOLUTIONS),
  maxFps: fc.option(fc.constantFrom(30, 60, 120), { nil: undefined }),
});

export function poolCalled(name: string): fc.Arbitrary<Pool> {
  return fc.record({
    pool: fc.constant(name),
    platform: fc.constantFrom(...PLATFORMS),
    codecs: fc.subarray([...CODECS], { minLength: 1 }),
    maxResolution: fc.constantFrom(...RESOLUTIONS),
    maxFps: fc.constantFrom(30, 60, 120),
    titles: fc.subarray([...TITLES]),
  });
}

/** One to three steps, with increasing values. */
const policy: fc.Arbitrary<LatencyStep[]> = fc
  .array(
    fc.record({ waitMs: fc.integer({ min: 1, max: 30_000 }), moreMs: fc.integer({ min: 1, max: 100 }) }),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((steps) => {
    let afterMs = 0;
    let maxRttMs = 20;
    return steps.map(({ waitMs, moreMs }, i) => {
      if (i > 0) afterMs += waitMs;
      maxRttMs += moreMs;
      return { afterMs, maxRttMs };
    });
  });

const wish: fc.Arbitrary<Question['wish']> = fc.record({
  title: fc.constantFrom(...TITLES),
  device,
  rtt: fc.dictionary(fc.constantFrom(...REGIONS, 'elsewhere'), rttMs, { maxKeys: 6, noNullPrototype: true }),
  platform: fc.option(fc.constantFrom(...PLATFORMS), { nil: undefined }),
  minResolution: fc.option(fc.constantFrom(...RESOLUTIONS), { nil: undefined }),
  regions: fc.option(
    fc.record({
      only: fc.option(fc.subarray([...REGIONS], { minLength: 1 }), { nil: undefined }),
      exclude: fc.option(fc.subarray([...REGIONS]), { nil: undefined }),
      prefer: fc.option(
        fc.shuffledSubarray([...REGIONS, 'elsewhere']).map((some) => [...some, ...some.slice(0, 1)]),
        { nil: undefined },
      ),
    }),
    { nil: undefined },
  ),
});

const placeNames = REGIONS.flatMap((region) => POOLS.map((pool) => regionPoolName({ region, pool })));

export const question: fc.Arbitrary<Question> = fc.record({
  pools: fc.tuple(...POOLS.map(poolCalled)),
  policy,
  states: fc.record(
    Object.fromEntries(
      REGIONS.map((region) => [
        region,
        fc.oneof({ arbitrary: fc.constant('open' as const), weight: 4 }, fc.constantFrom(...REGION_STATES)),
      ]),
    ),
  ),
  utilisation: fc.dictionary(fc.constantFrom(...placeNames), share, { noNullPrototype: true }),
  wish,
});

export function catalogOf({ pools, policy: latencyPolicy }: Question): Catalog {
  return {
    regions: new Map(
      REGIONS.map((region) => [
        region,
        { region, name: region, lat: 0, lon: 0, timeZone: 'Etc/UTC', beaconUrl: null },
      ]),
    ),
    pools: new Map(pools.map((pool) => [pool.pool, pool])),
    titles: new Map(TITLES.map((title) => [title, { title, name: title, latencyPolicy }])),
  };
}

export function fleetOf({ states, utilisation }: Question): FleetView {
  return {
    isOpen: ({ region }) => states[region] === 'open',
    utilisation: (regionPool: RegionPool) => utilisation[regionPoolName(regionPool)],
  };
}

/** The candidates; an empty list for a refused request. */
export function rank(asked: Question): readonly Candidate[] {
  const ranking = rankCandidates(catalogOf(asked), fleetOf(asked), asked.wish, asked.wish.device);
  return ranking.ok ? ranking.candidates : [];
}
