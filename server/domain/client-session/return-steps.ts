import type { RegionPool } from '../catalog.js';
import { isHeld, isReversible } from '../session-state.js';
import type { BrokerTypes, ClientSession, Held, PhaseNamed, SessionChange } from './client-session.js';
import type { EventOf } from './events.js';
import { enter, heldPhase, stay, type Transition } from './transition.js';

/** The host kept a session that had ended for the client. Its player may have another one by now. */
export function receiveReturn<T extends BrokerTypes>(
  session: ClientSession<T>,
  { held }: PhaseNamed<T, 'lapsed'>,
  change: SessionChange,
): Transition<T> {
  const { epoch, state, reason, owner, regionPool } = change;
  if (owner === 'other' || epoch > held.epoch) return enter(session, { name: 'over' });
  if (epoch < held.epoch) return stay(session);
  if (state === 'ended') return isReversible(reason) ? stay(session) : enter(session, { name: 'over' });
  if (!isHeld(state)) return stay(session);
  const returned = { ...held, state, missedChecks: 0 };
  const call = session.calls + 1;
  return enter({ ...session, calls: call }, { name: 'returning', held: returned, call }, [
    { type: 'renew', call, epoch, regionPool },
  ]);
}

/** The state of a session changed while the store is asked whether it is still the player's. */
export function changeReturning<T extends BrokerTypes>(
  session: ClientSession<T>,
  { held, call }: PhaseNamed<T, 'returning'>,
  { epoch, state, reason, owner }: SessionChange,
): Transition<T> {
  if (owner === 'other' || epoch > held.epoch) return enter(session, { name: 'over' });
  if (epoch < held.epoch) return stay(session);
  if (state === 'ended')
    return enter(session, isReversible(reason) ? { name: 'lapsed', held } : { name: 'over' });
  return isHeld(state)
    ? enter(session, { name: 'returning', held: { ...held, state }, call })
    : stay(session);
}

/** The store says whether the session is still the player's. If not, the client was told its end before. */
export function receiveRenewal<T extends BrokerTypes>(
  session: ClientSession<T>,
  { call, isLive }: EventOf<T, 'renewed'>,
): Transition<T> {
  const { phase } = session;
  if (phase.name !== 'returning' || phase.call !== call) return stay(session);
  if (!isLive) return enter(session, { name: 'over' });
  const { held } = phase;
  const { epoch, state } = held;
  return enter(session, heldPhase(held), [{ type: 'tell', epoch, state, reason: null }]);
}

/** The lost host came back with the session while no other one had a slot for it. The client was told nothing. */
export function keepOnLostHost<T extends BrokerTypes>(
  session: ClientSession<T>,
  held: Held<T>,
  regionPool: RegionPool,
  { held: before, isAway }: PhaseNamed<T, 'replacing'>,
): Transition<T> {
  const { epoch, state } = held;
  const call = session.calls + 1;
  const counted = { ...session, calls: call };
  // If the session is not the player's any more, it ends, and the store reports that.
  const renew = { type: 'renew', call, epoch, regionPool } as const;
  if (isAway) return enter(counted, { name: 'away', held }, [renew]);
  const news = state === before.state ? [] : [{ type: 'tell', epoch, state, reason: null } as const];
  return enter(counted, heldPhase(held), [renew, ...news]);
}
