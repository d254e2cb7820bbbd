import { distanceKm, type Coordinates } from '@duskline/client';

/** A region, as in the configuration of a broker. */
export interface SimulatedRegion extends Coordinates {
  readonly region: string;
  readonly name: string;
  readonly timeZone: string;
}

/** Kilometres for each millisecond of round-trip time: the speed of light in fibre, with the detours of cables. */
const KM_PER_RTT_MS = 75;

/** Round-trip time of the access network. */
const ACCESS_MS = 5;

/** A player measures its nearest regions only. */
const MEASURED_REGIONS = 5;

/** Ordered in pairs of neighbours, so that players can be served by a neighbouring region even with few regions. */
const CITIES: readonly SimulatedRegion[] = [
  { region: 'eu-west', name: 'Ireland', lat: 53.35, lon: -6.26, timeZone: 'Europe/Dublin' },
  { region: 'eu-central', name: 'Frankfurt', lat: 50.11, lon: 8.68, timeZone: 'Europe/Berlin' },
  { region: 'us-east', name: 'Virginia', lat: 39.04, lon: -77.49, timeZone: 'America/New_York' },
  { region: 'us-west', name: 'Oregon', lat: 45.84, lon: -119.7, timeZone: 'America/Los_Angeles' },
  { region: 'ap-northeast', name: 'Tokyo', lat: 35.68, lon: 139.69, timeZone: 'Asia/Tokyo' },
  { region: 'ap-east', name: 'Seoul', lat: 37.57, lon: 126.98, timeZone: 'Asia/Seoul' },
  { region: 'sa-east', name: 'São Paulo', lat: -23.55, lon: -46.63, timeZone: 'America/Sao_Paulo' },
  { region: 'ap-southeast', name: 'Sydney', lat: -33.87, lon: 151.21, timeZone: 'Australia/Sydney' },
  { region: 'af-south', name: 'Johannesburg', lat: -26.2, lon: 28.05, timeZone: 'Africa/Johannesburg' },
  { region: 'eu-north', name: 'Stockholm', lat: 59.33, lon: 18.07, timeZone: 'Europe/Stockholm' },
  { region: 'us-central', name: 'Iowa', lat: 41.26, lon: -95.86, timeZone: 'America/Chicago' },
  { region: 'ap-south', name: 'Mumbai', lat: 19.08, lon: 72.88, timeZone: 'Asia/Kolkata' },
  { region: 'eu-south', name: 'Milan', lat: 45.46, lon: 9.19, timeZone: 'Europe/Rome' },
  { region: 'ca-central', name: 'Montreal', lat: 45.5, lon: -73.57, timeZone: 'America/Toronto' },
  { region: 'ap-central', name: 'Singapore', lat: 1.35, lon: 103.82, timeZone: 'Asia/Singapore' },
  { region: 'me-central', name: 'Dubai', lat: 25.2, lon: 55.27, timeZone: 'Asia/Dubai' },
];
export const MAX_REGIONS = CITIES.length;

export function selectRegions(count: number): readonly SimulatedRegion[] {
  if (!Number.isInteger(count) || count < 1 || count > MAX_REGIONS) {
    throw new RangeError(`The number of regions must be from 1 to ${MAX_REGIONS}.`);
  }
  return CITIES.slice(0, count);
}

/** Round-trip time between two places, in milliseconds. */
export function rttOfDistanceMs(from: Coordinates, to: Coordinates): number {
  return ACCESS_MS + distanceKm(from, to) / KM_PER_RTT_MS;
}

/**
 * Round-trip times that a player measures, by region: to its own region and the nearest others, in milliseconds, rounded to
 * tenths.
 */
export function rttToNearestRegions(
  home: Coordinates,
  regions: readonly (Coordinates & { readonly region: string })[],
): Record<string, number> {
  const measured = regions.map(({ region, lat, lon }) => {
    return [region, Math.round(rttOfDistanceMs(home, { lat, lon }) * 10) / 10] as const;
  });
  return Object.fromEntries(measured.sort(([, a], [, b]) => a - b).slice(0, MEASURED_REGIONS));
}
