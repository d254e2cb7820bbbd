import { Redis } from 'ioredis';
import { playerShard } from '@duskline/server/store/redis/keys.js';
import {
  BARE_HOST_RECORD,
  BARE_KEYS,
  BARE_RELEASE,
  BARE_RESERVE,
  BARE_TIMES,
  keyLua,
} from '../../bare-store.js';

/** A match of the floor server, from `play` to `end`. */
export interface FloorSession {
  readonly sessionId: string;
  readonly playerId: string;
  readonly requestId: string;
  readonly hostId: string;
}

/**
 * The script calls of a match with only its unavoidable writes, of the same sizes as those of the broker: the request record;
 * host, order, session, slot, due list and totals when a slot is reserved and released; session and host when a host reports
 * a state; host and its time for a heartbeat. The caller sends complete records.
 */
export interface FloorScripts {
  recordRequests(sessions: readonly FloorSession[]): Promise<unknown>;
  reserve(sessions: readonly FloorSession[]): Promise<unknown>;
  transition(sessions: readonly FloorSession[]): Promise<unknown>;
  release(sessions: readonly FloorSession[]): Promise<unknown>;
  heartbeat(hostIds: readonly string[]): Promise<unknown>;
}

/** Key of the time of each host's last heartbeat, which the store's baseline does not write. */
const HEARTBEATS_KEY = `KEYS[${BARE_KEYS.length + 1}]`;

/** Request records expire after the same time as in the broker. */
const RECORD_REQUESTS = `
for i, key in ipairs(KEYS) do
  redis.call('SET', key, ARGV[i], 'PX', 86400000)
end
return #KEYS`;

const TRANSITION = `
local k = ARGV[1] * 2
redis.call('HSET', ${keyLua('hosts')}, unpack(ARGV, 2, 1 + k))
return redis.call('HSET', ${keyLua('sessions')}, unpack(ARGV, 2 + k, 1 + 2 * k))`;

const HEARTBEAT = `
local k = ARGV[1] * 2
redis.call('HSET', ${keyLua('hosts')}, unpack(ARGV, 2, 1 + k))
redis.call('ZADD', ${keyLua('hostOrder')}, unpack(ARGV, 2 + k, 1 + 2 * k))
return redis.call('ZADD', ${HEARTBEATS_KEY}, unpack(ARGV, 2 + 2 * k, 1 + 3 * k))`;

type Script = (...keysAndArgs: (string | number)[]) => Promise<unknown>;
type Scripts = Record<
  'bareRecordRequests' | 'bareReserve' | 'bareTransition' | 'bareRelease' | 'bareHeartbeat',
  Script
>;

/** The match details that the broker stores with a session. */
const MATCH = JSON.stringify({
  stream: { codec: 'hevc', resolution: '2160p', fps: 60 },
  rank: 1,
  candidates: 2,
  rttMs: 11.4,
  reason: 'near/console-x (11 ms away, 20 % in use): the nearest suitable region.',
  tier: 'standard',
  reach: { near: 11, next: 34 },
});
const META_REST = `","drift",${JSON.stringify(MATCH)}]`;

/** Connects to Redis and defines the scripts. */
export function createFloorScripts(url: string): FloorScripts {
  const redis = new Redis(url);
  const keys = [...BARE_KEYS, 'bare:{a}:heartbeats'];
  const numberOfKeys = keys.length;
  redis.defineCommand('bareRecordRequests', { lua: RECORD_REQUESTS });
  redis.defineCommand('bareReserve', { numberOfKeys, lua: BARE_RESERVE });
  redis.defineCommand('bareTransition', { numberOfKeys, lua: TRANSITION });
  redis.defineCommand('bareRelease', { numberOfKeys, lua: BARE_RELEASE });
  redis.defineCommand('bareHeartbeat', { numberOfKeys, lua: HEARTBEAT });
  const scripts = redis as unknown as Scripts;
  let turn = 0;

  /** Appends host records, and the scores of the hosts in the order. */
  function pushHosts(args: (string | number)[], sessions: readonly FloorSession[]): void {
    for (const { hostId } of sessions) args.push(hostId, BARE_HOST_RECORD);
    for (const { hostId } of sessions) args.push(500_000 + (((turn += 1) * 7_919) % 200_000), hostId);
  }

  function idsOf(sessions: readonly FloorSession[]): string {
    return sessions.map(({ sessionId }) => sessionId).join(',');
  }

  function recordOf(state: string, { hostId, playerId, requestId }: FloorSession): string {
    return `${state}-aa${BARE_TIMES}${hostId}|1|broker-a|["${playerId}","${requestId}${META_REST}`;
  }

  return {
    async recordRequests(sessions) {
      // Players are spread over the slots of a cluster, and a script may use keys of one slot only.
      const shards = new Map<number, FloorSession[]>();
      for (const session of sessions) {
        const shard = playerShard(session.playerId);
        const group = shards.get(shard);
        if (group === undefined) shards.set(shard, [session]);
        else group.push(session);
      }
      await Promise.all(
        Array.from(shards, ([shard, group]) =>
          scripts.bareRecordRequests(
            group.length,
            ...group.map(({ playerId }) => `bare:{players-${shard}}:${playerId}`),
            ...group.map(({ requestId, sessionId }) => {
              return `#${requestId}|${sessionId}|1|near|console-x|1795657364151\n`;
            }),
          ),
        ),
      );
    },
    reserve(sessions) {
      const args: (string | number)[] = [...keys, sessions.length, idsOf(sessions)];
      pushHosts(args, sessions);
      for (const session of sessions) args.push(session.sessionId, recordOf('r', session));
      for (const { hostId, sessionId } of sessions) args.push(`${hostId}/aa`, sessionId);
      return scripts.bareReserve(...args);
    },
    transition(sessions) {
      const args: (string | number)[] = [...keys, sessions.length];
      for (const { hostId } of sessions) args.push(hostId, BARE_HOST_RECORD);
      for (const session of sessions) args.push(session.sessionId, recordOf('a', session));
      return scripts.bareTransition(...args);
    },
    release(sessions) {
      const args: (string | number)[] = [...keys, sessions.length, idsOf(sessions)];
      pushHosts(args, sessions);
      for (const { sessionId, hostId } of sessions) {
        args.push(sessionId, `el--${BARE_TIMES}${hostId}|1|broker-a|`);
      }
      return scripts.bareRelease(...args);
    },
    heartbeat(hostIds) {
      const args: (string | number)[] = [...keys, hostIds.length];
      for (const hostId of hostIds) args.push(hostId, BARE_HOST_RECORD);
      for (const hostId of hostIds) args.push(500_000 + (((turn += 1) * 7_919) % 200_000), hostId);
      for (const hostId of hostIds) args.push(turn, hostId);
      return scripts.bareHeartbeat(...args);
    },
  };
}
