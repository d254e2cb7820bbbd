import { CHANGES } from '../session-phases.js';
import type { EventOf, HostFacts, SessionEffect } from '../session-events.js';
import { recordActivity } from '../../limits/limit-tracker.js';
import {
  changePhase,
  isHeldRecord,
  type Claim,
  type HeldRecord,
  type SessionRecord,
} from '../session-record.js';
import { notifyLimits } from './limit-steps.js';
import { notifyResume } from './move-away-steps.js';
import { end, keep, reportState, sendCannotMove, type Step } from './step.js';

/** The client of the claim receives the stream. */
export function connectStream(record: SessionRecord, { claim }: EventOf<'stream_connected'>): Step {
  if (!isClaimed(record, claim)) return keep(record);
  const phase = CHANGES[record.phase].connect;
  if (phase === null) return keep(record);
  const connected = changePhase(record, phase);
  // If the client returns to a paused session, the session does not move.
  return keep(connected, ...reportState(connected), ...notifyResume(record, connected));
}

/** The client of the claim lost its stream. */
export function disconnectStream(record: SessionRecord, { claim }: EventOf<'stream_lost'>): Step {
  return isClaimed(record, claim) ? loseStream(record) : keep(record);
}

/** The client lost its stream, or another one replaces it. */
export function loseStream(record: HeldRecord): Step {
  const phase = CHANGES[record.phase].lose;
  if (phase === null) return keep(record);
  const lost = changePhase(record, phase);
  const resumed = notifyResume(record, lost);
  const refused: SessionEffect[] =
    resumed.length === 0
      ? []
      : [sendCannotMove(record, record.epoch, 'The client lost its connection meanwhile.')];
  return keep(lost, ...reportState(lost), ...refused, ...resumed);
}

/** The application ends the session. */
export function endByApplication(
  record: SessionRecord,
  { claim, reason }: EventOf<'application_ended'>,
): Step {
  if (!isClaimed(record, claim)) return keep(record);
  return end(record, { reason, report: true, notify: false });
}

/** The player was active. */
export function recordInput(
  record: SessionRecord,
  { claim }: EventOf<'player_input'>,
  { nowMs }: HostFacts,
): Step {
  if (!isClaimed(record, claim) || record.tracker === undefined) return keep(record);
  const { tracker, notices } = recordActivity(record.tracker, nowMs);
  return keep({ ...record, tracker }, ...notifyLimits(record, notices));
}

/** The application sets whether the session may move to another host. */
export function setMovable(
  record: SessionRecord,
  { claim, movable }: EventOf<'movable_set'>,
  { movability }: HostFacts,
): Step {
  const next = movable && movability.isPossible;
  return keep(isClaimed(record, claim) && record.movable !== next ? { ...record, movable: next } : record);
}

/** Whether the client of the claim has the session. Another one may have replaced it. */
function isClaimed(record: SessionRecord, claim: Claim): record is HeldRecord {
  return isHeldRecord(record) && record.claim === claim;
}
