import type { StoreMs } from '@duskline/server/domain/store-time.js';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import type { HostFailures } from '@duskline/server/domain/host-failures.js';
import type { Closure } from '@duskline/server/domain/closure.js';
import type { SessionMeta, SessionRecord } from '@duskline/server/store/fleet-store.js';
import type { MemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { createKeySpace } from '@duskline/server/store/redis/keys.js';
import {
  decodeClosures,
  decodeFailures,
  decodeHost,
  decodeSession,
  type StoredHost,
} from '@duskline/server/store/redis/records.js';
import { STATE_CODES } from '@duskline/server/store/redis/stored-codes.js';
import type { StoredState } from '@duskline/server/domain/session-state.js';

/** Members of a sorted set or expiry list, with score or time. */
export type Scores = readonly (readonly [sessionId: string, scoreOrAtMs: number])[];

/** An entry that waits or has an offer. */
interface WaitingDump {
  readonly epoch: number;
  readonly arrivedAtMs: StoreMs;
  readonly score: number;
  readonly missed: boolean;
  readonly clientBrokerId: string;
  readonly meta: SessionMeta;
}

/** All data of a region pool, in one form for both stores. Sorted sets and lists are in their order. */
export interface PoolDump {
  readonly hosts: Readonly<
    Record<
      string,
      Omit<StoredHost, 'freeSlots' | 'closed' | 'onTrial'> & {
        readonly endpoint: string;
        readonly closures: readonly Closure[];
        readonly failures: HostFailures | null;
      }
    >
  >;
  readonly free: readonly (readonly [hostId: string, score: number])[];
  readonly sessions: Readonly<Record<string, SessionRecord>>;
  /** `hostId|sessionId` of live sessions. */
  readonly index: readonly string[];
  readonly reserved: Scores;
  readonly offers: Scores;
  readonly disconnected: Scores;
  readonly arriving: Scores;
  readonly ended: Scores;
  readonly queue: Scores;
  readonly waiting: Readonly<Record<string, WaitingDump>>;
  readonly attended: Scores;
  /** Sessions that lost their host, also those whose time is over. */
  readonly lost: Scores;
  readonly rate: {
    readonly freed: number;
    readonly atMs: number | null;
    readonly atFreed: number;
    readonly perMs: number | null;
  };
  readonly closures: readonly Closure[];
  readonly slots: number;
  readonly live: number;
  readonly changedSessions: Readonly<
    Record<string, { readonly firstAtMs: number; readonly sessionIds: readonly string[] }>
  >;
}

/** Reads all data of a region pool from the memory store. */
export function dumpMemory(store: MemoryStore, regionPool: RegionPool): PoolDump {
  const state = store.poolState(regionPool);
  const hosts = [...state.hosts.values()];
  const { queue, attended, entries } = state.waitingQueue.dump();
  const { freed, measuredAtMs, measuredFreed, perMs } = state.freedRate;
  return {
    hosts: Object.fromEntries(
      hosts.map(({ sessions: _, brokerId: __, freeIndex: ___, freeScore: ____, ...fields }) => [
        fields.hostId,
        { ...fields, failures: state.hostFailures.get(fields.hostId) ?? null },
      ]),
    ),
    free: state.freeHosts.entries().map(([{ hostId }, score]) => [hostId, score]),
    sessions: Object.fromEntries(state.sessions.records().map((record) => [record.sessionId, record])),
    index: hosts
      .flatMap((host) => host.sessions.map(({ record }) => `${host.hostId}|${record.sessionId}`))
      .sort(),
    reserved: state.expiryLists.reserved.entries(),
    offers: state.expiryLists.offered.entries(),
    disconnected: state.expiryLists.disconnected.entries(),
    arriving: state.expiryLists.arriving.entries(),
    ended: state.expiryLists.ended.entries(),
    queue,
    waiting: Object.fromEntries(entries.map(({ sessionId, ...entry }) => [sessionId, entry])),
    attended,
    lost: state.lostSessions.entries(),
    rate: { freed, atMs: measuredAtMs, atFreed: measuredFreed, perMs },
    closures: state.closures,
    slots: state.readySlots,
    live: state.liveSessions,
    changedSessions: Object.fromEntries(
      [...state.changedSessions].map(([brokerId, { firstAtMs, sessionIds }]) => [
        brokerId,
        { firstAtMs, sessionIds: [...sessionIds] },
      ]),
    ),
  };
}

type Texts = Record<string, string>;

/** Reads the raw keys from Redis, without the store. */
export async function dumpRedis(redis: Redis, prefix: string, regionPool: RegionPool): Promise<PoolDump> {
  const keys = createKeySpace(prefix).pool(regionPool);
  const [hosts = '', info = '', free = '', beats = '', sessions = '', members = ''] = keys;
  const [reserved = '', ended = '', totals = '', changed = ''] = keys.slice(6);
  const [queue = '', waiting = '', attended = '', offers = '', disconnected = ''] = keys.slice(10);
  const [arriving = '', failures = '', lost = ''] = keys.slice(15);
  // One transaction, so that concurrent writes cannot make the dump inconsistent.
  const replies = await redis
    .multi()
    .hgetallBuffer(hosts)
    .hgetall(info)
    .zrange(free, '0', '-1', 'WITHSCORES')
    .zrange(beats, '0', '-1', 'WITHSCORES')
    .hgetall(sessions)
    .hgetall(members)
    .lrange(reserved, 0, -1)
    .lrange(ended, 0, -1)
    .hgetall(totals)
    .hgetall(changed)
    .zrange(queue, '0', '-1', 'WITHSCORES')
    .hgetall(waiting)
    .zrange(attended, '0', '-1', 'WITHSCORES')
    .lrange(offers, 0, -1)
    .lrange(disconnected, 0, -1)
    .lrange(arriving, 0, -1)
    .hgetall(failures)
    .zrange(lost, '0', '-1', 'WITHSCORES')
    .exec();
  const found = (replies ?? []).map(([, reply]) => reply);
  const [hostTexts, endpoints, freeScores, beatScores, records, live] = found as [
    Record<string, Buffer>,
    Texts,
    string[],
    string[],
    Texts,
    Texts,
  ];
  const [dues, ends, counts, changedSessions] = found.slice(6) as [string[], string[], Texts, Texts];
  const [queueScores, waitingTexts, attendedScores, offerDues, disconnectedDues, arrivalDues] = found.slice(
    10,
  ) as [string[], Texts, string[], string[], string[], string[]];
  const failureTexts = found[16] as Texts;
  const decoded = mapValues(hostTexts, (record) => decodeHost(record));
  expect(Object.fromEntries(pairs(beatScores)), 'beats').to.deep.equal(
    mapValues(decoded, (host) => host.heartbeatAtMs),
  );
  const decodedSessions = mapValues(records, (text, id) => decodeSession(id, text));
  const seats = Object.entries(decodedSessions).flatMap(([sessionId, { hostId, state }]) =>
    state === 'ended' ? [] : [{ sessionId, hostId, slot: records[sessionId]!.slice(2, 4) }],
  );
  const seated = seats.map(
    ({ hostId, slot }) => `${hostId}|${live[`${hostId}/${slot}`] ?? `nobody in ${slot}`}`,
  );
  for (const [hostId, { slots, freeSlots }] of Object.entries(decoded)) {
    const used = seats.filter((seat) => seat.hostId === hostId).map(({ slot }) => slot);
    expect(new Set([...used, ...freeSlots]), `slots of ${hostId}`).to.have.lengthOf(
      used.length + freeSlots.length,
    );
    expect(freeSlots, `free slots of ${hostId}`).to.have.lengthOf(Math.max(0, slots - used.length));
  }
  return {
    hosts: mapValues(decoded, ({ freeSlots: _, closed, onTrial, ...host }, hostId) => ({
      ...host,
      closures: closuresIn(counts, hostId, closed),
      failures: failuresIn(failureTexts, hostId, closed, onTrial),
      hostId,
      endpoint: endpoints[hostId] ?? '',
    })),
    free: pairs(freeScores),
    sessions: decodedSessions,
    index: seated.sort(),
    reserved: dueEntries(dues, 'reserved', records),
    offers: dueEntries(offerDues, 'offered', records),
    disconnected: dueEntries(disconnectedDues, 'disconnected', records),
    arriving: dueEntries(arrivalDues, 'arriving', records),
    ended: dueEntries(ends, 'ended', records),
    queue: pairs(queueScores),
    waiting: mapValues(waitingTexts, decodeWaiting),
    attended: pairs(attendedScores),
    lost: pairs(found[17] as string[]),
    rate: {
      freed: Number(counts['freed'] ?? 0),
      atMs: numberOrNull(counts['rateAt']),
      atFreed: Number(counts['rateFreed'] ?? 0),
      perMs: numberOrNull(counts['rate']),
    },
    closures: decodeClosures(counts['closure']),
    slots: Number(counts['slots'] ?? 0),
    live: Number(counts['sessions'] ?? 0),
    changedSessions: mapValues(changedSessions, (text) => {
      const [firstAt = '', ids = ''] = text.split(';');
      return { firstAtMs: Number(firstAt), sessionIds: [...new Set(ids.split(',').slice(0, -1))] };
    }),
  };
}

/** Decodes `epoch|arrivedAtMs|score|misses|clientBrokerId|meta`; `meta` is encoded as in sessions. */
function decodeWaiting(text: string, id: string): WaitingDump {
  const [epoch = '', arrivedAtMs = '', score, misses, broker = '', ...meta] = text.split('|');
  const session = decodeSession(
    id,
    `o---${'0'.repeat(13)}${arrivedAtMs.padStart(13, '0')}|${epoch}|${broker}|${meta.join('|')}`,
  );
  expect(session.meta, `meta of ${id}`).not.to.equal(null);
  return {
    epoch: session.epoch,
    arrivedAtMs: session.reservedAtMs,
    score: Number(score),
    missed: misses === '1',
    clientBrokerId: session.clientBrokerId,
    meta: session.meta!,
  };
}

/** The closures of a host according to the totals. Expects that the host's record agrees. */
function closuresIn(totals: Texts, hostId: string, closed: boolean): readonly Closure[] {
  const closures = decodeClosures(totals[`closed/${hostId}`]);
  expect(closed, `closed ${hostId}`).to.equal(closures.length > 0);
  return closures;
}

/** Reads the failures of a host, and checks that the record of an open host says that it is on trial. */
function failuresIn(texts: Texts, hostId: string, closed: boolean, onTrial: boolean): HostFailures | null {
  const failures = decodeFailures(texts[hostId]);
  if (failures !== null) expect(onTrial, `trial of ${hostId}`).to.equal(!closed);
  return failures;
}

/** `null` for an absent or empty field. */
function numberOrNull(text: string | undefined): number | null {
  return text === undefined || text === '' ? null : Number(text);
}

function splitIds(list: string): string[] {
  return list.split(',').filter((id) => id !== '');
}

/**
 * Valid entries of an expiry list: those whose session still has this state and this time. The store removes the others
 * later.
 */
function dueEntries(entries: readonly string[], state: StoredState, records: Texts): [string, number][] {
  return entries.flatMap((entry) => {
    const [dueAt = '', ids = ''] = entry.split(';');
    return splitIds(ids)
      .filter((id) => {
        const record = records[id] ?? '';
        return record.startsWith(STATE_CODES[state]) && Number(record.slice(4, 17)) === Number(dueAt);
      })
      .map((id): [string, number] => [id, Number(dueAt)]);
  });
}

function pairs(flat: readonly string[]): [string, number][] {
  const result: [string, number][] = [];
  for (let i = 0; i < flat.length; i += 2) result.push([flat[i]!, Number(flat[i + 1])]);
  return result;
}

function mapValues<A, B>(
  record: Readonly<Record<string, A>>,
  map: (value: A, key: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
