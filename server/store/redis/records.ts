import { END_REASONS, SESSION_STATES, type EndReason } from '@duskline/protocol/vocabulary';
import type { HostState } from '../../domain/host-state.js';
import type { StoredState } from '../../domain/session-state.js';
import type { EndedSession, SessionMeta, SessionRecord } from '../fleet-store.js';

/** Redis holds something that no script of ours writes. */
export class StoredFormatError extends Error {
  override readonly name = 'StoredFormatError';
}

const STORED_STATES: readonly StoredState[] = ['offered', ...SESSION_STATES];

const SESSION = /^(\d+)\|([a-z]+)\|([a-z_]*)\|\d+\|([^|]*)\|[a-z]*\|(\d+)\|([^|]*)\|(.*)$/s;

/** Reads a session as `lua/place.lua` writes it. */
export function decodeSession(sessionId: string, text: string): SessionRecord {
  const match = SESSION.exec(text);
  if (match === null) throw new StoredFormatError(`session ${sessionId} is not readable`);
  const [, epoch, state, reason, hostId, reservedAtMs, clientBrokerId, meta] = match;
  return {
    sessionId,
    epoch: Number(epoch),
    state: oneOf<StoredState>(STORED_STATES, state),
    reason: reason === '' ? null : oneOf<EndReason>(END_REASONS, reason),
    hostId: hostId ?? '',
    reservedAtMs: Number(reservedAtMs),
    clientBrokerId: clientBrokerId ?? '',
    meta: meta === undefined || meta === '' ? null : decodeMeta(meta),
  };
}

export function encodeMeta({ playerId, requestId, title, match }: SessionMeta): string {
  return JSON.stringify([playerId, requestId, title, match]);
}

function decodeMeta(text: string): SessionMeta {
  const fields: unknown = JSON.parse(text);
  const [playerId, requestId, title, match] = texts(fields);
  if (playerId === undefined || requestId === undefined || title === undefined || match === undefined) {
    throw new StoredFormatError('session meta is not readable');
  }
  return { playerId, requestId, title, match };
}

/** Reads runs of sessionId, record, connectionId. */
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
  readonly beatAtMs: number;
  readonly missingAtMs: number;
  readonly digest: number;
  readonly state: HostState;
  readonly connectionId: string;
  /** Names of the slots in use. */
  readonly usedSlots: readonly string[];
}

/** States by their number in a packed record; 0 is none. */
const STATE_NUMBERS: readonly (HostState | undefined)[] = [undefined, 'joining', 'ready', 'suspect'];

/** Where the connection id begins, behind the numbers. */
const CONNECTION_OFFSET = 41;

/** Letters in the name of a slot. */
const SLOT_LENGTH = 2;

/** Reads a host as `HOST_FORMAT` in `lua/records.lua` packs it: little-endian, the connection id ends with a zero. */
export function decodeHost(record: Buffer): StoredHost {
  const state = record.length > CONNECTION_OFFSET ? STATE_NUMBERS[record.readUInt8(24)] : undefined;
  if (state === undefined) throw new StoredFormatError('host record is not readable');
  const committed = record.readInt32LE(25);
  const connectionEnd = record.indexOf(0, CONNECTION_OFFSET);
  const slotNames = record.toString('latin1', connectionEnd + 1);
  return {
    slots: record.readUInt32LE(0),
    measured: record.readUInt32LE(4),
    beatAtMs: record.readDoubleLE(8),
    missingAtMs: record.readDoubleLE(16),
    state,
    committed,
    ramping: record.readDoubleLE(29),
    digest: record.readInt32LE(37),
    connectionId: record.toString('latin1', CONNECTION_OFFSET, connectionEnd),
    usedSlots: slotNames.slice(0, Math.max(0, committed) * SLOT_LENGTH).match(/../g) ?? [],
  };
}

/** A reply that is a list of texts and numbers, all as text. */
export function texts(reply: unknown): string[] {
  if (!Array.isArray(reply)) throw new StoredFormatError('expected a list');
  return reply.map((item) => {
    if (typeof item === 'string') return item;
    if (typeof item === 'number') return String(item);
    throw new StoredFormatError(`expected text, got ${typeof item}`);
  });
}

/** Cuts a flat list into groups of `size`. */
export function inGroups<T>(list: readonly T[], size: number): T[][] {
  const groups: T[][] = [];
  for (let i = 0; i < list.length; i += size) groups.push(list.slice(i, i + size));
  return groups;
}

/** The value, if it is one of those; an error otherwise. */
export function oneOf<T extends string>(values: readonly T[], value: string | undefined): T {
  const found = values.find((known) => known === value);
  if (found === undefined) throw new StoredFormatError(`unexpected "${String(value)}"`);
  return found;
}
