import type { RequestStore } from '../../contracts/requests.js';
import { RequestRecords } from './request-records.js';
import { UsedTokens } from './used-tokens.js';

/** Play requests in memory. */
export function createMemoryRequests(now: () => number): RequestStore {
  const records = new RequestRecords();
  const usedTokens = new UsedTokens();
  return {
    recordRequests: async (requests) => {
      const nowMs = now();
      return requests.map((request) => records.record(request, nowMs));
    },
    findRequests: async (requests) => {
      const nowMs = now();
      return requests.map((request) => records.find(request, nowMs));
    },
    startAttempt: async (request, fromEpoch) => records.startAttempt(request, fromEpoch, now()),
    allocateEpoch: async (request, aboveEpoch) => records.allocateEpoch(request, aboveEpoch, now()),
    commitEpoch: async (request, allocated) => records.commitEpoch(request, allocated, now()),
    setRequestPool: async (request) => records.setPool(request),
    deleteRequest: async (playerId, requestId) => records.delete(playerId, requestId),
    useToken: async (playerId, tokenId, ttlMs) => usedTokens.use(playerId, tokenId, ttlMs, now()),
  };
}
