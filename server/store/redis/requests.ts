import {
  RENEW_OUTCOMES,
  type ExpectedLive,
  type RequestEntry,
  type RequestStore,
} from '../contracts/requests.js';
import { createPlayerBatches } from './player-batches.js';
import { StoredFormatError, oneOf, texts } from './records.js';
import type { RedisContext } from './redis-context.js';
import {
  decodeFound,
  decodeRecordRequest,
  decodeReplaceLive,
  decodeResumeLive,
  encodeRegionPool,
} from './request-replies.js';

/** Play requests in Redis. Each player has a key; players share calls of scripts. */
export function createRedisRequests({ redis, keys, run, command }: RedisContext): RequestStore {
  const runForPlayers = createPlayerBatches(redis, keys);
  const keysOf = ({ playerId }: Pick<RequestEntry, 'playerId'>) => ({ requests: keys.requests(playerId) });

  return {
    recordRequests: (requests) =>
      runForPlayers(requests, async (playerKeys, group) => {
        const reply = await run('requests/record-requests', playerKeys, {
          requestIds: group.map(({ requestId }) => requestId),
          sessionIds: group.map(({ sessionId }) => sessionId),
          regionPools: group.map(({ regionPool }) => encodeRegionPool(regionPool)),
        });
        return texts(reply).map(decodeRecordRequest);
      }),

    findRequests: (requests) =>
      runForPlayers(requests, async (playerKeys, group) => {
        const requestIds = group.map(({ requestId }) => requestId);
        const reply = await run('requests/find-requests', playerKeys, { requestIds });
        return texts(reply).map(decodeFound);
      }),

    async replaceLiveRequest(request, expected) {
      const args = { ...argsOf(request), ...expectedArgs(expected) };
      return decodeReplaceLive(await run('requests/replace-live-request', keysOf(request), args));
    },

    async resumeLiveRequest(key, expected, raiseEpoch) {
      const args = { requestId: key.requestId, ...expectedArgs(expected), raiseEpoch };
      return decodeResumeLive(await run('requests/resume-live-request', keysOf(key), args));
    },

    clearLiveRequests: (ended) =>
      runForPlayers(ended, async (playerKeys, group) => {
        const reply = await run('requests/clear-live-requests', playerKeys, {
          sessionIds: group.map(({ sessionId }) => sessionId),
          epochs: group.map(({ epoch }) => epoch),
        });
        return texts(reply).map((cleared) => cleared === '1');
      }),

    renewLiveRequests: (returned) =>
      runForPlayers(returned, async (playerKeys, group) => {
        const reply = await run('requests/renew-live-requests', playerKeys, {
          sessionIds: group.map(({ sessionId }) => sessionId),
          epochs: group.map(({ epoch }) => epoch),
          regionPools: group.map(({ regionPool }) => encodeRegionPool(regionPool)),
        });
        return texts(reply).map((outcome) => oneOf(RENEW_OUTCOMES, outcome));
      }),

    async startAttempt(request, fromEpoch, orLater = false) {
      const args = { ...argsOf(request), fromEpoch, orLater };
      const epoch = await run('requests/start-attempt', keysOf(request), args);
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

function expectedArgs(expected: ExpectedLive | null) {
  return { expectedSessionId: expected?.sessionId ?? '', expectedEpoch: expected?.epoch ?? 0 };
}
