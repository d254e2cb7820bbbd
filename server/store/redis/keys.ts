import type { RegionPool } from '../../domain/catalog.js';

/**
 * Makes every key that Duskline has in Redis.
 *
 * All keys of a region pool carry its region as hash tag, so that a region is in one slot of a Redis Cluster and every
 * script touches one slot only. The keys of a player carry one of `PLAYER_SHARDS` tags.
 */
export interface KeySpace {
  /** The eighteen keys of a region pool, in the order of `POOL_KEYS`. */
  pool(regionPool: RegionPool): readonly string[];
  /** One of them. */
  poolKey(regionPool: RegionPool, name: PoolKey): string;
  /** The requests of one player. */
  requests(playerId: string): string;
  /** A used token of one player. */
  usedToken(playerId: string, tokenId: string): string;
  /** The state of a session that moves to this region pool. */
  checkpoint(regionPool: RegionPool, sessionId: string, epoch: number): string;
  lease(region: string): string;
  /** The drains of a region. */
  drains(region: string): string;
  /** The outcomes of the sessions that a drain affected. */
  drainOutcomes(region: string, drainId: string): string;
  /** The latest moves out of a region. */
  moves(region: string): string;
  /** One key for each shard of players. A shard without it has lost its data since it was set. */
  readonly memoryMarks: readonly string[];
  /** The audit trail of operators' orders. */
  readonly audit: string;
  /** The pub/sub channel of one broker. */
  wakeUps(brokerId: string): string;
  /** The name of a broker's channel, up to the broker's id. */
  readonly wakeUpsPrefix: string;
}

/** Over how many slots of a Redis Cluster players are spread. Part of the stored format. */
const PLAYER_SHARDS = 16;

export const POOL_KEYS = [
  'hosts',
  'endpoints',
  'free',
  'heartbeats',
  'sessions',
  'members',
  'reserved',
  'ended',
  'totals',
  'inbox',
  'queue',
  'waiting',
  'attended',
  'offers',
  'disconnected',
  'arriving',
  'failures',
  'lost',
] as const;

export type PoolKey = (typeof POOL_KEYS)[number];

/** @param prefix stands before every key, so that several fleets (or tests) can share one Redis */
export function createKeySpace(prefix: string): KeySpace {
  const poolKeys = new Map<string, readonly string[]>();
  return {
    pool({ region, pool }) {
      const stem = `${prefix}:{${region}}:${pool}:`;
      const known = poolKeys.get(stem);
      if (known !== undefined) return known;
      const keys = POOL_KEYS.map((name) => stem + name);
      poolKeys.set(stem, keys);
      return keys;
    },
    poolKey: ({ region, pool }, name) => `${prefix}:{${region}}:${pool}:${name}`,
    requests: (playerId) => `${prefix}:{players-${playerShard(playerId)}}:${playerId}`,
    usedToken: (playerId, tokenId) =>
      `${prefix}:used-tokens:{players-${playerShard(playerId)}}:${tokenId}:${playerId}`,
    checkpoint: ({ region, pool }, sessionId, epoch) =>
      `${prefix}:{${region}}:${pool}:checkpoint:${sessionId}:${epoch}`,
    lease: (region) => `${prefix}:{${region}}:lease`,
    drains: (region) => `${prefix}:{${region}}:drains`,
    drainOutcomes: (region, drainId) => `${prefix}:{${region}}:outcomes:${drainId}`,
    moves: (region) => `${prefix}:{${region}}:moves`,
    memoryMarks: Array.from({ length: PLAYER_SHARDS }, (_, i) => `${prefix}:memory:{players-${i}}`),
    audit: `${prefix}:audit`,
    wakeUps: (brokerId) => `${prefix}:wake-ups:${brokerId}`,
    wakeUpsPrefix: `${prefix}:wake-ups:`,
  };
}

/** One script call covers at most this many region pools of a region: it bounds how long Redis serves no other command. */
export const MAX_POOLS = 64;

/** The keys of several region pools of a region: a list for each name, in the order of the pools. */
export function poolKeyLists(
  keys: KeySpace,
  region: string,
  pools: readonly string[],
): Readonly<Record<PoolKey, readonly string[]>> {
  const lists = POOL_KEYS.map(
    (name) => [name, pools.map((pool) => keys.poolKey({ region, pool }, name))] as const,
  );
  return Object.fromEntries(lists) as Record<PoolKey, string[]>;
}

/** The shard of a player: FNV-1a (Fowler, Noll, Vo), 32 bits, of the id's characters. */
export function playerShard(playerId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < playerId.length; i += 1) {
    hash = Math.imul(hash ^ playerId.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0) % PLAYER_SHARDS;
}
