import type { Moving } from '@duskline/protocol';
import { Assignment } from './assignment.js';
import type { Session } from './session.js';

/** The target host of a session that may move while it is played. The fields are those of `Session`. */
export interface SessionMove extends Pick<
  Session,
  'epoch' | 'region' | 'pool' | 'host' | 'ticket' | 'claimWithinMs' | 'stream' | 'iceServers' | 'reason'
> {
  /** Aborts when the move is cancelled or the session ends: close the connection to the target host. */
  readonly signal: AbortSignal;
}

/** What `onMove` gets. */
export class AnnouncedMove extends Assignment implements SessionMove {
  readonly signal: AbortSignal;

  constructor(match: Moving, signal: AbortSignal) {
    super(match);
    this.signal = signal;
  }
}
