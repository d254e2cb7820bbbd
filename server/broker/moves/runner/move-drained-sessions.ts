import type { OrderTarget } from '../../../domain/drain.js';
import { hostKey } from '../../../domain/rebalance/limits/hot-hosts.js';
import { planDrain, type DrainPlan } from '../../../domain/rebalance/plan/plan-drain.js';
import type { FleetSnapshot, HostSnapshot } from '../../../domain/rebalance/snapshot/fleet-snapshot.js';
import { withScheduledChains } from '../../../domain/rebalance/snapshot/scheduled-chains.js';
import type { BrokerSettings } from '../../settings.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { MoveRunnerPort } from '../../rebalance/move-runner.js';
import type { LocatedSession } from '../../sessions/sessions-on-target.js';
import { groupByHost, sessionIdsOf, toHostSnapshot } from '../../rebalance/host-snapshot.js';
import { toSessionSnapshot } from '../../rebalance/session-snapshot.js';

/** Maximum congestion of target hosts. Drained sessions may fill a host completely, but not overload it. */
const DRAIN_CAP = 1;

/**
 * Starts moves of sessions away from a drain target, as many as there are free slots for and as `RebalanceLimits` allows.
 *
 * @param staying the sessions that are still on the target
 */
export async function moveDrainedSessions(
  context: BrokerSettings & StoreAccess & MoveRunnerPort,
  target: OrderTarget,
  staying: readonly LocatedSession[],
): Promise<void> {
  const plan = await planDrainMoves(context, target, staying, (sessionId) =>
    context.moveRunner.isExcluded(sessionId),
  );
  context.moveRunner.runMoves(
    plan.moves,
    new Map(staying.map(({ session }) => [session.sessionId, session])),
  );
}

/**
 * Plans where the sessions on a drain target can move. Changes nothing.
 *
 * @param isExcluded whether a session must not be moved now
 */
export async function planDrainMoves(
  context: BrokerSettings & StoreAccess & MoveRunnerPort,
  target: OrderTarget,
  staying: readonly LocatedSession[],
  isExcluded: (sessionId: string) => boolean = () => false,
): Promise<DrainPlan> {
  return planDrain(
    await readSnapshot(context, staying, isExcluded),
    target,
    DRAIN_CAP,
    context.rebalanceLimits,
  );
}

async function readSnapshot(
  context: BrokerSettings & StoreAccess & MoveRunnerPort,
  staying: readonly LocatedSession[],
  isExcluded: (sessionId: string) => boolean,
): Promise<FleetSnapshot> {
  const { store, catalog, storeHealth, moveRunner } = context;
  const stayingIds = new Set(staying.map(({ session }) => session.sessionId));
  // A plan that may move a session anew does not count with the chain that moves it.
  const chains = moveRunner.scheduledChains.filter(({ moves }) =>
    moves.every(({ sessionId }) => !stayingIds.has(sessionId) || isExcluded(sessionId)),
  );
  const hosts = await readHostSnapshots(context, staying, sessionIdsOf(chains));
  const snapshot: FleetSnapshot = {
    nowMs: await store.getTimeMs(),
    hosts,
    sessions: staying.map(({ regionPool, session }) =>
      toSessionSnapshot(catalog, regionPool, session, 'at_all', isExcluded(session.sessionId)),
    ),
    waiting: [],
    storeIsRecovering: storeHealth.isRecovering,
  };
  return withScheduledChains(snapshot, chains);
}

/**
 * Reads the hosts of all regions in the pools of these sessions.
 *
 * @param scheduled sessions of scheduled chains, whose moves are counted with these
 */
async function readHostSnapshots(
  { store, fleet, moveRunner }: StoreAccess & MoveRunnerPort,
  staying: readonly LocatedSession[],
  scheduled: ReadonlySet<string>,
): Promise<HostSnapshot[]> {
  const pools = new Set(staying.map(({ regionPool }) => regionPool.pool));
  const sessionsByHost = groupByHost(staying, scheduled);
  const regionPools = fleet.regionPools.filter(({ pool }) => pools.has(pool));
  const hosts = await Promise.all(
    regionPools.map(async (regionPool) =>
      (await store.listHosts(regionPool)).map((host) =>
        toHostSnapshot(regionPool, host, {
          heat: host.closures.includes('hot') ? 'excluded' : 'cool',
          regionPoolIsOpen: fleet.isOpen(regionPool),
          quarantined: moveRunner.isQuarantined(regionPool, host.hostId),
          sessions: sessionsByHost.get(hostKey(regionPool, host.hostId)) ?? [],
        }),
      ),
    ),
  );
  return hosts.flat();
}
