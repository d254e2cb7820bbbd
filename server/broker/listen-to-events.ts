import type { BrokerContext } from './create-context.js';
import { recordUnansweredPrepare } from './hosts/refuse-reservation.js';
import { notifyHostOfSession } from './messaging/notify-host.js';
import { locateMovedSession } from './moves/client/locate-moved-session.js';
import { dropTargetReservation, forgetOutgoingMove } from './moves/forget-ended-moves.js';
import { handleControlMessage } from './moves/handle-control-message.js';
import { endHeldSession } from './placement/end-held-session.js';
import { cancelReplacement } from './placement/end-session.js';
import { keepReturnedSession } from './recovery/keep-returned-session.js';
import { replaceLostSession } from './recovery/replace-lost-session.js';
import type { RequestRunning } from './requests/ports.js';
import { notifyWaitingRequest } from './requests/receive-offer.js';

/** Connects the events of a broker to their listeners. Listeners of one event run in the order given here. */
export function listenToEvents(context: BrokerContext & RequestRunning): void {
  const { events } = context;
  events.on('sessionChanged', (regionPool, session) => {
    notifyWaitingRequest(context, regionPool, session);
    context.sessionRunner.receiveChange(regionPool, session);
    forgetOutgoingMove(context, regionPool, session);
    recordUnansweredPrepare(context, regionPool, session);
    notifyHostOfSession(context, regionPool, session);
  });
  events.on('targetReservationChanged', (regionPool, sessionId, reservation) => {
    dropTargetReservation(context, regionPool, sessionId, reservation);
  });
  events.on('sessionLost', (...lost) => replaceLostSession(context, ...lost));
  events.on('sessionLeftHost', (...moved) => void locateMovedSession(context, ...moved));
  events.on('sessionEndOrdered', (...order) => void endHeldSession(context, ...order));
  events.on('sessionReturned', (...returned) => void keepReturnedSession(context, ...returned));
  events.on('replacementCancelled', (...order) => cancelReplacement(context, ...order));
  events.on('controlMessage', (...message) => void handleControlMessage(context, ...message));
}
