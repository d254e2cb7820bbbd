import { applyChange, receiveChange } from './change-steps.js';
import type { BrokerTypes, ClientSession, PhaseNamed } from './client-session.js';
import type { EventOf } from './events.js';
import { apply, match } from './match-steps.js';
import { enter, heldPhase, locate, readAgain, stay, type Transition } from './transition.js';

/** Interval between reads of a session that is moving to another host. */
const POLL_INTERVAL_MS = 200;

/** The target host is ready, and the client has to change hosts. */
export function sendMoving<T extends BrokerTypes>(
  session: ClientSession<T>,
  { move, fromEpoch, message }: EventOf<T, 'moving'>,
): Transition<T> {
  const { phase } = session;
  switch (phase.name) {
    case 'reserved':
    case 'claimed':
    case 'changing_hosts': {
      const { held } = phase;
      if (held.epoch !== fromEpoch) break;
      return enter(session, { name: 'changing_hosts', held, move }, [{ type: 'send', message }]);
    }
    case 'ending':
      return stay(session, [{ type: 'refuse_move', move, reason: 'the client ends the session' }]);
    default:
  }
  return stay(session, [{ type: 'refuse_move', move, reason: 'the client is not connected' }]);
}

/** The session stays on its source host. Changes that the host reported during the move were kept from the client. */
export function cancelMove<T extends BrokerTypes>(
  session: ClientSession<T>,
  { epoch }: EventOf<T, 'move_cancelled'>,
): Transition<T> {
  const { phase } = session;
  if (phase.name === 'changing_hosts' && phase.move.assignment.epoch === epoch)
    return readAgain(enter(session, heldPhase(phase.held)));
  if (phase.name === 'locating' && phase.move?.assignment.epoch === epoch)
    return enter(session, { ...phase, move: null });
  return stay(session);
}

/** The broker has searched the session once. */
export function receiveLocation<T extends BrokerTypes>(
  session: ClientSession<T>,
  event: EventOf<T, 'located'>,
): Transition<T> {
  const { phase } = session;
  if (phase.name !== 'locating' || phase.call !== event.call) return stay(session);
  const { result, nowMs } = event;
  switch (result.kind) {
    case 'at_target': {
      const arrived = receiveChange(session, result.change, nowMs);
      // The move was cancelled while the store answered.
      return arrived.session === session ? searchOn(session, phase, false, nowMs) : arrived;
    }
    case 'elsewhere': {
      const { assignment, message, change } = result;
      const found = {
        type: 'matched',
        assignment,
        message,
        isConnected: true,
        isOtherClient: false,
      } as const;
      return readAgain(apply(match(session, { ...found, earlier: null }), change));
    }
    case 'nowhere':
    case 'failed':
      return searchOn(session, phase, result.kind === 'failed', nowMs);
  }
}

/** First on the target host until the move is over, then by the record of the request. */
function searchOn<T extends BrokerTypes>(
  session: ClientSession<T>,
  phase: PhaseNamed<T, 'locating'>,
  hasFailed: boolean,
  nowMs: number,
): Transition<T> {
  const { held, move, left, search } = phase;
  if (search === 'target') {
    const isOver = move === null || nowMs > move.overAtMs;
    return isOver ? locate(session, phase, 'request') : locate(session, phase, 'target', POLL_INTERVAL_MS);
  }
  // The client could not be told of the host. The next check of its sessions finds the same, and tries again.
  if (hasFailed || left.state !== 'ended') return enter(session, heldPhase(held, move));
  return applyChange(session, held, null, left);
}
