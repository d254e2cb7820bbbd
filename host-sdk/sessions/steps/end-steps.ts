import type { EventOf, HostFacts } from '../session-events.js';
import { isArriving, isPaused } from '../session-phases.js';
import { isHeldRecord, type EndedRecord, type LiveRecord, type SessionRecord } from '../session-record.js';
import { enforceLimits } from './limit-steps.js';
import { refuseCheckpoint, resume } from './move-away-steps.js';
import { refuseRestore } from './move-here-steps.js';
import { after, end, keep, type Step } from './step.js';

/** A broker ends the session, at this epoch and lower ones. A newer assignment is left alone. */
export function endByOrder(record: SessionRecord, { epoch, reason }: EventOf<'end_ordered'>): Step {
  if (epoch < record.epoch) return keep(record);
  const { sessionId } = record;
  const ended: EndedRecord = { phase: 'ended', sessionId, epoch, unconfirmedEnd: undefined };
  // The broker knows of this end, so it needs no report of an earlier one. A client that waits for a slot is now refused.
  if (record.phase === 'ended') return keep(ended, { type: 'retry_waiting' });
  return { ...end(record, { reason, report: false, notify: true }), record: ended };
}

/** A deadline may have passed: of an answer to the broker, of a pause, of the reservation, or of a limit. */
export function checkDeadlines(record: SessionRecord, facts: HostFacts): Step {
  if (record.phase === 'ended') return keep(record);
  const step = checkMove(record, facts.nowMs);
  if (!isHeldRecord(step.record)) return step;
  return after(step.effects, enforceLimits(step.record, facts));
}

/** The host leaves: `leave` tells the broker that all sessions end. */
export function endByLeaving(record: SessionRecord): Step {
  if (record.phase === 'ended') return keep(record);
  return end(record, { reason: 'host_ended', report: false, notify: true });
}

/** The host closes: its sessions stay with the application. No client can be admitted any more, so reservations are over. */
export function closeSession(record: SessionRecord): Step {
  if (record.phase === 'ended') return keep(record);
  if (isHeldRecord(record)) return resume(record);
  return end(record, { reason: 'host_ended', report: false, notify: false });
}

function checkMove(record: LiveRecord, nowMs: number): Step {
  if (!isHeldRecord(record)) {
    if (nowMs >= record.answerByMs) return refuseRestore(record, 'onRestore took too long.', true);
    if (nowMs < record.claimByMs) return keep(record);
    return end(record, { reason: 'reservation_expired', report: false, notify: true });
  }
  if (nowMs >= record.answerByMs) {
    if (isArriving(record.phase)) return refuseRestore(record, 'onRestore took too long.', true);
    return refuseCheckpoint(record, 'onCheckpoint took too long.');
  }
  return isPaused(record.phase) && nowMs >= record.resumeAtMs ? resume(record) : keep(record);
}
