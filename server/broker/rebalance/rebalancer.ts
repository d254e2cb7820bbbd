import type { MoveAction } from '../../domain/rebalance/actions/rebalance-actions.js';
import type { ScheduledChain } from '../../domain/rebalance/actions/scheduled-chain.js';
import type { HostExclusion } from '../../domain/rebalance/limits/hot-hosts.js';
import type { SessionRecord } from '../../store/fleet-store.js';

/** Input of a round. Plain data, so that a worker thread can plan it. */
export interface RoundRequest {
  readonly region: string;
  readonly storeIsRecovering: boolean;
  /** Names of region pools that operators closed (`regionPoolName`). */
  readonly closedRegionPools: readonly string[];
  /** Keys of hosts in quarantine (`hostKey`). */
  readonly quarantinedHosts: readonly string[];
  /** Ids of sessions that must not be moved now, those of the scheduled chains included. */
  readonly excludedSessions: readonly string[];
  /** Chains of earlier rounds, of any region, that this broker has not carried out yet. */
  readonly scheduledChains: readonly ScheduledChain[];
}

/** Result of a round. Plain data. */
export interface RoundPlan {
  /** Hosts of the round's region to exclude from new sessions, or to include again. */
  readonly exclusions: readonly HostExclusion[];
  /** In the order of execution. */
  readonly moves: readonly MoveAction[];
  /** Records of the sessions that move, as the round read them. */
  readonly sessions: readonly SessionRecord[];
  /** Why nothing could be planned, in one sentence; `null` if there is a plan. */
  readonly blocker: string | null;
  /** Number of waiting players for whom the plan frees a slot. */
  readonly servedByMoves: number;
  /** Durations of reading the fleet, of building the snapshot, and of planning, in milliseconds. */
  readonly readMs: number;
  readonly snapshotMs: number;
  readonly planMs: number;
}

/** Plans rounds of rebalancing, one region at a time. It changes nothing in the store. */
export interface Rebalancer {
  /** Reads the fleet and plans a round. Rejects with `StoreUnavailableError` if the store cannot be reached. */
  planRound(request: RoundRequest): Promise<RoundPlan>;
  close(): Promise<void>;
}
