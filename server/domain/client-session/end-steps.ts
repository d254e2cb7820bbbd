import type { EndReason } from '@duskline/protocol/vocabulary';
import { isHeld, isReversible } from '../session-state.js';
import type { Assignment, BrokerTypes, ClientSession, Held, Phase, SessionChange } from './client-session.js';
import { isLinked } from './client-session.js';
import { endOrdered, receiveChange, replace } from './change-steps.js';
import type { EventOf } from './events.js';
import { keepOnLostHost } from './return-steps.js';
import { enter, heldPhase, readAgain, stay, tellEnd, type Transition } from './transition.js';

/** A session that the store did not know in this many consecutive checks has ended: the message about its end was lost. */
const MAX_MISSED_CHECKS = 2;

/** The client ends the session. */
export function orderEnd<T extends BrokerTypes>(
  session: ClientSession<T>,
  { order }: EventOf<T, 'end_ordered'>,
): Transition<T> {
  const { phase } = session;
  switch (phase.name) {
    case 'reserved':
    case 'claimed':
    case 'changing_hosts':
    case 'locating':
    case 'resumed_elsewhere': {
      const call = session.calls + 1;
      const { held } = phase;
      return enter({ ...session, calls: call }, { name: 'ending', held, orders: [order], call }, [
        { type: 'end', call, assignment: held.assignment, epoch: held.epoch },
      ]);
    }
    case 'ending':
      return enter(session, { ...phase, orders: [...phase.orders, order] });
    case 'replacing':
      return stay(session, [{ type: 'cancel_replacement', order }]);
    case 'unmatched':
    case 'lapsed':
    case 'returning':
    case 'away':
    case 'over':
      return stay(session, [{ type: 'answer_order', order, failure: 'UNKNOWN_SESSION' }]);
  }
}

/** The store answered the order to end the session. */
export function answerEnd<T extends BrokerTypes>(
  session: ClientSession<T>,
  { call, result }: EventOf<T, 'end_answered'>,
): Transition<T> {
  const { phase } = session;
  if (phase.name !== 'ending' || phase.call !== call) return stay(session);
  const { held, orders } = phase;
  if (result.kind === 'ended') return endOrdered(session, orders, held.epoch, result.reason);
  const { code } = result;
  const refusals = orders.map((order) => ({ type: 'answer_order', order, failure: code }) as const);
  // The store may have ended the session all the same, and changes that came meanwhile were not looked at.
  return readAgain(enter(session, heldPhase(held), refusals));
}

/** A client that reconnected is told how its session ended. If the host brings the session back, the client is told that, too. */
export function findEnd<T extends BrokerTypes>(
  session: ClientSession<T>,
  { assignment, reason }: EventOf<T, 'end_found'>,
): Transition<T> {
  if (!mayFindEnd(session.phase)) return stay(session);
  const held: Held<T> = { assignment, epoch: assignment.epoch, state: 'disconnected', missedChecks: 0 };
  return enter(session, { name: 'lapsed', held }, [{ type: 'link' }, tellEnd(assignment.epoch, reason)]);
}

/** Whether no connection has the session, so that one may be told its end: otherwise that one is told by what changes. */
export function mayFindEnd<T extends BrokerTypes>(phase: Phase<T>): boolean {
  return !isLinked(phase) && phase.name !== 'replacing';
}

/** A periodic check read the session in the store. */
export function verify<T extends BrokerTypes>(
  session: ClientSession<T>,
  { asOf, change, mayBeReported, nowMs }: EventOf<T, 'verified'>,
): Transition<T> {
  const { phase } = session;
  // The session changed during the query, so the store's record may be older than the change.
  if (!isLinked(phase) || asOf !== session.revision) return stay(session);
  if (change !== null) return receiveChange(resetChecks(session), change, nowMs);
  if (phase.name !== 'reserved' && phase.name !== 'claimed' && phase.name !== 'changing_hosts')
    return stay(session);
  // The host may report the session soon.
  if (mayBeReported) return stay(session);
  const missedChecks = phase.held.missedChecks + 1;
  const held = { ...phase.held, missedChecks };
  if (missedChecks < MAX_MISSED_CHECKS) return enter(session, { ...phase, held });
  const { epoch, assignment } = held;
  const isReserved = held.state === 'reserved';
  if (isReserved && nowMs < assignment.reservedUntilMs && assignment.request.onHostLost !== 'end') {
    // A Redis failover lost the reservation, and another session may have its slot by now.
    return replace(session, held, lostReservation(assignment, epoch));
  }
  const reason = isReserved ? 'reservation_expired' : 'host_lost';
  return enter(session, { name: 'lapsed', held }, [tellEnd(epoch, reason)]);
}

function resetChecks<T extends BrokerTypes>(session: ClientSession<T>): ClientSession<T> {
  const { phase } = session;
  if (!isLinked(phase) || phase.held.missedChecks === 0) return session;
  return { ...session, phase: { ...phase, held: { ...phase.held, missedChecks: 0 } } };
}

/** A reservation that the store has lost names no host. */
function lostReservation({ regionPool }: Assignment, epoch: number): SessionChange {
  return {
    regionPool,
    epoch,
    state: 'ended',
    reason: 'host_lost',
    hostId: '',
    reservedAtMs: null,
    owner: 'unknown',
    hasMoved: false,
  };
}

/** The session that lost its host got no other one. */
export function refuseReplacement<T extends BrokerTypes>(
  session: ClientSession<T>,
  reason: EndReason,
): Transition<T> {
  const { phase } = session;
  if (phase.name !== 'replacing') return stay(session);
  const { held, onLostHost, isAway } = phase;
  if (onLostHost !== null && isReversible(reason)) {
    const { state, regionPool } = onLostHost;
    if (isHeld(state)) return keepOnLostHost(session, { ...held, state, missedChecks: 0 }, regionPool, phase);
    if (state === 'ended' && !isReversible(onLostHost.reason))
      return enter(session, { name: 'over' }, [tellEnd(held.epoch, onLostHost.reason)]);
  }
  const mayReturn = isReversible(reason) && !isAway;
  return enter(session, mayReturn ? { name: 'lapsed', held } : { name: 'over' }, [
    tellEnd(held.epoch, reason),
  ]);
}

/** Another request of the player has the place of the one that places the session again. */
export function receiveReplacementReplaced<T extends BrokerTypes>(
  session: ClientSession<T>,
  isTakeover: boolean,
): Transition<T> {
  const { phase } = session;
  if (phase.name !== 'replacing') return stay(session);
  return enter(session, { name: 'over' }, isTakeover ? [tellEnd(phase.held.epoch, 'superseded')] : []);
}

/** The store names the request that has the session on another broker. */
export function receiveOwner<T extends BrokerTypes>(
  session: ClientSession<T>,
  { call, byRequestId }: EventOf<T, 'owner_found'>,
): Transition<T> {
  const { phase } = session;
  if (phase.name !== 'resumed_elsewhere' || phase.call !== call) return stay(session);
  // The store is unreachable. The periodic check of all sessions finds that this one is elsewhere.
  if (byRequestId === null) return enter(session, heldPhase(phase.held));
  const { requestId } = phase.held.assignment.request;
  return enter(session, { name: 'over' }, [{ type: 'send_replaced', requestId, byRequestId }]);
}
