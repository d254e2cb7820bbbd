import { toStoreMs } from '../../domain/store-time.js';
import { END_REASONS, type EndReason } from '@duskline/protocol/vocabulary';
import { CLOSURES, type Closure } from '../../domain/closure.js';
import {
  HOST_FAILURE_REASONS,
  type HostFailureReason,
  type HostFailures,
} from '../../domain/host-failures.js';
import type { HostState } from '../../domain/host-state.js';
import type { EndedSession, SessionMeta, SessionRecord } from '../contracts/session-record.js';
import { inGroups } from './batches.js';
import { reasonOfCode, stateOfCode } from './stored-codes.js';

/** Redis holds a record, or a script gave a reply, that this version cannot read. */
export class StoredFormatError extends Error {
  override readonly name = 'StoredFormatError';
}

/** Offsets in a session record, which begins with a letter for the state and one for the reason. */
const RESERVED_AT = 17;
const HOST_AT = 30;

/** In place of the reason: the session has none and may be moved. */
const MOVABLE = '+';

/** Meta is a JSON array. The number before it has only digits. */
const META_START = '[';

/** Reads a session record as `lua/shared/sessions/session-format.lua` describes it. */
export function decodeSession(sessionId: string, text: string): SessionRecord {
  const state = stateOfCode(text.charAt(0));
  const mark = text.charAt(1);
  const reason = mark === '-' || mark === MOVABLE ? null : reasonOfCode(mark);
  const hostEnd = text.indexOf('|', HOST_AT);
  const epochEnd = text.indexOf('|', hostEnd + 1);
  const brokerEnd = text.indexOf('|', epochEnd + 1);
  const metaAt = text.indexOf(META_START, brokerEnd + 1);
  const seqEnd = metaAt < 0 ? text.length : metaAt;
  if (state === undefined || reason === undefined || hostEnd < 0 || epochEnd < 0 || brokerEnd < 0) {
    throw new StoredFormatError(`session ${sessionId} is not readable`);
  }
  return {
    sessionId,
    epoch: Number(text.slice(hostEnd + 1, epochEnd)),
    state,
    reason,
    hostId: text.slice(HOST_AT, hostEnd),
    reservedAtMs: toStoreMs(Number(text.slice(RESERVED_AT, HOST_AT))),
    clientBrokerId: text.slice(epochEnd + 1, brokerEnd),
    seq: Number(text.slice(brokerEnd + 1, seqEnd)),
    meta: metaAt < 0 ? null : decodeMeta(text.slice(metaAt)),
    movable: mark === MOVABLE,
  };
}

/** A `1` behind the texts, which end with a quote, stands for `endsWithHost`: `lua/shared/sessions/lost-sessions.lua` reads it. */
export function encodeMeta({ playerId, requestId, title, match, endsWithHost }: SessionMeta): string {
  return JSON.stringify([playerId, requestId, title, match, ...(endsWithHost === true ? [1] : [])]);
}

export function decodeMeta(text: string): SessionMeta {
  const fields: unknown = JSON.parse(text);
  const [playerId, requestId, title, match, mark] = texts(fields);
  if (playerId === undefined || requestId === undefined || title === undefined || match === undefined) {
    throw new StoredFormatError('session meta is not readable');
  }
  return { playerId, requestId, title, match, ...(mark === undefined ? {} : { endsWithHost: true }) };
}

/** Reads a flat list of session id and record. */
export function decodeSessions(reply: unknown): SessionRecord[] {
  return inGroups(texts(reply), 2).map(([sessionId = '', record = '']) => decodeSession(sessionId, record));
}

/** Reads a flat list of session id, record and connection id. */
export function decodeEnded(reply: unknown): EndedSession[] {
  return inGroups(texts(reply), 3).map(([sessionId = '', record = '', connectionId = '']) => ({
    session: decodeSession(sessionId, record),
    hostConnectionId: connectionId === '' ? null : connectionId,
  }));
}

/** A host's record without its endpoint. */
export interface StoredHost {
  readonly slots: number;
  readonly committed: number;
  readonly measured: number;
  readonly ramping: number;
  readonly heartbeatAtMs: number;
  readonly missingAtMs: number;
  readonly digest: number;
  readonly state: HostState;
  readonly closed: boolean;
  /** It is open, and the next session that it gets closes it. */
  readonly onTrial: boolean;
  readonly connectionId: string;
  /** The names of the free slots. */
  readonly freeSlots: readonly string[];
}

/** Host states by their number in a packed record; 0 is none. */
const STATE_NUMBERS: readonly (HostState | undefined)[] = [undefined, 'joining', 'ready', 'suspect'];

/** Offset of the connection id, which follows the numbers. */
const CONNECTION_OFFSET = 44;

/** Reads a host as `HOST_FORMAT` in `lua/shared/hosts/host-format.lua` packs it: little-endian, a zero byte ends the connection id. */
export function decodeHost(record: Buffer): StoredHost {
  const state = record.length > CONNECTION_OFFSET ? STATE_NUMBERS[record.readUInt8(40)] : undefined;
  if (state === undefined) throw new StoredFormatError('host record is not readable');
  const connectionEnd = record.indexOf(0, CONNECTION_OFFSET);
  return {
    ramping: record.readDoubleLE(0),
    committed: record.readInt32LE(8),
    digest: record.readInt32LE(12),
    slots: record.readUInt32LE(16),
    measured: record.readUInt32LE(20),
    heartbeatAtMs: record.readDoubleLE(24),
    missingAtMs: record.readDoubleLE(32),
    state,
    closed: record.readUInt8(41) === 1,
    onTrial: record.readUInt8(41) === 2,
    connectionId: record.toString('latin1', CONNECTION_OFFSET, connectionEnd),
    freeSlots: record.toString('latin1', connectionEnd + 1).match(/../g) ?? [],
  };
}

/** Reads the closures of a host or region pool, with commas between them; an open one has no text. */
export function decodeClosures(text: string | null | undefined): Closure[] {
  if (text === null || text === undefined) return [];
  const closures = text.split(',').map((closure) => oneOf<Closure>(CLOSURES, closure));
  return CLOSURES.filter((closure) => closures.includes(closure));
}

/** Reads the failures of a host as `lua/shared/hosts/host-failures.lua` describes them; a host without failures has no text. */
export function decodeFailures(text: string | null | undefined): HostFailures | null {
  if (text === null || text === undefined || text === '') return null;
  const [count, reason, untilMs, countedUntilMs] = text.split('|');
  return {
    count: Number(count),
    reason: oneOf<HostFailureReason>(HOST_FAILURE_REASONS, reason),
    untilMs: toStoreMs(Number(untilMs)),
    countedUntilMs: toStoreMs(Number(countedUntilMs)),
  };
}

/** Reads a list of texts and numbers as texts. Throws `StoredFormatError` for anything else. */
export function texts(reply: unknown): string[] {
  if (!Array.isArray(reply)) throw new StoredFormatError('expected a list');
  return reply.map((item) => {
    if (typeof item === 'string') return item;
    if (typeof item === 'number') return String(item);
    throw new StoredFormatError(`expected text, got ${typeof item}`);
  });
}

export function decodeEndReason(text: string | undefined): EndReason {
  return oneOf<EndReason>(END_REASONS, text);
}

/** The value if it is one of `values`. Throws `StoredFormatError` otherwise. */
export function oneOf<T extends string>(values: readonly T[], value: string | undefined): T {
  const found = values.find((known) => known === value);
  if (found === undefined) throw new StoredFormatError(`unexpected "${String(value)}"`);
  return found;
}
