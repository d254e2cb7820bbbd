import type { EndReason } from '@duskline/protocol/vocabulary';
import type {
  BrokerTypes,
  ClientMove,
  ClientSession,
  Held,
  LinkedPhase,
  Phase,
  PhaseNamed,
  Search,
  SessionChange,
} from './client-session.js';
import type { SessionEffect, SessionNotice } from './effects.js';

/** What a step returns: the session afterwards, and what the broker has to do, in this order. */
export interface Transition<T extends BrokerTypes> {
  readonly session: ClientSession<T>;
  readonly effects: readonly SessionEffect<T>[];
}

/** The session in another phase, or with other data in the same phase. */
export function enter<T extends BrokerTypes>(
  session: ClientSession<T>,
  phase: Phase<T>,
  effects: readonly SessionEffect<T>[] = [],
): Transition<T> {
  const { failedHosts, calls, revision } = session;
  return { session: { phase, failedHosts, calls, revision: revision + 1 }, effects };
}

/** The session as it was. */
export function stay<T extends BrokerTypes>(
  session: ClientSession<T>,
  effects: readonly SessionEffect<T>[] = [],
): Transition<T> {
  return { session, effects };
}

/** The transition with effects that come before its own. */
export function after<T extends BrokerTypes>(
  effects: readonly SessionEffect<T>[],
  transition: Transition<T>,
): Transition<T> {
  return effects.length === 0 ? transition : { ...transition, effects: [...effects, ...transition.effects] };
}

/** The phase of a session that its client has, and that nothing else happens to. */
export function heldPhase<T extends BrokerTypes>(
  held: Held<T>,
  move: ClientMove<T> | null = null,
): PhaseNamed<T, 'reserved' | 'claimed' | 'changing_hosts'> {
  if (move !== null) return { name: 'changing_hosts', held, move };
  return held.state === 'reserved' ? { name: 'reserved', held } : { name: 'claimed', held };
}

/** The move that is under way in this phase. */
export function moveIn<T extends BrokerTypes>(phase: LinkedPhase<T>): ClientMove<T> | null {
  return phase.name === 'changing_hosts' || phase.name === 'locating' ? phase.move : null;
}

/** Searches a session that left its host. */
export function locate<T extends BrokerTypes>(
  session: ClientSession<T>,
  phase: { readonly held: Held<T>; readonly move: ClientMove<T> | null; readonly left: SessionChange },
  search: Search,
  afterMs = 0,
): Transition<T> {
  const { held, move, left } = phase;
  const call = session.calls + 1;
  const { regionPool } = left;
  const { assignment: from, epoch: aboveEpoch } = held;
  return enter({ ...session, calls: call }, { name: 'locating', held, move, left, search, call }, [
    { type: 'locate', call, search, from, aboveEpoch, regionPool, move, afterMs },
  ]);
}

/** The effect that reads a session again whose last change a step may have missed. */
export function readAgain<T extends BrokerTypes>({ session, effects }: Transition<T>): Transition<T> {
  if (session.phase.name !== 'reserved' && session.phase.name !== 'claimed') return { session, effects };
  const { regionPool } = session.phase.held.assignment;
  return { session, effects: [...effects, { type: 'read', asOf: session.revision, regionPool }] };
}

/** The effect that tells the client that its session has ended. */
export function tellEnd<T extends BrokerTypes>(epoch: number, reason: EndReason | null): SessionNotice<T> {
  return { type: 'tell', epoch, state: 'ended', reason };
}
