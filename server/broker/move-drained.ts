import { placeName } from '../domain/catalog.js';
import type { OrderTarget } from '../domain/drain.js';
import { planDrain, type DrainPlan } from '../domain/rebalance/plan-drain.js';
import type { FleetPicture } from '../domain/rebalance/picture.js';
import type { BrokerContext } from './context.js';
import type { SeatedSession } from './drained-sessions.js';
import { hostPicture } from './rebalance/host-picture.js';
import { sessionPicture } from './rebalance/session-picture.js';

/** Any free slot will do for an order to empty a target; a host that measures more than it has will not. */
const DRAIN_CAP = 1;

/** Moves what can be moved off a target that is being drained, as far as there is room and turn for it. */
export async function moveDrained(
  context: BrokerContext,
  target: OrderTarget,
  staying: readonly SeatedSession[],
): Promise<void> {
  const plan = await planFor(context, target, staying, (sessionId) => context.runner.leaves(sessionId));
  context.runner.take(plan.moves, new Map(staying.map(({ session }) => [session.sessionId, session])));
}

/**
 * Where the sessions of a target could go.
 *
 * @param leaves which are to be left alone at the moment
 */
export async function planFor(
  context: BrokerContext,
  target: OrderTarget,
  staying: readonly SeatedSession[],
  leaves: (sessionId: string) => boolean = () => false,
): Promise<DrainPlan> {
  return planDrain(await takePicture(context, staying, leaves), target, DRAIN_CAP, context.moveLimits);
}

async function takePicture(
  { store, catalog, fleet, doubt, runner }: BrokerContext,
  staying: readonly SeatedSession[],
  leaves: (sessionId: string) => boolean,
): Promise<FleetPicture> {
  const pools = new Set(staying.map(({ place }) => place.pool));
  const bySeat = new Map<string, SeatedSession['session'][]>();
  for (const { place, session } of staying) {
    const key = `${placeName(place)}/${session.hostId}`;
    bySeat.set(key, [...(bySeat.get(key) ?? []), session]);
  }
  const places = fleet.places.filter(({ pool }) => pools.has(pool));
  const hosts = await Promise.all(
    places.map(async (place) =>
      (await store.listHosts(place)).map((host) =>
        hostPicture(place, host, {
          hot: false,
          placeIsOpen: fleet.isOpen(place),
          quarantined: runner.isQuarantined(place, host.hostId),
          sessions: bySeat.get(`${placeName(place)}/${host.hostId}`) ?? [],
        }),
      ),
    ),
  );
  return {
    nowMs: await store.clockMs(),
    hosts: hosts.flat(),
    sessions: staying.map(({ place, session }) =>
      sessionPicture(catalog, place, session, 'at_all', leaves(session.sessionId)),
    ),
    waiting: [],
    storeInDoubt: doubt.inDoubt,
  };
}
