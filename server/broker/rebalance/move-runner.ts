import type { RegionPool } from '../../domain/catalog.js';
import type { MoveAction } from '../../domain/rebalance/actions/rebalance-actions.js';
import type { SessionRecord } from '../../store/fleet-store.js';

/** Carries out the moves of plans, so many at a time, and learns with which hosts they fail. */
export interface MoveRunner {
  /** Whether the session is to be left alone: it is on the move, or could not be moved a moment ago. */
  isExcluded(sessionId: string): boolean;
  /** The sessions that are to be left alone. */
  readonly excludedSessions: readonly string[];
  isQuarantined(place: RegionPool, hostId: string): boolean;
  /** The hosts that are left out of moves, by key. */
  readonly quarantinedHosts: readonly string[];
  /**
   * Takes the moves of a plan. Those of one chain are carried out one after the other; one that fails ends its chain.
   *
   * @param sessions as the plan saw them, by id
   */
  runMoves(actions: readonly MoveAction[], sessions: ReadonlyMap<string, SessionRecord>): void;
  /** What waits is not begun any more; what is under way ends by itself. */
  stop(): void;
}

/** Runs planned moves, for rebalancing and for drains. */
export interface MoveRunnerPort {
  readonly moveRunner: MoveRunner;
}
