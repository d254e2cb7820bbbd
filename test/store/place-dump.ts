import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { Place } from '@duskline/server/domain/catalog.js';
import { congestion } from '@duskline/server/domain/congestion.js';
import { digestOf } from '@duskline/server/domain/session-digest.js';
import type { SessionRecord } from '@duskline/server/store/fleet-store.js';
import type { MemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { createKeySpace } from '@duskline/server/store/redis/keys.js';
import { decodeHost, decodeSession, type StoredHost } from '@duskline/server/store/redis/records.js';

/** Everything a store knows of one place, in one form for both stores. Sorted sets are in their order. */
export interface PlaceDump {
  readonly hosts: Readonly<Record<string, Omit<StoredHost, 'usedSlots'> & { readonly endpoint: string }>>;
  readonly free: readonly (readonly [hostId: string, score: number])[];
  readonly sessions: Readonly<Record<string, SessionRecord>>;
  /** `hostId|sessionId` of live sessions. */
  readonly index: readonly string[];
  readonly reserved: readonly (readonly [sessionId: string, atMs: number])[];
  readonly ended: readonly (readonly [sessionId: string, atMs: number])[];
  readonly slots: number;
  readonly live: number;
  readonly mail: Readonly<
    Record<string, { readonly firstAtMs: number; readonly letters: readonly string[] }>
  >;
}

export function dumpMemory(store: MemoryStore, place: Place): PlaceDump {
  const state = store.placeState(place);
  const hosts = [...state.hosts.values()];
  const byId = new Map(hosts.map((host) => [host.hostId, host]));
  return {
    hosts: Object.fromEntries(
      hosts.map(({ sessions: _, freeKey: __, ...fields }) => [fields.hostId, fields]),
    ),
    free: state.freeOrder().map((hostId) => [hostId, byId.get(hostId)?.freeKey?.score ?? NaN]),
    sessions: Object.fromEntries(state.sessions),
    index: hosts.flatMap((host) => [...host.sessions].map((id) => `${host.hostId}|${id}`)).sort(),
    reserved: state.reserved.keysArray().map((key) => [key.sessionId, key.atMs]),
    ended: state.ended.keysArray().map((key) => [key.sessionId, key.atMs]),
    slots: state.readySlots,
    live: state.liveSessions,
    mail: Object.fromEntries(
      [...state.mail].map(([brokerId, { firstAtMs, letters }]) => [
        brokerId,
        { firstAtMs, letters: [...letters] },
      ]),
    ),
  };
}

type Texts = Record<string, string>;

/** Reads the raw keys, past the store. */
export async function dumpRedis(redis: Redis, prefix: string, place: Place): Promise<PlaceDump> {
  const [hosts, info, free, beats, sessions, members, reserved, ended, totals, mail] = createKeySpace(
    prefix,
  ).place(place) as [string, string, string, string, string, string, string, string, string, string];
  // One transaction, so that others may write meanwhile.
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
    .hmget(totals, 'slots', 'sessions')
    .hgetall(mail)
    .exec();
  const [hostTexts, endpoints, freeScores, beatScores, records, live, dues, ends, counts, letters] = (
    replies ?? []
  ).map(([, reply]) => reply) as [
    Record<string, Buffer>,
    Texts,
    string[],
    string[],
    Texts,
    Texts,
    string[],
    string[],
    (string | null)[],
    Texts,
  ];
  const decoded = mapValues(hostTexts, (record) => decodeHost(record));
  expect(Object.fromEntries(pairs(beatScores)), 'beats').to.deep.equal(
    mapValues(decoded, (host) => host.beatAtMs),
  );
  const seated = Object.entries(decoded).flatMap(([hostId, { usedSlots }]) =>
    usedSlots.map((slot) => `${hostId}|${live[`${hostId}/${slot}`] ?? `nobody in ${slot}`}`),
  );
  const decodedSessions = mapValues(records, (text, id) => decodeSession(id, text));
  return {
    hosts: mapValues(decoded, ({ usedSlots: _, ...host }, hostId) => ({
      ...host,
      hostId,
      endpoint: endpoints[hostId] ?? '',
    })),
    free: pairs(freeScores),
    sessions: decodedSessions,
    index: seated.sort(),
    reserved: dueEntries(dues, 'reserved', records),
    ended: dueEntries(ends, 'ended', records),
    slots: Number(counts[0] ?? 0),
    live: Number(counts[1] ?? 0),
    mail: mapValues(letters, (text) => {
      const [firstAt = '', ids = ''] = text.split(';');
      return { firstAtMs: Number(firstAt), letters: [...new Set(ids.split(',').slice(0, -1))] };
    }),
  };
}

/** What must hold of any place at any time: counters equal their members, the order equals the loads. */
export function expectConsistent(dump: PlaceDump): void {
  const hosts = Object.entries(dump.hosts);
  for (const [hostId, host] of hosts) {
    const held = dump.index
      .filter((member) => member.startsWith(`${hostId}|`))
      .map((member) => dump.sessions[member.slice(hostId.length + 1)]);
    expect(held.every((session) => session?.hostId === hostId && session.state !== 'ended')).to.equal(true);
    expect(host.committed, `committed of ${hostId}`).to.equal(held.length);
    expect(host.digest, `digest of ${hostId}`).to.equal(digestOf(held.filter((one) => one !== undefined)));
  }
  const free = hosts
    .filter(([, host]) => host.state === 'ready' && host.committed < host.slots)
    .map(([hostId, host]) => [hostId, congestion(host)] as const)
    .sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
  expect(dump.free, 'order of free hosts').to.deep.equal(free);
  const ready = hosts.filter(([, host]) => host.state === 'ready');
  expect(dump.slots, 'slots').to.equal(ready.reduce((sum, [, host]) => sum + host.slots, 0));
  const live = Object.values(dump.sessions).filter((session) => session.state !== 'ended');
  expect(dump.index).to.have.length(live.length);
  expect(dump.live, 'live sessions').to.equal(live.length);
  expect(dump.reserved).to.have.length(live.filter((session) => session.state === 'reserved').length);
  expect(dump.ended).to.have.length(Object.keys(dump.sessions).length - live.length);
}

function splitIds(list: string): string[] {
  return list.split(',').filter((id) => id !== '');
}

/** Entries that count: of sessions that still have that state and that time. The others are struck off one day. */
function dueEntries(entries: readonly string[], state: string, records: Texts): [string, number][] {
  return entries.flatMap((entry) => {
    const [dueAt = '', ids = ''] = entry.split(';');
    return splitIds(ids)
      .filter((id) => {
        const [, nowState, , nowDueAt] = (records[id] ?? '').split('|');
        return nowState === state && nowDueAt === dueAt;
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
