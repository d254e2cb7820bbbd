import type { HostLoad } from '@duskline/protocol';

/** The protocol's upper bound for load shares. */
const MAX_SHARE = 100;

/** Reported before the first measurement: a host with an unknown load must not look idle. */
const UNKNOWN_LOAD: HostLoad = { gpu: 1, encoder: 1, cpu: 1, network: 1 };

/**
 * Wraps the application's `measureLoad`, so that a sensor that fails neither invalidates nor prevents a heartbeat: if it throws or
 * returns something other than numbers, the last valid measurement is returned again.
 *
 * @param onFailure called with the error of each failure
 */
export function createLoadReader(
  measure: () => HostLoad | null,
  onFailure: (error: unknown) => void,
): () => HostLoad | null {
  let last = UNKNOWN_LOAD;
  return () => {
    try {
      const measured = measure();
      if (measured === null) return null;
      const { gpu, encoder, cpu, network } = measured;
      if (![gpu, encoder, cpu, network].every(Number.isFinite))
        throw new TypeError('measureLoad returned a share that is not a number.');
      last = {
        gpu: clampShare(gpu),
        encoder: clampShare(encoder),
        cpu: clampShare(cpu),
        network: clampShare(network),
      };
    } catch (error) {
      onFailure(error);
    }
    return last;
  };
}

function clampShare(share: number): number {
  return Math.min(MAX_SHARE, Math.max(0, share));
}
