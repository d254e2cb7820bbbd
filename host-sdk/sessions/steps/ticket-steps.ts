import { startLimits } from '../../limits/limit-tracker.js';
import { CHANGES, type HeldPhase } from '../session-phases.js';
import type { ClaimFault, EventOf, HostFacts } from '../session-events.js';
import {
  changePhase,
  isHeldRecord,
  type Claim,
  type HeldRecord,
  type SessionRecord,
} from '../session-record.js';
import { loseStream } from './stream-steps.js';
import { supersede } from './reservation-steps.js';
import { reportState, type Step } from './step.js';

/**
 * A client shows a valid ticket. The first ticket of an assignment is admitted, also before `prepare`, because a broker signed it. The
 * same ticket is admitted again while its stream is lost. A newer ticket is always admitted: a broker gave the session to another
 * device, or to the same one again. An older ticket is always refused.
 */
export function showTicket(record: SessionRecord, ticket: EventOf<'ticket'>, facts: HostFacts): Step {
  if (ticket.epoch < record.epoch) return refuse(record, 'stale_epoch');
  if (ticket.epoch > record.epoch) return admitBeforePrepare(record, ticket, facts);
  if (record.phase === 'ended') return refuse(record, 'session_over');
  if (isHeldRecord(record)) return readmit(record, ticket);

  if (facts.nowMs >= record.claimByMs) return refuse(record, 'session_over');
  const phase = CHANGES[record.phase].admit;
  if (!facts.hasFreeSlot || phase === null) return refuse(record, 'no_free_slot');
  const { sessionId, epoch, title, playerId, stream, limits, movable, signals, answerByMs } = record;
  const assignment = { sessionId, epoch, title, playerId, stream, limits, movable, signals };
  const held = { ...createHeld(phase, ticket, facts.nowMs), ...assignment, answerByMs };
  return admit(changePhase(held, phase), false);
}

function admitBeforePrepare(record: SessionRecord, ticket: EventOf<'ticket'>, facts: HostFacts): Step {
  // If an older assignment of the session has a slot, this one gets it.
  if (!facts.hasFreeSlot && !isHeldRecord(record)) return refuse(record, 'no_free_slot');
  const { sessionId } = record;
  const { epoch, title, playerId } = ticket;
  const unknown = { stream: undefined, limits: undefined };
  const assignment = {
    sessionId,
    epoch,
    title,
    playerId,
    ...unknown,
    movable: facts.movability.byDefault,
    signals: [],
  };
  const admitted = admit({ ...createHeld('active', ticket, facts.nowMs), ...assignment }, false);
  return { ...admitted, effects: [...admitted.effects, ...supersede(record)] };
}

function readmit(record: HeldRecord, { number }: EventOf<'ticket'>): Step {
  if (number < record.claim.number) return refuse(record, 'already_claimed');
  const phase = CHANGES[record.phase].admit;
  const isNewer = number > record.claim.number;
  if (phase !== null) {
    const claim = isNewer ? { number } : record.claim;
    return admit({ ...changePhase(record, phase), claim }, true);
  }
  if (!isNewer) return refuse(record, 'already_claimed');
  return replaceClient(record, { number });
}

/** For the broker, the stream of the former client is lost, and the new client is admitted. */
function replaceClient(record: HeldRecord, claim: Claim): Step {
  const lost = loseStream(record);
  const phase = isHeldRecord(lost.record) ? CHANGES[lost.record.phase].admit : null;
  if (!isHeldRecord(lost.record) || phase === null) return refuse(record, 'already_claimed');
  const admitted = admit({ ...changePhase(lost.record, phase), claim }, true);
  const replace = { type: 'replace_stream', former: record.claim, claim } as const;
  return { ...admitted, effects: [...lost.effects, ...admitted.effects, replace] };
}

function admit(record: HeldRecord, readmitted: boolean): Step {
  const { claim, tracker, limits, admittedAtMs } = record;
  const started = tracker ?? (limits === undefined ? undefined : startLimits(limits, admittedAtMs));
  return {
    record: { ...record, tracker: started },
    effects: reportState(record),
    answer: { ok: true, claim, readmitted },
  };
}

function refuse(record: SessionRecord, fault: ClaimFault): Step {
  return { record, effects: [], answer: { ok: false, fault } };
}

/** What a session has from its first admission on. */
function createHeld(
  phase: HeldPhase,
  { number }: EventOf<'ticket'>,
  nowMs: number,
): Pick<
  HeldRecord,
  | 'phase'
  | 'claim'
  | 'admittedAtMs'
  | 'tracker'
  | 'answerByMs'
  | 'resumeAtMs'
  | 'checkpoint'
  | 'checkpointCalls'
> {
  return {
    phase,
    claim: { number },
    admittedAtMs: nowMs,
    tracker: undefined,
    answerByMs: Infinity,
    resumeAtMs: Infinity,
    checkpoint: undefined,
    checkpointCalls: 0,
  };
}
