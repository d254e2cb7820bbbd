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

/** The locations nearest to `here`, nearest first, at most `limit`. */
export function findNearest<Location extends Coordinates>(
  locations: readonly Location[],
  here: Coordinates,
  limit: number,
): Location[] {
  return [...locations].sort((a, b) => distanceKm(here, a) - distanceKm(here, b)).slice(0, limit);
}

function halfSineSquared(degrees: number): number {
  return Math.sin(toRadians(degrees) / 2) ** 2;
}

function toRadians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
