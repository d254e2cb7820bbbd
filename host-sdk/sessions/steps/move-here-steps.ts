import type { EventOf, HostFacts, SessionEffect } from '../session-events.js';
import { CHANGES, isArriving } from '../session-phases.js';
import {
  changePhase,
  isHeldRecord,
  type LiveRecord,
  type ReservedRecord,
  type SessionRecord,
} from '../session-record.js';
import { resume } from './move-away-steps.js';
import { createReservation, supersede } from './reservation-steps.js';
import { after, end, keep, reportState, sendCannotMove, type Step } from './step.js';

/** A session may move to this host: the application restores it. */
export function restore(
  record: SessionRecord,
  { session, checkpoint, withinMs }: EventOf<'restore'>,
  facts: HostFacts,
): Step {
  const { epoch } = session;
  const refuse = (reason: string): Step => keep(record, sendCannotMove(record, epoch, reason));
  if (epoch < record.epoch || (epoch === record.epoch && record.phase === 'ended')) {
    return refuse('The session has ended on this host, or has a newer epoch.');
  }
  if (epoch === record.epoch) return repeatAnswer(record, refuse);
  if (!facts.hasRoomForReservation) return refuse('The host has too many reservations.');
  return after(supersede(record), {
    record: createReservation(session, facts, facts.nowMs + withinMs, 'restoring'),
    effects: [{ type: 'call_on_restore', session, checkpoint }],
  });
}

/** The application has restored the session. */
export function finishRestore(record: SessionRecord, { epoch }: EventOf<'restore_done'>): Step {
  if (record.phase === 'ended' || record.epoch !== epoch) return keep(record);
  if (isHeldRecord(record)) {
    const phase = CHANGES[record.phase].restore;
    if (phase === null) return keep(record);
    // The broker sends `moved` again for each report, so one that came too early is not missed.
    const arrived = changePhase(record, phase);
    return keep(arrived, ...reportState(arrived));
  }
  if (record.phase !== 'restoring') return keep(record);
  const restored: ReservedRecord = { ...record, phase: 'restored' };
  return keep(restored, ...sendRestored(restored));
}

/** The application did not restore the session. It knows that, unless a client was admitted meanwhile. */
export function failRestore(record: SessionRecord, { epoch, reason }: EventOf<'restore_refused'>): Step {
  if (record.phase === 'ended' || record.epoch !== epoch) return keep(record);
  switch (record.phase) {
    case 'restoring':
      return refuseRestore(record, reason, false);
    case 'restoring_active':
    case 'restoring_connected':
    case 'restoring_disconnected':
      return refuseRestore(record, reason, true);
    case 'prepared':
    case 'restored':
    case 'awaiting_client':
    case 'active':
    case 'connected':
    case 'disconnected':
    case 'arrived_active':
    case 'arrived_connected':
    case 'arrived_disconnected':
    case 'checkpointing':
    case 'checkpointed':
    case 'handed_over':
    case 'handed_over_active':
    case 'handed_over_disconnected':
      return keep(record);
  }
}

/**
 * Ends a session that does not move here. While no client was admitted, `cannot_move` is sent instead of the end: an end would end the
 * session on its source host too.
 */
export function refuseRestore(record: LiveRecord, reason: string, notify: boolean): Step {
  const ended = end(record, { reason: 'move_failed', report: isHeldRecord(record), notify });
  return after([sendCannotMove(record, record.epoch, reason)], ended);
}

/** The session belongs to this host now. */
export function begin(record: SessionRecord, { epoch }: EventOf<'moved'>): Step {
  if (!isHeldRecord(record) || record.epoch !== epoch) return keep(record);
  const phase = CHANGES[record.phase].begin;
  if (phase === null) return keep(record);
  const { sessionId } = record;
  return keep(changePhase(record, phase), {
    type: 'notify',
    notice: { event: 'moved', payload: { sessionId, epoch } },
  });
}

/** The broker refused the answer of this host: the move is over. */
export function cancelMove(record: SessionRecord): Step {
  if (record.phase === 'ended') return keep(record);
  if (isHeldRecord(record)) return resume(record);
  // Once a client was admitted, the broker's answer to `session` decides.
  if (!isArriving(record.phase)) return keep(record);
  return end(record, { reason: 'move_failed', report: false, notify: true });
}

/** Answers `restore`: the session is restored. */
export function sendRestored({ sessionId, epoch }: LiveRecord): SessionEffect[] {
  const sent = { type: 'answer_sent', epoch } as const;
  return [{ type: 'send', message: { type: 'restored', sessionId, epoch }, sent }];
}

/** The order was repeated, or a client was admitted before it: then the session runs already, without the checkpoint. */
function repeatAnswer(record: SessionRecord, refuse: (reason: string) => Step): Step {
  switch (record.phase) {
    case 'restoring':
    case 'restoring_active':
    case 'restoring_connected':
    case 'restoring_disconnected':
      return keep(record);
    case 'restored':
    case 'awaiting_client':
    case 'arrived_active':
    case 'arrived_connected':
    case 'arrived_disconnected':
      return keep(record, ...sendRestored(record));
    case 'prepared':
    case 'active':
    case 'connected':
    case 'disconnected':
    case 'checkpointing':
    case 'checkpointed':
    case 'handed_over':
    case 'handed_over_active':
    case 'handed_over_disconnected':
    case 'ended':
      return refuse('The session runs on this host already.');
  }
}
