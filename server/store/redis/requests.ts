import type { RegionPool } from '../../domain/catalog.js';
import {
  type RecordRequestOutcome,
  type RequestEntry,
  type RequestKey,
  type RequestRecord,
  type RequestStore,
} from '../contracts/requests.js';
import { MAX_BATCH, inGroups } from './batches.js';
import { playerShard } from './keys.js';
import { StoredFormatError, texts } from './records.js';
import type { RedisContext } from './redis-context.js';

/** Play requests in Redis. Each player has a key; players of one shard share a script call. */
export function createRedisRequests({ redis, keys, run, command }: RedisContext): RequestStore {
  const keysOf = ({ playerId }: Pick<RequestEntry, 'playerId'>) => ({ requests: keys.requests(playerId) });

  /** Runs a script call for the players of each shard. Returns the outcomes in the order of the items. */
  async function runInShards<Item extends RequestKey, Outcome>(
    items: readonly Item[],
    runInShard: (
      playerKeys: { readonly requests: readonly string[] },
      group: readonly Item[],
    ) => Promise<readonly Outcome[]>,
  ): Promise<Outcome[]> {
    const shards = new Map<number, { item: Item; index: number }[]>();
    items.forEach((item, index) => {
      const shard = playerShard(item.playerId);
      const group = shards.get(shard) ?? [];
      group.push({ item, index });
      shards.set(shard, group);
    });
    const outcomes: Outcome[] = [];
    const groups = [...shards.values()].flatMap((group) => inGroups(group, MAX_BATCH));
    await Promise.all(
      groups.map(async (group) => {
        const playerKeys = { requests: group.map(({ item }) => keys.requests(item.playerId)) };
        const found = await runInShard(
          playerKeys,
          group.map(({ item }) => item),
        );
        found.forEach((outcome, i) => (outcomes[group[i]?.index ?? 0] = outcome));
      }),
    );
    return outcomes;
  }

  return {
    recordRequests: (requests) =>
      runInShards(requests, async (playerKeys, group) => {
        const reply = await run('requests/record-requests', playerKeys, {
          requestIds: group.map(({ requestId }) => requestId),
          sessionIds: group.map(({ sessionId }) => sessionId),
          regionPools: group.map(({ regionPool }) => encodeRegionPool(regionPool)),
        });
        return texts(reply).map(decodeRecordRequest);
      }),

    findRequests: (requests) =>
      runInShards(requests, async (playerKeys, group) => {
        const requestIds = group.map(({ requestId }) => requestId);
        const reply = await run('requests/find-requests', playerKeys, { requestIds });
        return texts(reply).map((text) => (text === '' ? null : decodeRequestRecord(text.split('|'))));
      }),

    async startAttempt(request, fromEpoch) {
      const epoch = await run('requests/start-attempt', keysOf(request), { ...argsOf(request), fromEpoch });
      return epoch === 0 ? null : Number(epoch);
    },

    async allocateEpoch(request, aboveEpoch) {
      const args = { ...argsOf(request), aboveEpoch };
      const reply = texts(await run('requests/allocate-epoch', keysOf(request), args));
      const [epoch, fromEpoch] = reply.map(Number);
      if (epoch === undefined || fromEpoch === undefined)
        throw new StoredFormatError('no epoch was allocated');
      return { epoch, fromEpoch };
    },

    async commitEpoch(request, { epoch, fromEpoch }) {
      const args = { ...argsOf(request), fromEpoch, toEpoch: epoch };
      return (await run('requests/commit-epoch', keysOf(request), args)) === 1;
    },

    async setRequestPool(request) {
      await run('requests/set-request-pool', keysOf(request), argsOf(request));
    },

    async deleteRequest(playerId, requestId) {
      await run('requests/delete-request', keysOf({ playerId }), { requestId });
    },

    async useToken(playerId, tokenId, ttlMs) {
      const key = keys.usedToken(playerId, tokenId);
      return (await command(() => redis.set(key, '1', 'PX', Math.ceil(ttlMs), 'NX'))) === 'OK';
    },
  };
}

function argsOf({ requestId, sessionId, regionPool }: RequestEntry) {
  return { requestId, sessionId, regionPool: encodeRegionPool(regionPool) };
}

function encodeRegionPool({ region, pool }: RegionPool): string {
  return `${region}|${pool}`;
}

function decodeRecordRequest(text: string): RecordRequestOutcome {
  if (text === 'new') return { kind: 'new' };
  const fields = text.split('|');
  if (fields[0] !== 'new') return { kind: 'repeat', record: decodeRequestRecord(fields) };
  const [, requestId = '', ...previous] = fields;
  return { kind: 'new', previous: { requestId, ...decodeRequestRecord(previous) } };
}

function decodeRequestRecord(fields: readonly string[]): RequestRecord {
  const [sessionId, epoch, region, pool, ageMs] = fields;
  if (sessionId === undefined || region === undefined || pool === undefined) {
    throw new StoredFormatError('a request record is not readable');
  }
  return { sessionId, epoch: Number(epoch), regionPool: { region, pool }, ageMs: Number(ageMs) };
}
