import {
  REQUEST_KEPT_MS,
  REQUESTS_PER_PLAYER,
  type RequestEntry,
  type RecordRequestOutcome,
  type FleetStore,
} from '../fleet-store.js';
import { playerShard, type KeySpace } from './keys.js';
import { StoredFormatError, inGroups, texts } from './records.js';
import { decodeRecordRequest } from './replies.js';
import type { RequestScript, RunScript } from './scripts.js';

/** The requests that players made. Each player has a key; players of one shard share a script call. */
export type Requests = Pick<
  FleetStore,
  'recordRequests' | 'startAttempt' | 'allocateEpoch' | 'commitEpoch' | 'setRequestPool' | 'deleteRequest'
>;

/** One script call notes at most this many requests. */
const MAX_BATCH = 256;

/** @param clock what time scripts are told it is; '' for Redis's own */
export function createRequests(run: RunScript, keys: KeySpace, clock: () => number | ''): Requests {
  function runFor(
    name: RequestScript,
    playerIds: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const playerKeys = playerIds.map((playerId) => keys.requests(playerId));
    return run(name, playerKeys, [clock(), REQUEST_KEPT_MS, REQUESTS_PER_PLAYER, ...args]);
  }

  async function claimOfShard(
    group: readonly { readonly claim: RequestEntry; readonly index: number }[],
    outcomes: RecordRequestOutcome[],
  ): Promise<void> {
    const players = group.map(({ claim }) => claim.playerId);
    const args: string[] = [];
    for (const { requestId, sessionId, place } of group.map(({ claim }) => claim)) {
      args.push(requestId, sessionId, place.region, place.pool);
    }
    const reply = texts(await runFor('requests/record-requests', players, args));
    group.forEach(({ index }, i) => (outcomes[index] = decodeRecordRequest(reply[i] ?? '')));
  }

  return {
    async recordRequests(claims) {
      const shards = new Map<number, { claim: RequestEntry; index: number }[]>();
      claims.forEach((claim, index) => {
        const shard = playerShard(claim.playerId);
        const group = shards.get(shard) ?? [];
        group.push({ claim, index });
        shards.set(shard, group);
      });
      const outcomes: RecordRequestOutcome[] = [];
      const groups = [...shards.values()].flatMap((group) => inGroups(group, MAX_BATCH));
      await Promise.all(groups.map((group) => claimOfShard(group, outcomes)));
      return outcomes;
    },

    async startAttempt({ playerId, requestId, sessionId, place }, fromEpoch) {
      const args = [requestId, sessionId, place.region, place.pool, fromEpoch];
      const epoch = Number(await runFor('requests/start-attempt', [playerId], args));
      return epoch === 0 ? null : epoch;
    },

    async allocateEpoch({ playerId, requestId, sessionId, place }, aboveEpoch) {
      const args = [requestId, sessionId, place.region, place.pool, aboveEpoch];
      const [epoch, fromEpoch] = texts(await runFor('requests/allocate-epoch', [playerId], args)).map(Number);
      if (epoch === undefined || fromEpoch === undefined) throw new StoredFormatError('no epoch was drawn');
      return { epoch, fromEpoch };
    },

    async commitEpoch({ playerId, requestId, sessionId, place }, { epoch, fromEpoch }) {
      const args = [requestId, sessionId, place.region, place.pool, fromEpoch, epoch];
      return Number(await runFor('requests/commit-epoch', [playerId], args)) === 1;
    },

    async setRequestPool({ playerId, requestId, sessionId, place }) {
      await runFor('requests/set-request-pool', [playerId], [requestId, sessionId, place.region, place.pool]);
    },

    async deleteRequest(playerId, requestId) {
      await runFor('requests/delete-request', [playerId], [requestId]);
    },
  };
}
