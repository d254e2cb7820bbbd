import { startLimits } from '@duskline/host/internal/limits/limit-tracker';
import type { HostFacts, SessionEvent } from '@duskline/host/internal/sessions/session-events';
import { PHASES, isHeldPhase, isPaused, type Phase } from '@duskline/host/internal/sessions/session-phases';
import type { Claim, SessionRecord } from '@duskline/host/internal/sessions/session-record';
import { prepared } from './recorded-sessions.js';

/** The epoch of the sample records. Events have this one, a lower and a higher one. */
const EPOCH = 3;
const EPOCHS = [EPOCH - 1, EPOCH, EPOCH + 1];

/** The number of the ticket that was shown. */
const TICKET_NUMBER = 5;

/** Deadlines of the sample records, in the order in which they pass. */
const DEADLINES = { answer: 500, resume: 800, claim: 1_000, limit: 5_000 };
const TIMES = [0, ...Object.values(DEADLINES)];

const CHECKPOINT = { reference: 's3://saves/1' };

/** A session in this phase. */
export function sampleRecord(phase: Phase): SessionRecord {
  const { sessionId, title, playerId, stream } = prepared(1);
  if (phase === 'ended') {
    return { phase, sessionId, epoch: EPOCH, unconfirmedEnd: { reason: 'idle', sentAfterPing: 1 } };
  }
  const limits = { maxLengthMs: DEADLINES.limit, warnBeforeMs: [] };
  const answerByMs = PHASES[phase].answerDue ? DEADLINES.answer : Infinity;
  const signals = [{ order: 1, data: 'hello' }];
  const assignment = {
    sessionId,
    epoch: EPOCH,
    title,
    playerId,
    stream,
    limits,
    answerByMs,
    signals,
    movable: true,
  };
  if (!isHeldPhase(phase)) return { ...assignment, phase, isAccepted: false, claimByMs: DEADLINES.claim };
  return {
    ...assignment,
    phase,
    claim: { number: TICKET_NUMBER },
    admittedAtMs: 0,
    tracker: startLimits(limits, 0),
    resumeAtMs: isPaused(phase) ? DEADLINES.resume : Infinity,
    checkpoint:
      phase === 'checkpointed' ? { type: 'checkpoint', sessionId, epoch: EPOCH, ...CHECKPOINT } : undefined,
    checkpointCalls: 1,
  };
}

/** Facts about the host that can decide what follows from an event. */
export function sampleFacts(): HostFacts[] {
  const facts: HostFacts[] = [];
  for (const nowMs of TIMES)
    for (const isRoomy of [true, false])
      for (const isRegistered of [true, false])
        facts.push({
          nowMs,
          isRegistered,
          pingsSent: 2,
          hasFreeSlot: isRoomy,
          hasRoomForReservation: isRoomy,
          hasRoomForSignal: isRoomy,
          nextSignalOrder: 2,
          movability: { isPossible: true, byDefault: true },
        });
  return facts;
}

/** Events of every type, in every variation that can matter for the record. */
export function sampleEvents(record: SessionRecord): SessionEvent[] {
  const claim: Claim = 'claim' in record ? record.claim : { number: TICKET_NUMBER };
  return [
    ...EPOCHS.flatMap((epoch) => eventsOf(epoch)),
    ...[claim, { number: TICKET_NUMBER - 1 }].flatMap((by) => applicationEventsOf(by)),
    { type: 'signal_given', data: 'hello' },
    { type: 'move_refused' },
    { type: 'registered' },
    { type: 'heartbeat' },
    { type: 'pong', ping: 1 },
    { type: 'pong', ping: 2 },
    { type: 'time' },
    { type: 'left' },
    { type: 'closed' },
  ];
}

function eventsOf(epoch: number): SessionEvent[] {
  const session = prepared(1, epoch, DEADLINES.claim);
  const ticket = { type: 'ticket', epoch, title: 'meadow', playerId: 'player-1' } as const;
  return [
    { type: 'prepare', session },
    { type: 'restore', session, checkpoint: CHECKPOINT, withinMs: DEADLINES.answer },
    { type: 'end_ordered', epoch, reason: 'operator' },
    { type: 'checkpoint_ordered', epoch, withinMs: DEADLINES.answer, stillMs: DEADLINES.resume },
    { type: 'resume_ordered', epoch },
    { type: 'moved', epoch },
    { type: 'signal_received', epoch, data: 'hello' },
    ...[-1, 0, 1].map((newer) => ({ ...ticket, number: TICKET_NUMBER + newer })),
    { type: 'ticket_expired', epoch },
    { type: 'slot_wait_over', epoch },
    { type: 'prepare_accepted', epoch },
    { type: 'prepare_refused', epoch },
    { type: 'restore_done', epoch },
    { type: 'restore_refused', epoch, reason: 'no' },
    ...[0, 1].flatMap((call): SessionEvent[] => [
      { type: 'checkpoint_done', epoch, call, checkpoint: CHECKPOINT },
      { type: 'checkpoint_refused', epoch, call, reason: 'no' },
    ]),
    { type: 'end_sent', epoch },
    { type: 'answer_sent', epoch },
    { type: 'signal_unsent', epoch, signal: { order: 1, data: 'hello' } },
    { type: 'limit_unsent', epoch, kind: 'max_length' },
  ];
}

function applicationEventsOf(claim: Claim): SessionEvent[] {
  return [
    { type: 'stream_connected', claim },
    { type: 'stream_lost', claim },
    { type: 'application_ended', claim, reason: 'client_left' },
    { type: 'player_input', claim },
    { type: 'movable_set', claim, movable: false },
    { type: 'signal_given', claim, data: 'hello' },
  ];
}
