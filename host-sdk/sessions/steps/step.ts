import type { EndReason, HostSession } from '@duskline/protocol';
import { isArriving, PHASES } from '../session-phases.js';
import type { ClaimAnswer, SessionEffect } from '../session-events.js';
import type { EndedRecord, LiveRecord, SessionRecord } from '../session-record.js';

/** The result of an event: the session's next record, and the effects for the host. */
export interface Step {
  readonly record: SessionRecord;
  readonly effects: readonly SessionEffect[];
  /** The answer to a ticket. */
  readonly answer?: ClaimAnswer;
}

/** The event is ignored, or has only effects. */
export function keep(record: SessionRecord, ...effects: SessionEffect[]): Step {
  return { record, effects };
}

/** The same step with effects before those that it has. */
export function after(effects: readonly SessionEffect[], step: Step): Step {
  return { ...step, effects: [...effects, ...step.effects] };
}

interface End {
  readonly reason: EndReason;
  /** Whether to report the end to the broker, because it does not know of it. */
  readonly report: boolean;
  /** Whether to notify the application, because it did not end the session itself. */
  readonly notify: boolean;
}

/** Ends a session. Its record keeps the epoch, so that no ticket or message can bring it back. */
export function end({ sessionId, epoch }: LiveRecord, { reason, report, notify }: End): Step {
  const unconfirmedEnd = report ? { reason, sentAfterPing: undefined } : undefined;
  const record: EndedRecord = { phase: 'ended', sessionId, epoch, unconfirmedEnd };
  return {
    record,
    effects: [
      ...sendEnd(record),
      ...(notify ? [notifyEnd(sessionId, epoch, reason)] : []),
      { type: 'retry_waiting' },
    ],
  };
}

/** Reports an end that is not confirmed. */
export function sendEnd({ sessionId, epoch, unconfirmedEnd }: EndedRecord): SessionEffect[] {
  if (unconfirmedEnd === undefined) return [];
  const { reason } = unconfirmedEnd;
  return [
    {
      type: 'send',
      message: { type: 'session', state: 'ended', sessionId, epoch, reason },
      sent: { type: 'end_sent', epoch },
    },
  ];
}

/** Notifies the application that a session has ended. */
export function notifyEnd(sessionId: string, epoch: number, reason: EndReason): SessionEffect {
  return { type: 'notify', notice: { event: 'end', payload: { sessionId, epoch, reason } } };
}

/** Reports the state of the session. States are not repeated: the next heartbeat lists them. */
export function reportState({ sessionId, epoch, phase }: LiveRecord): SessionEffect[] {
  const { state } = PHASES[phase];
  switch (state) {
    case 'active':
    case 'connected':
    case 'disconnected': {
      const restored: Pick<HostSession, 'restored'> = isArriving(phase) ? { restored: true } : {};
      return [{ type: 'send', message: { type: 'session', sessionId, epoch, state, ...restored } }];
    }
    case 'prepared':
    case 'moving':
      return [];
  }
}

/** Declines a move. */
export function sendCannotMove(
  { sessionId }: Pick<SessionRecord, 'sessionId'>,
  epoch: number,
  reason: string,
): SessionEffect {
  return { type: 'send', message: { type: 'cannot_move', sessionId, epoch, reason } };
}
