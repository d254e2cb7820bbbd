import { regionPoolName } from '../../domain/catalog.js';
import type { MoveAction, HostExclusionAction } from '../../domain/rebalance/actions/rebalance-actions.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Reporting } from '../reporting.js';
import type { MoveRunnerPort } from './move-runner.js';
import type { RoundPlanner } from './plan-round.js';

/**
 * One round of rebalancing of a region, on the broker that holds its lease: what is planned is carried out in the
 * background. A round looks at what is there, so a broker that takes over needs nothing from the one before.
 */
export async function runRebalanceRound(
  context: StoreAccess & MoveRunnerPort & Reporting,
  planner: RoundPlanner,
  region: string,
): Promise<void> {
  const { fleet, moveRunner: runner, storeHealth, log } = context;
  const plan = await planner.planRound({
    region,
    storeInDoubt: storeHealth.isRecovering,
    closedPlaces: fleet.regionPools.filter((place) => !fleet.isOpen(place)).map(regionPoolName),
    quarantined: runner.quarantinedHosts,
    leave: runner.excludedSessions,
  });
  if (plan.standstill !== null) log.warn({ region, why: plan.standstill }, 'nothing is rebalanced');
  const shuns = plan.actions.filter((action): action is HostExclusionAction => action.kind !== 'move');
  await Promise.all(shuns.map((action) => setHostExclusion(context, action)));
  const moves = plan.actions.filter((action): action is MoveAction => action.kind === 'move');
  if (moves.length === 0) return;
  log.info({ region, moves: moves.length, players: plan.servedByMoves }, 'sessions are moved');
  runner.runMoves(moves, new Map(plan.sessions.map((session) => [session.sessionId, session])));
}

/** What operators say of a host comes before this. */
async function setHostExclusion(
  { store, log }: StoreAccess & Reporting,
  { kind, place, hostId }: HostExclusionAction,
): Promise<void> {
  if (kind === 'shun') await store.setClosure(place, hostId, 'hot', 'open');
  else await store.setClosure(place, hostId, 'open', 'hot');
  log.info({ ...place, hostId }, kind === 'shun' ? 'host is hot' : 'host is no longer hot');
}
