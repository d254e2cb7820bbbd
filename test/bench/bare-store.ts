import { Redis } from 'ioredis';
import type { FleetStore, ReserveOutcome } from '@duskline/server/store/fleet-store.js';
import { encodeMeta } from '@duskline/server/store/redis/records.js';

/**
 * The floor under the Redis store: scripts that write what a placement and its end have to write, of the same sizes and to
 * the same kinds of keys (host record, place in the order, session, slot, due list, totals), and do nothing else. Nothing
 * is read, compared or chosen in Redis: the caller says which host, in turn, and sends every record ready made.
 */
export interface BareStore extends Pick<FleetStore, 'reserve' | 'release'> {
  fill(hosts: number, sessions: number): Promise<void>;
  close(): void;
}

const KEYS = ['hosts', 'free', 'sessions', 'members', 'reserved', 'ended', 'totals'].map(
  (key) => `bare:{a}:${key}`,
);

/** As long as a packed record of a host with twenty slots, eight of them free. */
const HOST_RECORD = 'h'.repeat(44 + 'broker-a.1'.length + 1 + 16);
const TIMES = '17956573641511795657364151';

const RESERVE = `
local k = ARGV[1] * 2
redis.call('HSET', KEYS[1], unpack(ARGV, 3, 2 + k))
redis.call('ZADD', KEYS[2], unpack(ARGV, 3 + k, 2 + 2 * k))
redis.call('HSET', KEYS[3], unpack(ARGV, 3 + 2 * k, 2 + 3 * k))
redis.call('HSET', KEYS[4], unpack(ARGV, 3 + 3 * k, 2 + 4 * k))
redis.call('RPUSH', KEYS[5], ARGV[2])
return redis.call('HINCRBY', KEYS[7], 'sessions', ARGV[1])`;

const RELEASE = `
local k = ARGV[1] * 2
redis.call('HSET', KEYS[1], unpack(ARGV, 3, 2 + k))
redis.call('ZADD', KEYS[2], unpack(ARGV, 3 + k, 2 + 2 * k))
redis.call('HSET', KEYS[3], unpack(ARGV, 3 + 2 * k, 2 + 3 * k))
redis.call('RPUSH', KEYS[6], ARGV[2])
redis.call('HINCRBY', KEYS[7], 'freed', ARGV[1])
return redis.call('HINCRBY', KEYS[7], 'sessions', -ARGV[1])`;

type Script = (...keysAndArgs: (string | number)[]) => Promise<unknown>;

/** @param slots of each host */
export function createBareStore(url: string, slots: number): BareStore {
  const redis = new Redis(url);
  redis.defineCommand('bareReserve', { numberOfKeys: KEYS.length, lua: RESERVE });
  redis.defineCommand('bareRelease', { numberOfKeys: KEYS.length, lua: RELEASE });
  const scripts = redis as unknown as { bareReserve: Script; bareRelease: Script };
  const hostOf = new Map<string, string>();
  let names: readonly string[] = [];
  let turn = 0;

  const scores = (hosts: readonly string[]): (string | number)[] =>
    hosts.flatMap((host) => [500_000 + ((turn * 7_919) % 200_000), host]);
  const records = (hosts: readonly string[]): string[] => hosts.flatMap((host) => [host, HOST_RECORD]);

  const reserve: BareStore['reserve'] = async (_place, reservations) => {
    const hosts = reservations.map(() => names[(turn += 1) % names.length] ?? '');
    await scripts.bareReserve(
      ...KEYS,
      reservations.length,
      reservations.map(({ sessionId }) => sessionId).join(','),
      ...records(hosts),
      ...scores(hosts),
      ...reservations.flatMap(({ sessionId, epoch, clientBrokerId, meta }, i) => [
        sessionId,
        `r-aa${TIMES}${hosts[i] ?? ''}|${epoch}|${clientBrokerId}|${encodeMeta(meta)}`,
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
    async release(_place, releases) {
      const hosts = releases.map(({ sessionId }) => hostOf.get(sessionId) ?? '');
      await scripts.bareRelease(
        ...KEYS,
        releases.length,
        releases.map(({ sessionId }) => sessionId).join(','),
        ...records(hosts),
        ...scores(hosts),
        ...releases.flatMap(({ sessionId, epoch }, i) => [
          sessionId,
          `el--${TIMES}${hosts[i] ?? ''}|${epoch}|broker-a|`,
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
