import { regionPoolName } from '../../domain/catalog.js';
import type { OrderTarget } from '../../domain/drain.js';
import { planDrain, type DrainPlan } from '../../domain/rebalance/plan/plan-drain.js';
import type { FleetSnapshot } from '../../domain/rebalance/snapshot/fleet-snapshot.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { MoveRunnerPort } from '../rebalance/move-runner.js';
import type { LocatedSession } from '../sessions/sessions-on-target.js';
import { toHostSnapshot } from '../rebalance/host-snapshot.js';
import { toSessionSnapshot } from '../rebalance/session-snapshot.js';

/** Any free slot will do for an order to empty a target; a host that measures more than it has will not. */
const DRAIN_CAP = 1;

/** Moves what can be moved off a target that is being drained, as far as there is room and turn for it. */
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
 * Where the sessions of a target could go.
 *
 * @param isExcluded which are to be left alone at the moment
 */
export async function planDrainMoves(
  context: BrokerSettings & StoreAccess & MoveRunnerPort,
  target: OrderTarget,
  staying: readonly LocatedSession[],
  isExcluded: (sessionId: string) => boolean = () => false,
): Promise<DrainPlan> {
  return planDrain(
    await takeSnapshot(context, staying, isExcluded),
    target,
    DRAIN_CAP,
    context.rebalanceLimits,
  );
}

async function takeSnapshot(
  { store, catalog, fleet, storeHealth, moveRunner: runner }: BrokerSettings & StoreAccess & MoveRunnerPort,
  staying: readonly LocatedSession[],
  leaves: (sessionId: string) => boolean,
): Promise<FleetSnapshot> {
  const pools = new Set(staying.map(({ place }) => place.pool));
  const bySeat = new Map<string, LocatedSession['session'][]>();
  for (const { place, session } of staying) {
    const key = `${regionPoolName(place)}/${session.hostId}`;
    bySeat.set(key, [...(bySeat.get(key) ?? []), session]);
  }
  const places = fleet.regionPools.filter(({ pool }) => pools.has(pool));
  const hosts = await Promise.all(
    places.map(async (place) =>
      (await store.listHosts(place)).map((host) =>
        toHostSnapshot(place, host, {
          hot: false,
          regionPoolIsOpen: fleet.isOpen(place),
          quarantined: runner.isQuarantined(place, host.hostId),
          sessions: bySeat.get(`${regionPoolName(place)}/${host.hostId}`) ?? [],
        }),
      ),
    ),
  );
  return {
    nowMs: await store.getTimeMs(),
    hosts: hosts.flat(),
    sessions: staying.map(({ place, session }) =>
      toSessionSnapshot(catalog, place, session, 'at_all', leaves(session.sessionId)),
    ),
    waiting: [],
    storeIsRecovering: storeHealth.isRecovering,
  };
}
