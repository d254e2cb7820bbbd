import type { Play } from '@duskline/protocol';
import type { Candidate } from '../../domain/ranking.js';
import type { ClientConnection } from '../connections/connections.js';

/** One attempt to find a slot for a request. */
export interface PlacementAttempt {
  readonly client: ClientConnection;
  readonly message: Play;
  /** Region pools that may serve the request, the best first. */
  readonly candidates: readonly Candidate[];
  /** The session that the request becomes. A new attempt of the same request keeps this id and raises the epoch. */
  readonly sessionId: string;
  /** Epoch of the request's record in the store: 1 at first. The attempt with the highest epoch decides. */
  readonly epoch: number;
}
