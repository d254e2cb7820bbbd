import type { MoveAction } from './rebalance-actions.js';

/** The rest of a chain that the broker planned in an earlier round and that has not ended. Plain data. */
export interface ScheduledChain {
  /** Its moves that have not ended, in the order of execution; at least one. */
  readonly moves: readonly Pick<MoveAction, 'sessionId' | 'from' | 'to'>[];
  /** Whether the first of them runs. Its target slot is reserved then, and part of the host's `committed`. */
  readonly isRunning: boolean;
}
