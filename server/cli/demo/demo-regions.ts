import { rttOfDistanceMs } from '@duskline/loadtest/plan/simulated-regions.js';
import type { Catalog, Region } from '../../domain/catalog.js';

/** The regions of the demo, their local time, and the round-trip times between them. */
export interface DemoRegions {
  readonly regions: readonly Region[];
  /** Local hour of a region, from 0 to below 24, at a time of the demo's day in milliseconds since midnight UTC. */
  localHour(region: Region, dayMs: number): number;
  /** Round-trip time in milliseconds between the cities of two regions. */
  rttMs(from: Region, to: Region): number;
}

const HOUR_MS = 3_600_000;

/** @param dayStartMs the demo's midnight, UTC, in milliseconds since 1970 */
export function createDemoRegions(catalog: Catalog, dayStartMs: number): DemoRegions {
  const regions = [...catalog.regions.values()];
  const offsets = new Map(
    regions.map((region) => [region.region, utcOffsetHours(region.timeZone, dayStartMs)]),
  );
  return {
    regions,
    localHour: (region, dayMs) => (((dayMs / HOUR_MS + (offsets.get(region.region) ?? 0)) % 24) + 24) % 24,
    rttMs: rttOfDistanceMs,
  };
}

function utcOffsetHours(timeZone: string, atMs: number): number {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' }).formatToParts(
    atMs,
  );
  const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';
  const match = /GMT([+-])(\d{2}):(\d{2})/.exec(name);
  if (match === null) return 0;
  const hours = Number(match[2]) + Number(match[3]) / 60;
  return match[1] === '-' ? -hours : hours;
}
