import type { RequestStore } from '../../contracts/requests.js';
import type { RequestRecords } from './request-records.js';
import { UsedTokens } from './used-tokens.js';

/** Play requests in memory. */
export function createMemoryRequests(now: () => number, records: RequestRecords): RequestStore {
  const usedTokens = new UsedTokens();
  /** Handles all items of a call at the same time. */
  const each = <Item, Outcome>(
    items: readonly Item[],
    handle: (item: Item, nowMs: number) => Outcome,
  ): Outcome[] => {
    const nowMs = now();
    return items.map((item) => handle(item, nowMs));
  };
  return {
    recordRequests: async (requests) => each(requests, (request, nowMs) => records.record(request, nowMs)),
    findRequests: async (keys) => each(keys, (key, nowMs) => records.find(key, nowMs)),
    replaceLiveRequest: async (request, expected) => records.replaceLive(request, expected, now()),
    resumeLiveRequest: async (key, expected, raiseEpoch) =>
      records.resumeLive(key, expected, raiseEpoch, now()),
    clearLiveRequests: async (ended) => each(ended, (one, nowMs) => records.clearLive(one, nowMs)),
    renewLiveRequests: async (returned) => each(returned, (one, nowMs) => records.renewLive(one, nowMs)),
    startAttempt: async (request, fromEpoch, orLater = false) =>
      records.startAttempt(request, fromEpoch, orLater, now()),
    allocateEpoch: async (request, aboveEpoch) => records.allocateEpoch(request, aboveEpoch, now()),
    commitEpoch: async (request, allocated) => records.commitEpoch(request, allocated, now()),
    setRequestPool: async (request) => records.setPool(request, now()),
    deleteRequest: async (playerId, requestId) => records.delete({ playerId, requestId }, now()),
    useToken: async (playerId, tokenId, ttlMs) => usedTokens.use(playerId, tokenId, ttlMs, now()),
  };
}
