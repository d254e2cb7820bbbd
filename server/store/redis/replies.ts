import { END_REASONS, type EndReason } from '@duskline/protocol/vocabulary';
import type {
  AcceptOfferOutcome,
  HeartbeatOutcome,
  StateChangeOutcome,
  RecordRequestOutcome,
  RequestRecord,
  EnqueueOutcome,
  PlacementStatus,
  QueueStatus,
  Reconciliation,
  EndSessionOutcome,
  ReserveOutcome,
  ReserveResult,
  SilentHostsReport,
} from '../fleet-store.js';
import { HOST_STATES, type HostState } from '../../domain/host-state.js';
import { StoredFormatError, decodeEnded, decodeSession, inGroups, oneOf, texts } from './records.js';

const HEARTBEAT_OUTCOMES: readonly HeartbeatOutcome[] = ['ok', 'differs', 'replaced', 'unknown'];

export function decodeHeartbeats(reply: unknown): HeartbeatOutcome[] {
  return texts(reply).map((outcome) => oneOf(HEARTBEAT_OUTCOMES, outcome));
}

export function decodeReconciliation(reply: unknown): Reconciliation {
  if (!Array.isArray(reply)) throw new StoredFormatError('expected a list');
  const [outcome, ended, rejected, adopted, arriving] = reply as unknown[];
  const kind = oneOf<Reconciliation['outcome']>(['ok', 'replaced', 'unknown'], String(outcome));
  if (kind !== 'ok') return { outcome: kind, ended: [], rejected: [], adopted: [], arriving: [] };
  return {
    outcome: kind,
    ended: decodeEnded(ended),
    rejected: inGroups(texts(rejected), 3).map(([sessionId = '', epoch, reason]) => ({
      sessionId,
      epoch: Number(epoch),
      reason: endReason(reason),
    })),
    adopted: texts(adopted),
    arriving: texts(arriving),
  };
}

/** @param sessionIds of the reservations, in the order of the call */
export function decodeReserve(sessionIds: readonly string[], reply: unknown): ReserveResult {
  const fields = texts(reply);
  const outcomes = sessionIds.map((sessionId, i): ReserveOutcome => {
    const field = fields[i] ?? '';
    const detail = field.slice(1);
    switch (field.charAt(0)) {
      case '+': {
        const bar = detail.indexOf('|');
        return { kind: 'reserved', hostId: detail.slice(0, bar), hostConnectionId: detail.slice(bar + 1) };
      }
      case '=':
        return { kind: 'existing', session: decodeSession(sessionId, detail) };
      case '!':
        return { kind: 'over', reason: endReason(detail) };
      case '-':
        return { kind: 'full' };
      case '/':
        return { kind: 'closed' };
      default:
        throw new StoredFormatError(`unexpected "${field}"`);
    }
  });
  const [sessions, slots] = fields.slice(-2).map(Number);
  return { outcomes, utilisation: { sessions: sessions ?? 0, slots: slots ?? 0 } };
}

export function decodeStateChanges(sessionIds: readonly string[], reply: unknown): StateChangeOutcome[] {
  const fields = texts(reply);
  return sessionIds.map((sessionId, i): StateChangeOutcome => {
    const kind = fields[i * 2];
    const detail = fields[i * 2 + 1] ?? '';
    switch (kind) {
      case 'changed':
        return { kind, session: decodeSession(sessionId, detail) };
      case 'over':
        return { kind, reason: endReason(detail) };
      case 'stale':
      case 'unknown':
      case 'bad_transition':
        return { kind };
      default:
        throw new StoredFormatError(`unexpected "${String(kind)}"`);
    }
  });
}

export function decodeEndSessions(sessionIds: readonly string[], reply: unknown): EndSessionOutcome[] {
  const fields = texts(reply);
  return sessionIds.map((sessionId, i): EndSessionOutcome => {
    const kind = fields[i * 2] ?? '';
    const detail = fields[i * 2 + 1] ?? '';
    if (kind.startsWith('+')) {
      const session = decodeSession(sessionId, detail);
      return { kind: 'ended', session, hostConnectionId: kind === '+' ? null : kind.slice(1) };
    }
    switch (kind) {
      case 'over':
        return { kind, reason: endReason(detail) };
      case 'stale':
      case 'unknown':
        return { kind };
      default:
        throw new StoredFormatError(`unexpected "${kind}"`);
    }
  });
}

/** @param sessionIds of the placements, in the order of the call */
export function decodeEnqueue(sessionIds: readonly string[], reply: unknown): EnqueueOutcome[] {
  const fields = texts(reply);
  return sessionIds.map((sessionId, i): EnqueueOutcome => {
    const field = fields[i] ?? '';
    const detail = field.slice(1);
    switch (field.charAt(0)) {
      case '~':
        return { kind: 'waiting', arrivedAtMs: Number(detail) };
      case '=':
        return { kind: 'existing', session: decodeSession(sessionId, detail) };
      case '!':
        return { kind: 'over', reason: endReason(detail) };
      case '#':
        return { kind: 'queue_full' };
      case '/':
        return { kind: 'closed' };
      default:
        throw new StoredFormatError(`unexpected "${field}"`);
    }
  });
}

/** @param sessionIds of the placements, in the order of the call */
export function decodeQueueStatus(sessionIds: readonly string[], reply: unknown): QueueStatus {
  const fields = texts(reply);
  const placements = sessionIds.map((sessionId, i): PlacementStatus => {
    const field = fields[i] ?? '';
    const detail = field.slice(1);
    switch (field.charAt(0)) {
      case '~': {
        const [ahead, arrivedAt, missed, clientBrokerId = '', title = ''] = detail.split('|');
        const arrivedAtMs = Number(arrivedAt);
        return {
          kind: 'waiting',
          ahead: Number(ahead),
          arrivedAtMs,
          clientBrokerId,
          title,
          missed: missed === '1',
        };
      }
      case '=':
        return { kind: 'session', session: decodeSession(sessionId, detail) };
      case '?':
        return { kind: 'unknown' };
      default:
        throw new StoredFormatError(`unexpected "${field}"`);
    }
  });
  const [length, rate] = fields.slice(-2);
  return { placements, length: Number(length), freedPerMs: rate === '' ? null : Number(rate) };
}

export function decodeAcceptOffer(sessionId: string, reply: unknown): AcceptOfferOutcome {
  if (reply === null) return { kind: 'gone' };
  const [record = '', hostConnectionId = ''] = texts(reply);
  return { kind: 'accepted', session: decodeSession(sessionId, record), hostConnectionId };
}

export function decodeRecordRequest(text: string): RecordRequestOutcome {
  if (text === 'new') return { kind: 'new' };
  const fields = text.split('|');
  if (fields[0] !== 'new') return { kind: 'repeat', record: decodeRequestRecord(fields) };
  const [, requestId = '', ...previous] = fields;
  return { kind: 'new', previous: { requestId, ...decodeRequestRecord(previous) } };
}

function decodeRequestRecord(fields: readonly string[]): RequestRecord {
  const [sessionId, epoch, region, pool, ageMs] = fields;
  if (sessionId === undefined || region === undefined || pool === undefined) {
    throw new StoredFormatError('claim is not readable');
  }
  return { sessionId, epoch: Number(epoch), place: { region, pool }, ageMs: Number(ageMs) };
}

export function decodeSilentHosts(reply: unknown): SilentHostsReport {
  const fields = texts(reply);
  const nowMs = Number(fields.at(-1));
  return {
    hosts: Number(fields[0]),
    silent: inGroups(fields.slice(1, -1), 4).map(([hostId = '', state, beatAt, missingAt]) => {
      const beatAtMs = Number(beatAt);
      const missingAtMs = Number(missingAt);
      return {
        hostId,
        state: oneOf<HostState>(HOST_STATES, state),
        silentMs: nowMs - beatAtMs,
        missingForMs: missingAtMs === 0 ? null : nowMs - missingAtMs,
        beatAtMs,
      };
    }),
  };
}

function endReason(text: string | undefined): EndReason {
  return oneOf<EndReason>(END_REASONS, text);
}
