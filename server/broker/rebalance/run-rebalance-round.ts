import { regionPoolName } from '../../domain/catalog.js';
import type { HostExclusion } from '../../domain/rebalance/limits/hot-hosts.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Reporting } from '../reporting.js';
import type { MoveRunnerPort } from './move-runner.js';
import type { Rebalancer } from './rebalancer.js';

/**
 * Runs one round of rebalancing of a region, on the broker that holds its lease. Host exclusions are stored at once; moves run
 * in the background. A round is planned from the store alone, so a broker that takes the lease over needs no state.
 */
export async function runRebalanceRound(
  context: StoreAccess & MoveRunnerPort & Reporting,
  rebalancer: Rebalancer,
  region: string,
): Promise<void> {
  const { fleet, moveRunner, storeHealth, log } = context;
  const plan = await rebalancer.planRound({
    region,
    storeIsRecovering: storeHealth.isRecovering,
    closedRegionPools: fleet.regionPools
      .filter((regionPool) => !fleet.isOpen(regionPool))
      .map(regionPoolName),
    quarantinedHosts: moveRunner.quarantinedHosts,
    excludedSessions: moveRunner.excludedSessions,
    scheduledChains: moveRunner.scheduledChains,
  });
  if (plan.blocker !== null) log.warn({ region, why: plan.blocker }, 'rebalancing is blocked');
  await Promise.all(plan.exclusions.map((exclusion) => setHostExclusion(context, region, exclusion)));
  const { moves } = plan;
  if (moves.length === 0) return;
  log.info({ region, moves: moves.length, players: plan.servedByMoves }, 'rebalancing moves sessions');
  moveRunner.runMoves(moves, new Map(plan.sessions.map((session) => [session.sessionId, session])));
}

/** Closes a hot host to new sessions, or opens it again. What else closes it stays as it is. */
async function setHostExclusion(
  { store, log }: StoreAccess & Reporting,
  region: string,
  { kind, pool, hostId }: HostExclusion,
): Promise<void> {
  const regionPool = { region, pool };
  if (kind === 'exclude') await store.addClosure(regionPool, hostId, 'hot');
  else await store.removeClosure(regionPool, hostId, 'hot');
  log.info({ ...regionPool, hostId }, kind === 'exclude' ? 'host is hot' : 'host is no longer hot');
}
