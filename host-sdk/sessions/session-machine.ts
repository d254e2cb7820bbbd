import type { HostFacts, SessionEvent } from './session-events.js';
import type { SessionRecord } from './session-record.js';
import * as connection from './steps/connection-steps.js';
import * as ends from './steps/end-steps.js';
import { keepUnsentLimit } from './steps/limit-steps.js';
import * as moveAway from './steps/move-away-steps.js';
import * as moveHere from './steps/move-here-steps.js';
import * as reservation from './steps/reservation-steps.js';
import type { Step } from './steps/step.js';
import * as stream from './steps/stream-steps.js';
import { showTicket } from './steps/ticket-steps.js';

/**
 * Returns the next record of a session after an event, and the effects for the host. Pure: it reads no clock, sends no message and
 * calls no callback. `next-phases.ts` has the phases that each event leads to.
 */
export function step(record: SessionRecord, event: SessionEvent, facts: HostFacts): Step {
  switch (event.type) {
    case 'prepare':
      return reservation.prepare(record, event, facts);
    case 'prepare_accepted':
      return reservation.acceptPrepared(record, event);
    case 'prepare_refused':
      return reservation.refusePrepared(record, event);
    case 'ticket_expired':
      return reservation.refuseExpired(record, event, facts);
    case 'slot_wait_over':
      return reservation.refuseWithoutSlot(record, event);
    case 'ticket':
      return showTicket(record, event, facts);
    case 'stream_connected':
      return stream.connectStream(record, event);
    case 'stream_lost':
      return stream.disconnectStream(record, event);
    case 'application_ended':
      return stream.endByApplication(record, event);
    case 'player_input':
      return stream.recordInput(record, event, facts);
    case 'movable_set':
      return stream.setMovable(record, event, facts);
    case 'checkpoint_ordered':
      return moveAway.orderCheckpoint(record, event, facts);
    case 'checkpoint_done':
      return moveAway.receiveCheckpoint(record, event);
    case 'checkpoint_refused':
      return moveAway.failCheckpoint(record, event);
    case 'resume_ordered':
      return moveAway.resumeByOrder(record, event);
    case 'restore':
      return moveHere.restore(record, event, facts);
    case 'restore_done':
      return moveHere.finishRestore(record, event);
    case 'restore_refused':
      return moveHere.failRestore(record, event);
    case 'moved':
      return moveHere.begin(record, event);
    case 'move_refused':
      return moveHere.cancelMove(record);
    case 'end_ordered':
      return ends.endByOrder(record, event);
    case 'time':
      return ends.checkDeadlines(record, facts);
    case 'left':
      return ends.endByLeaving(record);
    case 'closed':
      return ends.closeSession(record);
    case 'signal_given':
      return connection.deliverSignal(record, event, facts);
    case 'signal_received':
      return connection.receiveSignal(record, event);
    case 'signal_unsent':
      return connection.keepUnsentSignal(record, event, facts);
    case 'limit_unsent':
      return keepUnsentLimit(record, event);
    case 'answer_sent':
      return connection.recordAnswerSent(record, event);
    case 'end_sent':
      return connection.recordEndSent(record, event, facts);
    case 'pong':
      return connection.confirmEnd(record, event);
    case 'registered':
      return connection.resendAll(record, facts);
    case 'heartbeat':
      return connection.repeatRestoredState(record);
  }
}
