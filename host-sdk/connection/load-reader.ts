import type { HostLoad } from '@duskline/protocol';

/** The most a load dimension may say. */
const MAX_SHARE = 100;

/** Said when nothing could be measured yet: a host that does not know its load must not look idle. */
const UNKNOWN_LOAD: HostLoad = { gpu: 1, encoder: 1, cpu: 1, network: 1 };

/**
 * Guards the application's measurement: a heartbeat must be valid and must not be missed because a sensor
 * failed. Where the callback throws or gives no number, the last good measurement is said again.
 *
 * @param onFailure told each failure
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
        throw new TypeError('A load is not a number.');
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
