import type { EndReason } from '@duskline/protocol/vocabulary';
import { isReversible } from '../session-state.js';
import type {
  BrokerTypes,
  ClientMove,
  ClientSession,
  Held,
  Phase,
  PhaseNamed,
  SessionChange,
} from './client-session.js';
import { changeReturning, receiveReturn } from './return-steps.js';
import { after, enter, heldPhase, locate, moveIn, stay, tellEnd, type Transition } from './transition.js';

/** When the last of so many hosts fails a session, before its client claimed it, the session ends with `host_lost`. */
const MAX_FAILED_HOSTS = 3;

/** The store or the session's host reported a state of the session. */
export function receiveChange<T extends BrokerTypes>(
  session: ClientSession<T>,
  change: SessionChange,
  nowMs: number,
): Transition<T> {
  const { phase } = session;
  switch (phase.name) {
    case 'unmatched':
      return isEarlyEnd(change) ? enter(session, { name: 'unmatched', earlyEnd: change }) : stay(session);
    case 'reserved':
    case 'claimed':
    case 'changing_hosts':
      return changeHeld(session, phase, change, nowMs);
    case 'locating':
      return changeLocated(session, phase, change, nowMs);
    case 'resumed_elsewhere':
      return change.owner === 'other'
        ? stay(session)
        : changeHeld(session, heldPhase(phase.held), change, nowMs);
    case 'ending':
      return changeEnding(session, phase, change);
    case 'lapsed':
      return receiveReturn(session, phase, change);
    case 'returning':
      return changeReturning(session, phase, change);
    case 'away':
      return changeAway(session, phase, change);
    case 'replacing':
      return noteOnLostHost(session, phase, change);
    case 'over':
      return stay(session);
  }
}

/**
 * Whether the change may be the end of a session that this broker is about to match: its host was lost, or the player has cancelled
 * the request through another broker.
 */
export function isEarlyEnd({ state, reason, owner }: SessionChange): boolean {
  return state === 'ended' && (reason === 'host_lost' || reason === 'client_left') && owner === 'this';
}

function changeHeld<T extends BrokerTypes>(
  session: ClientSession<T>,
  phase: PhaseNamed<T, 'reserved' | 'claimed' | 'changing_hosts'>,
  change: SessionChange,
  nowMs: number,
): Transition<T> {
  const { held } = phase;
  const move = moveIn(phase);
  if (change.owner === 'other') return changeOwner(session, held, change);
  if (isKnown(held, change)) return stay(session);
  // The client is changing hosts. A lost connection to the old host does not say whether it reached the new one.
  const mayHaveArrived = move !== null && nowMs < move.untilMs;
  if (mayHaveArrived && change.epoch === held.epoch && change.state === 'disconnected') return stay(session);
  if (mayHaveMoved(held, move, change)) {
    const search = change.state !== 'ended' ? 'reported' : move === null ? 'request' : 'target';
    return locate(session, { held, move, left: change }, search);
  }
  return applyChange(session, held, move, change);
}

function isKnown<T extends BrokerTypes>({ epoch, state }: Held<T>, change: SessionChange): boolean {
  return change.epoch < epoch || (change.epoch === epoch && change.state === state);
}

/** Another broker has the session. Which of the player's requests has it is in the request's record. */
function changeOwner<T extends BrokerTypes>(
  session: ClientSession<T>,
  held: Held<T>,
  change: SessionChange,
): Transition<T> {
  // The session may be moving to this region pool: the broker that moves it will notify the client's broker.
  if (change.epoch > held.epoch && change.hasMoved) return stay(session);
  const call = session.calls + 1;
  return enter({ ...session, calls: call }, { name: 'resumed_elsewhere', held, call }, [
    { type: 'find_owner', call, requestId: held.assignment.request.requestId },
  ]);
}

/** Whether the session may be on a host that its client was not sent. */
function mayHaveMoved<T extends BrokerTypes>(
  { assignment, epoch, state }: Held<T>,
  move: ClientMove<T> | null,
  change: SessionChange,
): boolean {
  if (change.epoch === epoch) {
    if (change.reason === 'host_lost') return move !== null;
    const mayMove = move !== null || assignment.request.canMove === true || state === 'reserved';
    return change.reason === 'superseded' && mayMove;
  }
  const isOnOtherHost = change.hasMoved && change.hostId !== assignment.hostId;
  return change.state !== 'ended' && isOnOtherHost && change.epoch !== move?.assignment.epoch;
}

/** The client is told the new state, unless the session is placed again. */
export function applyChange<T extends BrokerTypes>(
  session: ClientSession<T>,
  before: Held<T>,
  move: ClientMove<T> | null,
  change: SessionChange,
): Transition<T> {
  const { epoch, state, reason } = change;
  const assignment = move?.assignment.epoch === epoch ? move.assignment : before.assignment;
  if (state === 'ended') return endHeld(session, { ...before, assignment, epoch }, change);
  const held: Held<T> = { assignment, epoch, state, missedChecks: 0 };
  const pending = epoch === before.epoch ? move : null;
  return enter(session, heldPhase(held, pending), [{ type: 'tell', epoch, state, reason }]);
}

/** @param held the session with the state that the client knows */
function endHeld<T extends BrokerTypes>(
  session: ClientSession<T>,
  held: Held<T>,
  change: SessionChange,
): Transition<T> {
  const { epoch, reason } = change;
  if (reason === 'host_lost' && held.assignment.request.onHostLost !== 'end')
    return replace(session, held, change);
  const phase: Phase<T> = isReversible(reason) ? { name: 'lapsed', held } : { name: 'over' };
  return enter(session, phase, [tellEnd(epoch, reason)]);
}

/** The session lost its host: it gets another one. */
export function replace<T extends BrokerTypes>(
  session: ClientSession<T>,
  held: Held<T>,
  lost: SessionChange,
): Transition<T> {
  const isUnclaimed = held.state === 'reserved';
  const failedHosts = isUnclaimed ? withHost(session.failedHosts, lost.hostId) : session.failedHosts;
  const mayWait = isUnclaimed && held.assignment.request.wait !== false;
  const isLast = isUnclaimed && failedHosts.length >= MAX_FAILED_HOSTS;
  const phase: Phase<T> = { name: 'replacing', held, onLostHost: null, isAway: false };
  return enter({ ...session, failedHosts }, phase, [
    { type: 'replace', lost, from: held.assignment, mayWait, isLast },
  ]);
}

/** A reservation that the store has lost names no host. */
function withHost(hosts: readonly string[], hostId: string): readonly string[] {
  return hostId === '' || hosts.includes(hostId) ? hosts : [...hosts, hostId];
}

function changeLocated<T extends BrokerTypes>(
  session: ClientSession<T>,
  { held, move, left }: PhaseNamed<T, 'locating'>,
  change: SessionChange,
  nowMs: number,
): Transition<T> {
  if (change.owner === 'other') return changeOwner(session, held, change);
  const hasArrived = change.epoch === move?.assignment.epoch;
  // The host has the session after all, although it was taken for lost.
  const isBack = change.epoch === held.epoch && change.state !== 'ended' && left.state === 'ended';
  const isNews = hasArrived || isBack || (!isKnown(held, change) && !mayHaveMoved(held, move, change));
  if (!isNews) return stay(session);
  if (isBack && change.state === held.state) return enter(session, heldPhase(held, move));
  return changeHeld(session, heldPhase(held, move), change, nowMs);
}

function changeEnding<T extends BrokerTypes>(
  session: ClientSession<T>,
  { held, orders, call }: PhaseNamed<T, 'ending'>,
  change: SessionChange,
): Transition<T> {
  const { epoch, state, reason } = change;
  if (change.owner === 'other' || isKnown(held, change)) return stay(session);
  if (state !== 'ended') {
    if (epoch !== held.epoch) return stay(session);
    const phase = { name: 'ending', held: { ...held, state }, orders, call } as const;
    return enter(session, phase, [{ type: 'tell', epoch, state, reason }]);
  }
  // The order finds the session where it is, and ends it there.
  if (reason === 'superseded' || reason === 'host_lost') return stay(session);
  return endOrdered(session, orders, epoch, reason);
}

/** Tells the end of a session, and answers the orders to end it. */
export function endOrdered<T extends BrokerTypes>(
  session: ClientSession<T>,
  orders: readonly T['order'][],
  epoch: number,
  reason: EndReason | null,
): Transition<T> {
  return enter(session, { name: 'over' }, [
    tellEnd(epoch, reason),
    ...orders.map((order) => ({ type: 'answer_order', order, failure: null }) as const),
  ]);
}

/** If no other host has a slot, the client keeps the session on the host that came back. */
function noteOnLostHost<T extends BrokerTypes>(
  session: ClientSession<T>,
  phase: PhaseNamed<T, 'replacing'>,
  change: SessionChange,
): Transition<T> {
  if (change.owner === 'other' || change.epoch !== phase.held.epoch) return stay(session);
  return enter(session, { ...phase, onLostHost: change });
}

function changeAway<T extends BrokerTypes>(
  session: ClientSession<T>,
  { held }: PhaseNamed<T, 'away'>,
  { epoch, state, reason, owner }: SessionChange,
): Transition<T> {
  const cleared = state === 'ended' ? ([{ type: 'clear_live', epoch, reason }] as const) : [];
  const isOver = state === 'ended' || owner === 'other' || epoch > held.epoch;
  return isOver ? after(cleared, enter(session, { name: 'over' })) : stay(session);
}
