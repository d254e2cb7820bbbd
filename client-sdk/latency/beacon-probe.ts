import type { RegionInfo } from '@duskline/protocol';
import type { Clock } from '@duskline/sdk-runtime';

/**
 * Takes one RTT sample of a region, in milliseconds. Rejects if the region cannot be reached. Should stop when `signal` aborts;
 * the SDK does not wait for it any longer.
 */
export type Probe = (region: RegionInfo, signal: AbortSignal) => Promise<number>;

/**
 * Creates the default probe. It measures the duration of a `GET` of the region's beacon. Over an open connection this is one round
 * trip, because the beacon does no work. For web pages, the beacon has to allow the page's origin (CORS).
 */
export function createBeaconProbe(clock: Clock): Probe {
  return async (region, signal) => {
    const startedAtMs = clock.monotonicMs();
    const response = await fetch(region.beaconUrl, { cache: 'no-store', credentials: 'omit', signal });
    const rttMs = clock.monotonicMs() - startedAtMs;
    // The browser reuses the connection only after the body was read.
    await response.arrayBuffer();
    if (!response.ok)
      throw new Error(`The beacon of ${region.region} answered with HTTP ${response.status}.`);
    return rttMs;
  };
}
