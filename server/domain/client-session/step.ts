import { receiveChange } from './change-steps.js';
import { receiveRenewal } from './return-steps.js';
import type { BrokerTypes, ClientSession } from './client-session.js';
import {
  answerEnd,
  findEnd,
  orderEnd,
  receiveOwner,
  receiveReplacementReplaced,
  refuseReplacement,
  verify,
} from './end-steps.js';
import type { SessionEvent } from './events.js';
import { changeEndpoint, disconnect, match } from './match-steps.js';
import { cancelMove, receiveLocation, sendMoving } from './move-steps.js';
import { enter, stay, type Transition } from './transition.js';

/**
 * The machine of a session as its client sees it: returns the session after the event, and the effects for the broker. Pure, and
 * defined for every event in every phase.
 *
 * The broker carries out the effects in their order, and answers each call with one event. For any order of events a connected
 * client is told exactly once that its session has ended, or that another request has it, unless the host reverses the end.
 */
export function step<T extends BrokerTypes>(
  session: ClientSession<T>,
  event: SessionEvent<T>,
): Transition<T> {
  switch (event.type) {
    case 'matched':
      return match(session, event);
    case 'end_found':
      return findEnd(session, event);
    case 'changed':
      return receiveChange(session, event.change, event.nowMs);
    case 'end_ordered':
      return orderEnd(session, event);
    case 'disconnected':
      return disconnect(session);
    case 'moving':
      return sendMoving(session, event);
    case 'move_cancelled':
      return cancelMove(session, event);
    case 'endpoint_changed':
      return changeEndpoint(session, event);
    case 'verified':
      return verify(session, event);
    case 'disowned':
      return session.phase.name === 'away' ? enter(session, { name: 'over' }) : stay(session);
    case 'replacement_refused':
      return refuseReplacement(session, event.reason);
    case 'replacement_replaced':
      return receiveReplacementReplaced(session, event.isTakeover);
    case 'located':
      return receiveLocation(session, event);
    case 'owner_found':
      return receiveOwner(session, event);
    case 'end_answered':
      return answerEnd(session, event);
    case 'renewed':
      return receiveRenewal(session, event);
    case 'read': {
      const isCurrent = event.change !== null && event.asOf === session.revision;
      return isCurrent ? receiveChange(session, event.change, event.nowMs) : stay(session);
    }
  }
}
