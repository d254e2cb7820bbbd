import type { RegionPool } from '../../domain/catalog.js';
import type {
  LiveRequest,
  RecordRequestOutcome,
  ReplaceLiveOutcome,
  RequestRecord,
  RequestState,
  ResumeLiveOutcome,
} from '../contracts/requests.js';
import { StoredFormatError, oneOf } from './records.js';

const STATES: readonly RequestState[] = ['live', 'over', 'replaced'];

export function encodeRegionPool({ region, pool }: RegionPool): string {
  return `${region}|${pool}`;
}

/** Reads the reply of `find-requests` about one request. */
export function decodeFound(text: string): RequestRecord | null {
  return text === '' ? null : toRecord(text.split('|'));
}

/** Reads the reply of `record-requests` about one request. */
export function decodeRecordRequest(text: string): RecordRequestOutcome {
  const [kind = '', ...fields] = text.split('|');
  switch (kind) {
    case 'new':
      return { kind };
    case 'repeat':
      return { kind, record: toRecord(fields) };
    case 'live':
      return { kind, live: toLiveRequest(fields) };
    default:
      throw new StoredFormatError(`unexpected reply about a request: "${kind}"`);
  }
}

/** Reads the reply of `replace-live-request`. */
export function decodeReplaceLive(reply: unknown): ReplaceLiveOutcome {
  const text = String(reply);
  const [kind, ...fields] = text.split('|');
  return kind === 'replaced' ? { kind, before: toLiveRequest(fields) } : decodeRecordRequest(text);
}

/** Reads the reply of `resume-live-request`. */
export function decodeResumeLive(reply: unknown): ResumeLiveOutcome {
  const text = String(reply);
  const [kind, ...fields] = text.split('|');
  if (kind === 'none') return { kind };
  if (kind === 'resumed') return { kind, record: toRecord(fields) };
  const outcome = decodeRecordRequest(text);
  if (outcome.kind === 'new') throw new StoredFormatError('a resumed session was not found');
  return outcome;
}

/** `state|requestId|sessionId|epoch|region|pool|ageMs|replacedBy` in fields. */
function toRecord([state, , ...fields]: readonly string[]): RequestRecord {
  const replacedBy = fields[5] ?? '';
  return {
    state: oneOf(STATES, state),
    replacedBy: replacedBy === '' ? null : replacedBy,
    ...decodeFields(fields),
  };
}

function toLiveRequest([, requestId = '', ...fields]: readonly string[]): LiveRequest {
  return { requestId, ...decodeFields(fields) };
}

function decodeFields([sessionId, epoch, region, pool, ageMs]: readonly string[]): Omit<
  LiveRequest,
  'requestId'
> {
  if (sessionId === undefined || region === undefined || pool === undefined) {
    throw new StoredFormatError('a request record is not readable');
  }
  return { sessionId, epoch: Number(epoch), regionPool: { region, pool }, ageMs: Number(ageMs) };
}
