import type { RegionInfo } from '@duskline/protocol';

/**
 * Takes one RTT sample of a region, in milliseconds. Rejects when the region cannot be reached. Should stop
 * when `signal` aborts; a probe that does not is left behind.
 */
export type Probe = (region: RegionInfo, signal: AbortSignal) => Promise<number>;

/**
 * Times one `GET` of the region's beacon. On a connection that is open already this is one round trip and
 * the beacon's work, which is none. From a web page the beacon has to allow the page's origin (CORS).
 */
export async function probeBeacon(region: RegionInfo, signal: AbortSignal): Promise<number> {
  const startedAtMs = performance.now();
  const response = await fetch(region.beaconUrl, { cache: 'no-store', credentials: 'omit', signal });
  const rttMs = performance.now() - startedAtMs;
  // An unread body would keep the connection from being used again.
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`The beacon of ${region.region} answered ${response.status}.`);
  return rttMs;
}
