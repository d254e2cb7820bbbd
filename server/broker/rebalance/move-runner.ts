import type { RegionPool } from '../../domain/catalog.js';
import type { MoveAction } from '../../domain/rebalance/actions/rebalance-actions.js';
import type { ScheduledChain } from '../../domain/rebalance/actions/scheduled-chain.js';
import type { SessionRecord } from '../../store/fleet-store.js';

/** Runs the moves of plans, a limited number at a time, and quarantines hosts whose moves fail. */
export interface MoveRunner {
  /** Whether the session must not be moved now: it is moving, or its last move failed a moment ago. */
  isExcluded(sessionId: string): boolean;
  /** Ids of the sessions that must not be moved now. */
  readonly excludedSessions: readonly string[];
  /** The chains of earlier plans that have not ended. The next plan has to count with them. */
  readonly scheduledChains: readonly ScheduledChain[];
  isQuarantined(regionPool: RegionPool, hostId: string): boolean;
  /** Keys of the hosts in quarantine (`hostKey`). */
  readonly quarantinedHosts: readonly string[];
  /**
   * Queues the moves of a plan. The moves of one chain run one after the other; a failed one ends its chain.
   *
   * @param sessions records of the sessions, by id, as the plan read them
   */
  runMoves(actions: readonly MoveAction[], sessions: ReadonlyMap<string, SessionRecord>): void;
  /** Drops queued moves. Running moves end by themselves. */
  stop(): void;
}

/** Runs planned moves, for rebalancing and for drains. */
export interface MoveRunnerPort {
  readonly moveRunner: MoveRunner;
}
