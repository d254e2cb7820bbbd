import type { Play } from '@duskline/protocol';
import type { RttOrFailure } from '../latency/measure-rtt.js';
import type { PlayOptions } from './play-options.js';

/** Builds the message `play`, without the options that the application did not set: the broker has their defaults. */
export function createPlayMessage(
  options: PlayOptions,
  requestId: string,
  rtt: Readonly<RttOrFailure>,
): Play {
  const { title, regions, platform, minResolution, wait, onConflict, onHostLost, onMove } = options;
  return {
    type: 'play',
    requestId,
    title,
    rtt,
    ...(regions && { regions }),
    ...(platform && { platform }),
    ...(minResolution && { minResolution }),
    ...(wait !== undefined && { wait }),
    ...(onConflict && { onConflict }),
    ...(onHostLost && { onHostLost }),
    ...(onMove && { canMove: true }),
  };
}
