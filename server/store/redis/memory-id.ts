import { Cluster, ReplyError, type Redis } from 'ioredis';
import type { RedisContext } from './redis-context.js';

/** A line of `INFO`. */
const FIELD = /^(run_id|master_replid):(\S+)/gm;

/**
 * Names the memory of Redis: `run_id` changes when a server starts, `master_replid` when a replica becomes the primary or takes over
 * the data of another primary. In a cluster, of all primaries.
 *
 * @returns `null` when Redis does not say, for example because its user may not call `INFO`
 */
export async function readMemoryId({ redis, command }: RedisContext): Promise<string | null> {
  const primaries = redis instanceof Cluster ? redis.nodes('master') : [redis];
  try {
    const ids = await Promise.all(primaries.map((primary) => command(() => readServerId(primary))));
    return ids.length === 0 || ids.includes('') ? null : ids.sort().join(' ');
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
