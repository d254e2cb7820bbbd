import type { Codec, Platform, Resolution } from '@duskline/protocol/vocabulary';
import { groupBy } from './group-by.js';

/** A data centre area with hosts. */
export interface Region {
  readonly region: string;
  /** Display name. */
  readonly name: string;
  /** Degrees, WGS 84. */
  readonly lat: number;
  readonly lon: number;
  /** IANA time zone name. */
  readonly timeZone: string;
  /** URL where clients measure their round-trip time; `null` stands for the broker's own `/beacon`. */
  readonly beaconUrl: string | null;
}

/** A kind of hosts: all hosts of a pool have the same hardware and titles. */
export interface Pool {
  readonly pool: string;
  readonly platform: Platform;
  readonly codecs: readonly Codec[];
  readonly maxResolution: Resolution;
  /** Highest frame rate of a stream, in frames per second. */
  readonly maxFps: number;
  /** Titles installed on every host of the pool. */
  readonly titles: readonly string[];
}

/** After `afterMs` of waiting, regions with a round-trip time of at most `maxRttMs` are acceptable. */
export interface LatencyStep {
  readonly afterMs: number;
  readonly maxRttMs: number;
}

/** A game. */
export interface Title {
  readonly title: string;
  readonly name: string;
  /** Steps in rising order of both figures; the first has `afterMs` 0. */
  readonly latencyPolicy: readonly LatencyStep[];
}

/** Regions, pools and titles of the configuration, by id. */
export interface Catalog {
  readonly regions: ReadonlyMap<string, Region>;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly titles: ReadonlyMap<string, Title>;
}

/** One pool in one region: the unit in which hosts are counted, chosen and swept. Each has its own queue. */
export interface RegionPool {
  readonly region: string;
  readonly pool: string;
}

/** Whether both are the same pool of the same region. */
export function isSameRegionPool(a: RegionPool, b: RegionPool): boolean {
  return a.region === b.region && a.pool === b.pool;
}

/** `<region>/<pool>`, for keys of maps and for logs. Neither name can contain a slash. */
export function regionPoolName(regionPool: RegionPool): string {
  return `${regionPool.region}/${regionPool.pool}`;
}

/** Groups items by region pool, in the order of the first item of each. */
export function groupByRegionPool<T>(
  items: readonly T[],
  regionPoolOf: (item: T) => RegionPool,
): [RegionPool, T[]][] {
  const groups = groupBy(items, (item) => regionPoolName(regionPoolOf(item)));
  return groups.map((group) => [regionPoolOf(group[0]), group]);
}

const titlesOfPools = new WeakMap<Pool, ReadonlySet<string>>();

/** Whether the title is installed on the hosts of the pool. Cached as a set: every request checks every pool, and a pool may have thousands of titles. */
export function hasTitle(pool: Pool, title: string): boolean {
  let titles = titlesOfPools.get(pool);
  if (titles === undefined) {
    titles = new Set(pool.titles);
    titlesOfPools.set(pool, titles);
  }
  return titles.has(title);
}
