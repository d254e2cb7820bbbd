import { Redis } from 'ioredis';
import type { FleetStore, ReserveOutcome } from '@duskline/server/store/fleet-store.js';
import { encodeMeta } from '@duskline/server/store/redis/records.js';

/**
 * The baseline of the Redis store: scripts with only the writes of a placement and its end, of the same sizes and to the same
 * kinds of keys (host record, order of hosts, session, slot, due list, totals). Redis reads, compares and chooses nothing:
 * the caller chooses the hosts in turn, and sends complete records.
 */
export interface BareStore extends Pick<FleetStore, 'reserve' | 'endSessions'> {
  fill(hosts: number, sessions: number): Promise<void>;
  close(): void;
}

/** Names of the scripts' keys, in the order of `KEYS`. */
const KEY_NAMES = ['hosts', 'hostOrder', 'sessions', 'slots', 'reserved', 'ended', 'totals'] as const;

/** Keys of the scripts. */
export const BARE_KEYS = KEY_NAMES.map((name) => `bare:{a}:${name}`);

/** The Lua expression of a key: an index costs a script less than a local variable. */
export function keyLua(name: (typeof KEY_NAMES)[number]): string {
  return `KEYS[${KEY_NAMES.indexOf(name) + 1}]`;
}

/** A record as long as the packed record of a host with twenty slots, eight of them free. */
export const BARE_HOST_RECORD = 'h'.repeat(44 + 'broker-a.1'.length + 1 + 16);
/** Two times of a session record, as long as real ones. */
export const BARE_TIMES = '17956573641511795657364151';

/** ARGV: k, session ids, then k pairs each for host records, order, sessions and slots. */
export const BARE_RESERVE = `
local k = ARGV[1] * 2
redis.call('HSET', ${keyLua('hosts')}, unpack(ARGV, 3, 2 + k))
redis.call('ZADD', ${keyLua('hostOrder')}, unpack(ARGV, 3 + k, 2 + 2 * k))
redis.call('HSET', ${keyLua('sessions')}, unpack(ARGV, 3 + 2 * k, 2 + 3 * k))
redis.call('HSET', ${keyLua('slots')}, unpack(ARGV, 3 + 3 * k, 2 + 4 * k))
redis.call('RPUSH', ${keyLua('reserved')}, ARGV[2])
return redis.call('HINCRBY', ${keyLua('totals')}, 'sessions', ARGV[1])`;

/** ARGV as `BARE_RESERVE`, without the slots: the value of a free slot has no meaning. */
export const BARE_RELEASE = `
local k = ARGV[1] * 2
redis.call('HSET', ${keyLua('hosts')}, unpack(ARGV, 3, 2 + k))
redis.call('ZADD', ${keyLua('hostOrder')}, unpack(ARGV, 3 + k, 2 + 2 * k))
redis.call('HSET', ${keyLua('sessions')}, unpack(ARGV, 3 + 2 * k, 2 + 3 * k))
redis.call('RPUSH', ${keyLua('ended')}, ARGV[2])
redis.call('HINCRBY', ${keyLua('totals')}, 'freed', ARGV[1])
return redis.call('HINCRBY', ${keyLua('totals')}, 'sessions', -ARGV[1])`;

type Script = (...keysAndArgs: (string | number)[]) => Promise<unknown>;

/** @param slots slots of each host */
export function createBareStore(url: string, slots: number): BareStore {
  const redis = new Redis(url);
  redis.defineCommand('bareReserve', { numberOfKeys: BARE_KEYS.length, lua: BARE_RESERVE });
  redis.defineCommand('bareRelease', { numberOfKeys: BARE_KEYS.length, lua: BARE_RELEASE });
  const scripts = redis as unknown as { bareReserve: Script; bareRelease: Script };
  const hostOf = new Map<string, string>();
  let names: readonly string[] = [];
  let turn = 0;

  const scores = (hosts: readonly string[]): (string | number)[] =>
    hosts.flatMap((host) => [500_000 + ((turn * 7_919) % 200_000), host]);
  const records = (hosts: readonly string[]): string[] => hosts.flatMap((host) => [host, BARE_HOST_RECORD]);

  const reserve: BareStore['reserve'] = async (_regionPool, reservations) => {
    const hosts = reservations.map(() => names[(turn += 1) % names.length] ?? '');
    await scripts.bareReserve(
      ...BARE_KEYS,
      reservations.length,
      reservations.map(({ sessionId }) => sessionId).join(','),
      ...records(hosts),
      ...scores(hosts),
      ...reservations.flatMap(({ sessionId, epoch, clientBrokerId, meta }, i) => [
        sessionId,
        `r-aa${BARE_TIMES}${hosts[i] ?? ''}|${epoch}|${clientBrokerId}|${encodeMeta(meta)}`,
      ]),
      ...reservations.flatMap(({ sessionId }, i) => [
        `${hosts[i] ?? ''}/a${String.fromCharCode(97 + (turn % slots))}`,
        sessionId,
      ]),
    );
    const outcomes = reservations.map(({ sessionId }, i): ReserveOutcome => {
      const hostId = hosts[i] ?? '';
      hostOf.set(sessionId, hostId);
      return { kind: 'reserved', hostId, hostConnectionId: 'broker-a.1' };
    });
    return { outcomes, utilisation: { sessions: 0, slots: 0 } };
  };

  return {
    reserve,
    async endSessions(_regionPool, releases) {
      const hosts = releases.map(({ sessionId }) => hostOf.get(sessionId) ?? '');
      await scripts.bareRelease(
        ...BARE_KEYS,
        releases.length,
        releases.map(({ sessionId }) => sessionId).join(','),
        ...records(hosts),
        ...scores(hosts),
        ...releases.flatMap(({ sessionId, epoch }, i) => [
          sessionId,
          `el--${BARE_TIMES}${hosts[i] ?? ''}|${epoch}|broker-a|`,
        ]),
      );
      for (const { sessionId } of releases) hostOf.delete(sessionId);
      return releases.map(() => ({ kind: 'unknown' as const }));
    },
    async fill(hosts, sessions) {
      names = Array.from({ length: hosts }, (_, i) => `host-${String(i).padStart(6, '0')}`);
      const meta = {
        playerId: 'player-00000000',
        requestId: 'request-00000000',
        title: 'meadow',
        match: '{}'.padEnd(46),
      };
      for (let from = 0; from < Math.max(hosts, sessions); from += 1_000) {
        const held = Array.from({ length: Math.min(1_000, Math.max(hosts, sessions) - from) }, (_, i) => ({
          sessionId: `filled-${from + i}`.padEnd(36, '-'),
          epoch: 1,
          clientBrokerId: 'broker-a',
          meta,
        }));
        await reserve({ region: 'a', pool: 'a' }, held, 0, 'broker-a');
      }
      hostOf.clear();
    },
    close: () => redis.disconnect(),
  };
}
