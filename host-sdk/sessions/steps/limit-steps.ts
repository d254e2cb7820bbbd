import type { HostFacts, SessionEffect, EventOf } from '../session-events.js';
import {
  checkLimits,
  recordUnsentNotice,
  collectUnsentNotices,
  type LimitNotice,
} from '../../limits/limit-tracker.js';
import { isHeldRecord, type HeldRecord, type SessionRecord } from '../session-record.js';
import { end, keep, type Step } from './step.js';

/** Warns of limits that are near, and ends the session at the first one that is reached. */
export function enforceLimits(record: SessionRecord, { nowMs }: HostFacts): Step {
  if (!isHeldRecord(record) || record.tracker === undefined) return keep(record);
  const { tracker, notices, reached } = checkLimits(record.tracker, nowMs);
  if (reached !== undefined) return end(record, { reason: reached, report: true, notify: true });
  return notices.length === 0 ? keep(record) : keep({ ...record, tracker }, ...notifyLimits(record, notices));
}

/** Tells the broker and the application of limits. */
export function notifyLimits(record: HeldRecord, notices: readonly LimitNotice[]): SessionEffect[] {
  const { sessionId, epoch } = record;
  return notices.flatMap((notice): SessionEffect[] => [
    ...sendLimits(record, [notice]),
    { type: 'notify', notice: { event: 'limit', payload: { sessionId, epoch, ...notice } } },
  ]);
}

/** A notice could not be sent: it waits for a connection. */
export function keepUnsentLimit(record: SessionRecord, { epoch, kind }: EventOf<'limit_unsent'>): Step {
  if (!isHeldRecord(record) || record.epoch !== epoch || record.tracker === undefined) return keep(record);
  return keep({ ...record, tracker: recordUnsentNotice(record.tracker, kind) });
}

/** Sends the notices that could not be sent, with their current values. */
export function resendLimits(record: HeldRecord, { nowMs }: HostFacts): Step {
  if (record.tracker === undefined) return keep(record);
  const { tracker, notices } = collectUnsentNotices(record.tracker, nowMs);
  return notices.length === 0 ? keep(record) : keep({ ...record, tracker }, ...sendLimits(record, notices));
}

function sendLimits({ sessionId, epoch }: HeldRecord, notices: readonly LimitNotice[]): SessionEffect[] {
  return notices.map((notice) => ({
    type: 'send',
    message: { type: 'limit', sessionId, epoch, ...notice },
    unsent: { type: 'limit_unsent', epoch, kind: notice.kind },
  }));
}
