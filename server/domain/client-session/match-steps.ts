import type { BrokerTypes, ClientSession, Held, Phase } from './client-session.js';
import { isLinked } from './client-session.js';
import { receiveChange } from './change-steps.js';
import type { SessionNotice } from './effects.js';
import type { EventOf } from './events.js';
import { after, enter, heldPhase, readAgain, type Transition } from './transition.js';

/** A connection gets the session: with a new slot, with another host, or because it repeats or resumes the request. */
export function match<T extends BrokerTypes>(
  session: ClientSession<T>,
  event: EventOf<T, 'matched'>,
): Transition<T> {
  const { assignment, message, isConnected, isOtherClient, earlier } = event;
  const { phase } = session;
  const held: Held<T> = { assignment, epoch: assignment.epoch, state: 'reserved', missedChecks: 0 };
  const replaced = isOtherClient && isLinked(phase) ? [sendReplaced(phase.held, assignment)] : [];
  if (!isConnected) {
    // The client disconnected meanwhile. After its reconnect it finds the session, also in a store that has lost it.
    return after(
      [...replaced, { type: 'send', message }],
      disconnect(enter(session, phaseOfMatch(phase, held)).session),
    );
  }
  const linked = enter(session, phaseOfMatch(phase, held), [
    ...replaced,
    { type: 'link' },
    { type: 'send', message },
  ]);
  if (phase.name === 'unmatched' && phase.earlyEnd?.epoch === assignment.epoch)
    return apply(linked, phase.earlyEnd);
  // Another broker may have been given the session while this one placed it again.
  if (earlier === null) return phase.name === 'replacing' ? readAgain(linked) : linked;
  return readAgain(apply(linked, earlier));
}

/** An order to end the session holds for the session on its new host, too. */
function phaseOfMatch<T extends BrokerTypes>(before: Phase<T>, held: Held<T>): Phase<T> {
  if (before.name !== 'ending') return heldPhase(held);
  return { ...before, held };
}

function sendReplaced<T extends BrokerTypes>(
  { assignment: { request } }: Held<T>,
  { request: { requestId: byRequestId } }: T['assignment'],
): SessionNotice<T> {
  return { type: 'send_replaced', requestId: request.requestId, byRequestId };
}

/** A change that is older than the match. A match has no move, so the time does not matter. */
export function apply<T extends BrokerTypes>(
  { session, effects }: Transition<T>,
  change: Parameters<typeof receiveChange>[1],
): Transition<T> {
  return after(effects, receiveChange(session, change, 0));
}

/** The client has no connection to its host: it gets the host's new endpoint. */
export function changeEndpoint<T extends BrokerTypes>(
  session: ClientSession<T>,
  { epoch, message }: EventOf<T, 'endpoint_changed'>,
): Transition<T> {
  const { phase } = session;
  const isWaiting = isLinked(phase) && phase.name !== 'ending' && phase.held.epoch === epoch;
  return { session, effects: isWaiting ? [{ type: 'send', message }] : [] };
}

/** The client's socket is closed. */
export function disconnect<T extends BrokerTypes>(session: ClientSession<T>): Transition<T> {
  const { phase } = session;
  switch (phase.name) {
    case 'reserved':
    case 'claimed':
    case 'changing_hosts':
    case 'locating':
    case 'returning':
      return enter(session, { name: 'away', held: phase.held });
    case 'ending': {
      const { held, orders } = phase;
      const answers = orders.map(
        (order) => ({ type: 'answer_order', order, failure: 'UNAVAILABLE' }) as const,
      );
      return enter(session, { name: 'away', held }, answers);
    }
    case 'resumed_elsewhere':
    case 'lapsed':
      return enter(session, { name: 'over' });
    // The request that places the session again continues without its client.
    case 'replacing':
      return enter(session, { ...phase, isAway: true });
    case 'unmatched':
    case 'away':
    case 'over':
      return { session, effects: [] };
  }
}
