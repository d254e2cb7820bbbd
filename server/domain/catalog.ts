import type { Codec, Platform, Resolution } from '@duskline/protocol/vocabulary';

/** A data centre area where hosts stand. */
export interface Region {
  readonly region: string;
  /** For people. */
  readonly name: string;
  /** Degrees, WGS 84. */
  readonly lat: number;
  readonly lon: number;
  /** IANA time zone name. */
  readonly timeZone: string;
  /** Where clients measure their RTT; `null` means the broker's own beacon. */
  readonly beaconUrl: string | null;
}

/** A set of like hosts. */
export interface Pool {
  readonly pool: string;
  readonly platform: Platform;
  readonly codecs: readonly Codec[];
  readonly maxResolution: Resolution;
  /** Frames per second. */
  readonly maxFps: number;
  /** Titles installed on every host of the pool. */
  readonly titles: readonly string[];
}

/** From `afterMs` of waiting on, regions up to `maxRttMs` away are acceptable. */
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

/** What the configuration says can be played, on what, and where. */
export interface Catalog {
  readonly regions: ReadonlyMap<string, Region>;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly titles: ReadonlyMap<string, Title>;
}

/** One pool in one region: the unit in which hosts are counted, chosen and swept. */
export interface RegionPool {
  readonly region: string;
  readonly pool: string;
}

export function isSameRegionPool(a: RegionPool, b: RegionPool): boolean {
  return a.region === b.region && a.pool === b.pool;
}

/** A place as one string, for maps and logs. Names hold no slash. */
export function regionPoolName(regionPool: RegionPool): string {
  return `${regionPool.region}/${regionPool.pool}`;
}

const titlesOfPools = new WeakMap<Pool, ReadonlySet<string>>();

/** Whether a title is installed on the hosts of a pool. Every request asks that of every pool, and a pool may have thousands. */
export function hasTitle(pool: Pool, title: string): boolean {
  let titles = titlesOfPools.get(pool);
  if (titles === undefined) {
    titles = new Set(pool.titles);
    titlesOfPools.set(pool, titles);
  }
  return titles.has(title);
}
