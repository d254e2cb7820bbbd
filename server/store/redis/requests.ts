import {
  REQUEST_KEPT_MS,
  REQUESTS_PER_PLAYER,
  type RecordRequestOutcome,
  type RequestEntry,
  type RequestRecord,
  type RequestStore,
} from '../contracts/requests.js';
import { MAX_BATCH, inGroups } from './batches.js';
import { playerShard } from './keys.js';
import { StoredFormatError, texts } from './records.js';
import type { RedisContext, ScriptArgument } from './redis-context.js';
import type { RequestScript } from './scripts.js';

/** Play requests in Redis. Each player has a key; players of one shard share a script call. */
export function createRedisRequests({ redis, keys, run, command, clock }: RedisContext): RequestStore {
  function runForPlayers(
    name: RequestScript,
    playerIds: readonly string[],
    args: readonly ScriptArgument[],
  ): Promise<unknown> {
    const playerKeys = playerIds.map((playerId) => keys.requests(playerId));
    return run(name, playerKeys, [clock(), REQUEST_KEPT_MS, REQUESTS_PER_PLAYER, ...args]);
  }

  async function recordInShard(
    group: readonly { readonly request: RequestEntry; readonly index: number }[],
    outcomes: RecordRequestOutcome[],
  ): Promise<void> {
    const players = group.map(({ request }) => request.playerId);
    const args: string[] = [];
    for (const { requestId, sessionId, regionPool } of group.map(({ request }) => request)) {
      args.push(requestId, sessionId, regionPool.region, regionPool.pool);
    }
    const reply = texts(await runForPlayers('requests/record-requests', players, args));
    group.forEach(({ index }, i) => (outcomes[index] = decodeRecordRequest(reply[i] ?? '')));
  }

  return {
    async recordRequests(requests) {
      const shards = new Map<number, { request: RequestEntry; index: number }[]>();
      requests.forEach((request, index) => {
        const shard = playerShard(request.playerId);
        const group = shards.get(shard) ?? [];
        group.push({ request, index });
        shards.set(shard, group);
      });
      const outcomes: RecordRequestOutcome[] = [];
      const groups = [...shards.values()].flatMap((group) => inGroups(group, MAX_BATCH));
      await Promise.all(groups.map((group) => recordInShard(group, outcomes)));
      return outcomes;
    },

    async startAttempt({ playerId, requestId, sessionId, regionPool }, fromEpoch) {
      const args = [requestId, sessionId, regionPool.region, regionPool.pool, fromEpoch];
      const epoch = Number(await runForPlayers('requests/start-attempt', [playerId], args));
      return epoch === 0 ? null : epoch;
    },

    async allocateEpoch({ playerId, requestId, sessionId, regionPool }, aboveEpoch) {
      const args = [requestId, sessionId, regionPool.region, regionPool.pool, aboveEpoch];
      const reply = texts(await runForPlayers('requests/allocate-epoch', [playerId], args));
      const [epoch, fromEpoch] = reply.map(Number);
      if (epoch === undefined || fromEpoch === undefined)
        throw new StoredFormatError('no epoch was allocated');
      return { epoch, fromEpoch };
    },

    async commitEpoch({ playerId, requestId, sessionId, regionPool }, { epoch, fromEpoch }) {
      const args = [requestId, sessionId, regionPool.region, regionPool.pool, fromEpoch, epoch];
      return Number(await runForPlayers('requests/commit-epoch', [playerId], args)) === 1;
    },

    async setRequestPool({ playerId, requestId, sessionId, regionPool }) {
      const args = [requestId, sessionId, regionPool.region, regionPool.pool];
      await runForPlayers('requests/set-request-pool', [playerId], args);
    },

    async deleteRequest(playerId, requestId) {
      await runForPlayers('requests/delete-request', [playerId], [requestId]);
    },

    async useToken(playerId, tokenId, ttlMs) {
      const key = keys.usedToken(playerId, tokenId);
      return (await command(() => redis.set(key, '1', 'PX', Math.ceil(ttlMs), 'NX'))) === 'OK';
    },
  };
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
