import type { RegionPool } from '../../domain/catalog.js';
import type { ActiveRequest } from './active-request.js';

/** A request whose client disconnected while it waited: what is needed to put it back into queues that lost it. */
export interface EarlierWait {
  readonly sessionId: string;
  readonly request: ActiveRequest;
  readonly queues: readonly RegionPool[];
}
