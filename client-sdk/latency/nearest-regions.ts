import type { RegionInfo } from '@duskline/protocol';

/** The most regions that one `play` may name. */
export const MAX_REGIONS = 64;

/** Degrees, WGS 84. */
export interface Coordinates {
  readonly lat: number;
  readonly lon: number;
}

const EARTH_RADIUS_KM = 6371;

/** Great-circle distance in kilometres. */
export function distanceKm(a: Coordinates, b: Coordinates): number {
  const haversine =
    halfSineSquared(b.lat - a.lat) +
    Math.cos(toRadians(a.lat)) * Math.cos(toRadians(b.lat)) * halfSineSquared(b.lon - a.lon);
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(haversine)));
}

/** The locations, nearest first. */
export function sortByDistance<Location extends Coordinates>(
  locations: readonly Location[],
  here: Coordinates,
): Location[] {
  return [...locations].sort((a, b) => distanceKm(here, a) - distanceKm(here, b));
}

/**
 * The first regions of a list, of which at most `limit` are open. Closed ones among them count for nothing: a broker has to know
 * that they are near, to say that operators closed what the player could reach, and they may be open again by now.
 */
export function limitOpenRegions(regions: readonly RegionInfo[], limit: number): RegionInfo[] {
  let openCount = 0;
  return regions
    .filter(({ state }) => (openCount += Number(state === 'open')) <= limit)
    .slice(0, MAX_REGIONS);
}

function halfSineSquared(degrees: number): number {
  return Math.sin(toRadians(degrees) / 2) ** 2;
}

function toRadians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
