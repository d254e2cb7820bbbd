import { Cluster, ReplyError, type Redis } from 'ioredis';
import type { RedisContext } from './redis-context.js';

/** A line of `INFO`. */
const FIELD = /^(run_id|master_replid):(\S+)/gm;

/**
 * Names the memory of Redis, in a cluster that of all primaries.
 *
 * `run_id` changes when a server starts, `master_replid` when a replica becomes the primary or takes over the data of another primary.
 * The marks are missing after `FLUSHALL` and `FLUSHDB`, which change neither.
 *
 * @returns `null` when Redis does not say, for example because its user may not call `INFO`
 */
export async function readMemoryId(context: RedisContext): Promise<string | null> {
  const { redis, command, keys } = context;
  const isCluster = redis instanceof Cluster;
  const primaries = isCluster ? redis.nodes('master') : [redis];
  // One mark shows whether a single server has lost its data. Those of all shards of players are on nearly all primaries of a cluster.
  const marks = isCluster ? keys.memoryMarks : keys.memoryMarks.slice(0, 1);
  try {
    const [ids, names] = await Promise.all([
      Promise.all(primaries.map((primary) => command(() => readServerId(primary)))),
      Promise.all(marks.map((key) => readMark(context, key))),
    ]);
    return ids.length === 0 || ids.includes('') ? null : [...ids.sort(), ...names].join(' ');
  } catch (error) {
    if (error instanceof ReplyError) return null;
    throw error;
  }
}

/** Empty when the server does not say. */
async function readServerId(redis: Redis): Promise<string> {
  // Before version 7, Redis answers for one section at a time.
  const [server, replication] = await Promise.all([redis.info('server'), redis.info('replication')]);
  const fields = [...`${server}\n${replication}`.matchAll(FIELD)].map(([, , value]) => value);
  return fields.length === 2 ? fields.join('/') : '';
}

/** Reads a mark. The first broker that finds none sets it to the present time of Redis. */
async function readMark({ redis, command }: RedisContext, key: string): Promise<string> {
  const known = await command(() => redis.get(key));
  if (known !== null) return known;
  const now = (await command(() => redis.time())).join('.');
  return (await command(() => redis.set(key, now, 'NX', 'GET'))) ?? now;
}
