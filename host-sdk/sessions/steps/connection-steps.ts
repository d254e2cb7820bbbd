import type { EventOf, HostFacts, SessionEffect } from '../session-events.js';
import { isArriving } from '../session-phases.js';
import { isHeldRecord, type LiveRecord, type SessionRecord, type UnsentSignal } from '../session-record.js';
import { resendLimits } from './limit-steps.js';
import { confirmCheckpoint, sendCheckpoint } from './move-away-steps.js';
import { sendRestored } from './move-here-steps.js';
import { keep, reportState, sendEnd, type Step } from './step.js';

/** Signals of one session that wait for a connection. */
const MAX_SIGNALS_PER_SESSION = 64;

/** A broker registered the host: it gets what could not be sent, and ends that may not have arrived over the last connection. */
export function resendAll(record: SessionRecord, facts: HostFacts): Step {
  if (record.phase === 'ended') {
    const { unconfirmedEnd } = record;
    if (unconfirmedEnd === undefined) return keep(record);
    const unsent = { ...record, unconfirmedEnd: { ...unconfirmedEnd, sentAfterPing: undefined } };
    return keep(unsent, ...sendEnd(unsent));
  }
  const signals = record.signals.flatMap((signal) => sendSignal(record, signal));
  const flushed = record.signals.length === 0 ? record : { ...record, signals: [] };
  if (!isHeldRecord(flushed)) {
    return keep(flushed, ...(flushed.phase === 'restored' ? sendRestored(flushed) : []), ...signals);
  }
  const limits = resendLimits(flushed, facts);
  return keep(limits.record, ...limits.effects, ...sendCheckpoint(flushed), ...signals);
}

/** Makes the broker repeat `moved`, which may have been lost with a connection or a broker. */
export function repeatRestoredState(record: SessionRecord): Step {
  return isArriving(record.phase) && isHeldRecord(record)
    ? keep(record, ...reportState(record))
    : keep(record);
}

/** The broker has answered a ping that was sent after the end, so it has received the end. */
export function confirmEnd(record: SessionRecord, { ping }: EventOf<'pong'>): Step {
  if (record.phase !== 'ended') return keep(record);
  const sentAfterPing = record.unconfirmedEnd?.sentAfterPing;
  const isConfirmed = sentAfterPing !== undefined && ping > sentAfterPing;
  return keep(isConfirmed ? { ...record, unconfirmedEnd: undefined } : record);
}

/** The end was sent. The answer to the next ping will confirm it. */
export function recordEndSent(
  record: SessionRecord,
  { epoch }: EventOf<'end_sent'>,
  { pingsSent }: HostFacts,
): Step {
  if (record.phase !== 'ended' || record.epoch !== epoch || record.unconfirmedEnd === undefined) {
    return keep(record);
  }
  return keep({ ...record, unconfirmedEnd: { ...record.unconfirmedEnd, sentAfterPing: pingsSent } });
}

/** The broker was sent the answer to `restore` or `checkpoint`. */
export function recordAnswerSent(record: SessionRecord, { epoch }: EventOf<'answer_sent'>): Step {
  if (record.phase === 'ended' || record.epoch !== epoch) return keep(record);
  if (isHeldRecord(record)) return keep(confirmCheckpoint(record));
  if (record.phase !== 'restored') return keep(record);
  return keep({ ...record, phase: 'awaiting_client', answerByMs: Infinity });
}

/** The application gives a signal for the client. It is refused if too many wait: an exchange is useless without its beginning. */
export function deliverSignal(
  record: SessionRecord,
  { claim, data }: EventOf<'signal_given'>,
  facts: HostFacts,
): Step {
  if (record.phase === 'ended') return keep(record);
  if (claim !== undefined && !(isHeldRecord(record) && record.claim === claim)) return keep(record);
  const signal = { order: facts.nextSignalOrder, data };
  return facts.isRegistered ? keep(record, ...sendSignal(record, signal)) : addSignal(record, signal, facts);
}

/** A signal could not be sent: it waits for a connection, if there is room. */
export function keepUnsentSignal(
  record: SessionRecord,
  { epoch, signal }: EventOf<'signal_unsent'>,
  facts: HostFacts,
): Step {
  if (record.phase === 'ended' || record.epoch !== epoch) return keep(record);
  return addSignal(record, signal, facts);
}

/** A later assignment of the session does not know what was signalled before. */
export function receiveSignal(record: SessionRecord, { epoch, data }: EventOf<'signal_received'>): Step {
  if (record.phase === 'ended' || record.epoch !== epoch) return keep(record);
  const { sessionId } = record;
  return keep(record, {
    type: 'notify',
    notice: { event: 'signal', payload: { sessionId, epoch, data } },
  });
}

function addSignal(record: LiveRecord, signal: UnsentSignal, { hasRoomForSignal }: HostFacts): Step {
  if (!hasRoomForSignal || record.signals.length >= MAX_SIGNALS_PER_SESSION) return keep(record);
  return keep({ ...record, signals: [...record.signals, signal] });
}

function sendSignal({ sessionId, epoch }: LiveRecord, signal: UnsentSignal): SessionEffect[] {
  const { data } = signal;
  return [
    {
      type: 'send',
      message: { type: 'signal', sessionId, epoch, data },
      unsent: { type: 'signal_unsent', epoch, signal },
    },
  ];
}
