import { regionPoolName } from '../../domain/catalog.js';
import type { MoveAction, HostExclusionAction } from '../../domain/rebalance/actions/rebalance-actions.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Reporting } from '../reporting.js';
import type { MoveRunnerPort } from './move-runner.js';
import type { RoundPlanner } from './round-planner.js';

/**
 * Runs one round of rebalancing of a region, on the broker that holds its lease. Host exclusions are stored at once; moves run
 * in the background. A round is planned from the store alone, so a broker that takes the lease over needs no state.
 */
export async function runRebalanceRound(
  context: StoreAccess & MoveRunnerPort & Reporting,
  planner: RoundPlanner,
  region: string,
): Promise<void> {
  const { fleet, moveRunner, storeHealth, log } = context;
  const plan = await planner.planRound({
    region,
    storeIsRecovering: storeHealth.isRecovering,
    closedRegionPools: fleet.regionPools
      .filter((regionPool) => !fleet.isOpen(regionPool))
      .map(regionPoolName),
    quarantinedHosts: moveRunner.quarantinedHosts,
    excludedSessions: moveRunner.excludedSessions,
  });
  if (plan.blocker !== null) log.warn({ region, why: plan.blocker }, 'rebalancing is blocked');
  const exclusions = plan.actions.filter((action): action is HostExclusionAction => action.kind !== 'move');
  await Promise.all(exclusions.map((action) => setHostExclusion(context, action)));
  const moves = plan.actions.filter((action): action is MoveAction => action.kind === 'move');
  if (moves.length === 0) return;
  log.info({ region, moves: moves.length, players: plan.servedByMoves }, 'rebalancing moves sessions');
  moveRunner.runMoves(moves, new Map(plan.sessions.map((session) => [session.sessionId, session])));
}

/** Closes a hot host to new sessions, or opens it again. What else closes it stays as it is. */
async function setHostExclusion(
  { store, log }: StoreAccess & Reporting,
  { kind, regionPool, hostId }: HostExclusionAction,
): Promise<void> {
  if (kind === 'exclude') await store.addClosure(regionPool, hostId, 'hot');
  else await store.removeClosure(regionPool, hostId, 'hot');
  log.info({ ...regionPool, hostId }, kind === 'exclude' ? 'host is hot' : 'host is no longer hot');
}
