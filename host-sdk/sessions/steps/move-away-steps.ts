import type { HostCheckpoint } from '@duskline/protocol';
import type { EventOf, HostFacts, SessionEffect } from '../session-events.js';
import { CHANGES, isPaused, type HeldPhase } from '../session-phases.js';
import {
  canCheckpoint,
  changePhase,
  isHeldRecord,
  type HeldRecord,
  type SessionRecord,
} from '../session-record.js';
import { keep, reportState, sendCannotMove, type Step } from './step.js';

/** A broker orders the checkpoint of a session that may move away: the session is paused from now on. */
export function orderCheckpoint(
  record: SessionRecord,
  { epoch, withinMs, stillMs }: EventOf<'checkpoint_ordered'>,
  { nowMs }: HostFacts,
): Step {
  if (record.phase === 'ended' || record.epoch !== epoch) {
    return keep(record, sendCannotMove(record, epoch, 'This host does not have the session at this epoch.'));
  }
  if (isHeldRecord(record) && isPaused(record.phase)) {
    return refuseCheckpoint(record, 'The session is moving already.');
  }
  if (!canCheckpoint(record)) {
    return keep(record, sendCannotMove(record, epoch, 'The session cannot be moved at the moment.'));
  }
  const { claim } = record;
  const call = record.checkpointCalls + 1;
  const deadlines = { answerByMs: nowMs + withinMs, resumeAtMs: nowMs + Math.max(withinMs, stillMs) };
  return keep(
    { ...record, phase: 'checkpointing', checkpointCalls: call, ...deadlines },
    { type: 'call_on_checkpoint', claim, epoch, call },
  );
}

/** The application has created the checkpoint. */
export function receiveCheckpoint(
  record: SessionRecord,
  { epoch, call, checkpoint: fields }: EventOf<'checkpoint_done'>,
): Step {
  if (!isAwaited(record, epoch, call)) return keep(record);
  const { sessionId } = record;
  const checkpoint: HostCheckpoint = { type: 'checkpoint', sessionId, epoch, ...fields };
  const next: HeldRecord = { ...record, phase: 'checkpointed', checkpoint };
  return keep(next, ...sendCheckpoint(next));
}

/** The application created no checkpoint. */
export function failCheckpoint(
  record: SessionRecord,
  { epoch, call, reason }: EventOf<'checkpoint_refused'>,
): Step {
  return isAwaited(record, epoch, call) ? refuseCheckpoint(record, reason) : keep(record);
}

/** A broker cancelled the move. */
export function resumeByOrder(record: SessionRecord, { epoch }: EventOf<'resume_ordered'>): Step {
  return isHeldRecord(record) && record.epoch === epoch ? resume(record) : keep(record);
}

/** The session continues on this host, if it was paused. */
export function resume(record: HeldRecord): Step {
  const phase = CHANGES[record.phase].resume;
  if (phase === null) return keep(record);
  const resumed = changePhase(record, phase);
  return keep(resumed, ...reportState(resumed), ...notifyResume(record, resumed));
}

/** Answers the order with a refusal; the session continues on this host. */
export function refuseCheckpoint(record: HeldRecord, reason: string): Step {
  const resumed = resume(record);
  return { ...resumed, effects: [sendCannotMove(record, record.epoch, reason), ...resumed.effects] };
}

/** Tells the application that a session which was paused no longer is. */
export function notifyResume(before: HeldRecord, { phase, sessionId, epoch }: HeldRecord): SessionEffect[] {
  if (!isPaused(before.phase) || isPaused(phase)) return [];
  return [{ type: 'notify', notice: { event: 'resume', payload: { sessionId, epoch } } }];
}

/** Sends the checkpoint, if one waits for a connection. */
export function sendCheckpoint({ epoch, checkpoint }: HeldRecord): SessionEffect[] {
  if (checkpoint === undefined) return [];
  return [{ type: 'send', message: checkpoint, sent: { type: 'answer_sent', epoch } }];
}

/** The broker has the checkpoint. */
export function confirmCheckpoint(record: HeldRecord): HeldRecord {
  const phase: HeldPhase = 'handed_over';
  return record.phase === 'checkpointed' ? changePhase(record, phase) : record;
}

function isAwaited(record: SessionRecord, epoch: number, call: number): record is HeldRecord {
  return record.phase === 'checkpointing' && record.epoch === epoch && record.checkpointCalls === call;
}
