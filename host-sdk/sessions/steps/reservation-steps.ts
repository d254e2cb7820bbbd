import type { EventOf, HostFacts } from '../session-events.js';
import { isArriving } from '../session-phases.js';
import { startLimits } from '../../limits/limit-tracker.js';
import {
  isHeldRecord,
  type LiveRecord,
  type PreparedSession,
  type ReservedRecord,
  type SessionRecord,
} from '../session-record.js';
import { after, end, keep, notifyEnd, sendEnd, type Step } from './step.js';

/** A broker reserves a slot, or repeats that it has. */
export function prepare(record: SessionRecord, { session }: EventOf<'prepare'>, facts: HostFacts): Step {
  if (session.epoch < record.epoch) return keep(record);
  if (session.epoch === record.epoch) {
    return record.phase === 'ended' ? keep(record) : keep(learn(record, session, facts.nowMs));
  }
  const replacesReservation = record.phase !== 'ended' && !isHeldRecord(record);
  if (!facts.hasRoomForReservation && !replacesReservation) return refuseReservation(record, session.epoch);
  const reserved = createReservation(session, facts, Infinity, 'prepared');
  return after(supersede(record), {
    record: reserved,
    effects: [
      { type: 'notify', notice: { event: 'prepare', payload: session } },
      { type: 'call_on_prepare', session },
    ],
  });
}

/** `onPrepare` accepted the session: the host is ready for its client. */
export function acceptPrepared(record: SessionRecord, { epoch }: EventOf<'prepare_accepted'>): Step {
  if (record.phase !== 'prepared' || record.epoch !== epoch) return keep(record);
  return keep({ ...record, isAccepted: true });
}

/** `onPrepare` refused the session. The application knows that, unless a client was admitted meanwhile. */
export function refusePrepared(record: SessionRecord, { epoch }: EventOf<'prepare_refused'>): Step {
  if (record.phase === 'ended' || record.epoch !== epoch || isArriving(record.phase)) return keep(record);
  return end(record, { reason: 'error', report: true, notify: isHeldRecord(record) });
}

/**
 * Ends a reservation whose ticket expired before it. Tickets are valid for longer than reservations, so the clocks of broker and host
 * differ too much. Another host may accept the client.
 */
export function refuseExpired(
  record: SessionRecord,
  { epoch }: EventOf<'ticket_expired'>,
  { nowMs }: HostFacts,
): Step {
  if (record.phase === 'ended' || isHeldRecord(record) || record.epoch !== epoch) return keep(record);
  if (nowMs >= record.claimByMs) return keep(record);
  return end(record, { reason: 'error', report: true, notify: true });
}

/** Refuses a session for which the host has no slot, also when `prepare` has not arrived. */
export function refuseWithoutSlot(record: SessionRecord, { epoch }: EventOf<'slot_wait_over'>): Step {
  if (epoch < record.epoch || isHeldRecord(record)) return keep(record);
  if (epoch > record.epoch) return refuseReservation(record, epoch);
  if (record.phase === 'ended') return keep(record);
  return end(record, { reason: 'error', report: true, notify: true });
}

/** Notifies the application of the end of the older assignment, which no other event reports. */
export function supersede(record: SessionRecord): ReturnType<typeof notifyEnd>[] {
  if (record.phase === 'ended') return [];
  return [notifyEnd(record.sessionId, record.epoch, 'superseded'), { type: 'retry_waiting' }];
}

/**
 * The record of a new reservation.
 *
 * @param answerByMs deadline of the answer to `restore`; `Infinity` for `prepare`
 */
export function createReservation(
  session: PreparedSession,
  { nowMs, movability }: HostFacts,
  answerByMs: number,
  phase: 'prepared' | 'restoring',
): ReservedRecord {
  const { sessionId, epoch, title, playerId, stream, limits, claimWithinMs } = session;
  const assignment = { sessionId, epoch, title, playerId, stream, limits };
  const claimByMs = nowMs + claimWithinMs;
  const reserved = { phase, isAccepted: false, movable: movability.byDefault, signals: [] };
  return { ...assignment, ...reserved, claimByMs, answerByMs };
}

/** Refuses a session at an epoch that the host has not had. */
function refuseReservation(record: SessionRecord, epoch: number): Step {
  const { sessionId } = record;
  const unconfirmedEnd = { reason: 'error', sentAfterPing: undefined } as const;
  const refused = { phase: 'ended', sessionId, epoch, unconfirmedEnd } as const;
  return after(supersede(record), keep(refused, ...sendEnd(refused)));
}

/** The ticket arrived before `prepare`, or a broker repeats `prepare` because it may not have arrived. */
function learn(record: LiveRecord, session: PreparedSession, nowMs: number): LiveRecord {
  const stream = record.stream ?? session.stream;
  const limits = record.limits ?? session.limits;
  if (!isHeldRecord(record)) {
    // The broker decides how long it holds the slot. Here a reservation that lasts too long uses no slot, and `end` follows.
    const claimByMs = Math.max(record.claimByMs, nowMs + session.claimWithinMs);
    return { ...record, stream, limits, claimByMs };
  }
  if (record.stream !== undefined && record.limits === limits) return record;
  // The limits count from the admission of the client, also if they arrive later.
  const tracker =
    record.tracker ?? (limits === undefined ? undefined : startLimits(limits, record.admittedAtMs));
  return { ...record, stream, limits, tracker };
}
