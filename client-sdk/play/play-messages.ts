import type { ClientToBroker, Play } from '@duskline/protocol';
import type { RttByRegion } from '../latency/measure-rtt.js';
import type { PlayOptions } from './play-options.js';
import { PLAY_PHASES, type PlayPhase } from './play-phase.js';

/** Builds the message `play`. Options that the application left out are left out: the broker has their defaults. */
export function createPlayMessage(options: PlayOptions, requestId: string, rtt: Readonly<RttByRegion>): Play {
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

/** The message that a request sends on entering a phase and after each `welcome`; see `PLAY_PHASES`. */
export function messageForPhase(
  phase: PlayPhase,
  play: Play,
  session: { readonly sessionId: string; readonly isAttached: boolean } | undefined,
): ClientToBroker | undefined {
  const { sends } = PLAY_PHASES[phase];
  const lookup: Play = { ...play, wait: false, onConflict: 'fail' };
  switch (sends) {
    case 'play':
      return play;
    case 'lookup':
      return lookup;
    case 'end':
      return session?.isAttached === true ? { type: 'end', sessionId: session.sessionId } : lookup;
    case 'cancel':
      return { type: 'cancel', requestId: play.requestId };
    case 'nothing':
      return undefined;
  }
}
