import {
  CLAIM_KEPT_MS,
  CLAIMS_PER_PLAYER,
  type Claim,
  type ClaimOutcome,
  type FleetStore,
} from '../fleet-store.js';
import { playerShard, type KeySpace } from './keys.js';
import { StoredFormatError, inGroups, texts } from './records.js';
import { decodeClaim } from './replies.js';
import type { ClaimScript, RunScript } from './scripts.js';

/** The requests that players made. Each player has a key; players of one shard share a script call. */
export type Requests = Pick<
  FleetStore,
  'claim' | 'reclaim' | 'drawEpoch' | 'settleEpoch' | 'moveClaim' | 'forgetClaim'
>;

/** One script call notes at most this many requests. */
const MAX_BATCH = 256;

/** @param clock what time scripts are told it is; '' for Redis's own */
export function createRequests(run: RunScript, keys: KeySpace, clock: () => number | ''): Requests {
  function runFor(
    name: ClaimScript,
    playerIds: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const playerKeys = playerIds.map((playerId) => keys.player(playerId));
    return run(name, playerKeys, [clock(), CLAIM_KEPT_MS, CLAIMS_PER_PLAYER, ...args]);
  }

  async function claimOfShard(
    group: readonly { readonly claim: Claim; readonly index: number }[],
    outcomes: ClaimOutcome[],
  ): Promise<void> {
    const players = group.map(({ claim }) => claim.playerId);
    const args: string[] = [];
    for (const { requestId, sessionId, place } of group.map(({ claim }) => claim)) {
      args.push(requestId, sessionId, place.region, place.pool);
    }
    const reply = texts(await runFor('claim', players, args));
    group.forEach(({ index }, i) => (outcomes[index] = decodeClaim(reply[i] ?? '')));
  }

  return {
    async claim(claims) {
      const shards = new Map<number, { claim: Claim; index: number }[]>();
      claims.forEach((claim, index) => {
        const shard = playerShard(claim.playerId);
        const group = shards.get(shard) ?? [];
        group.push({ claim, index });
        shards.set(shard, group);
      });
      const outcomes: ClaimOutcome[] = [];
      const groups = [...shards.values()].flatMap((group) => inGroups(group, MAX_BATCH));
      await Promise.all(groups.map((group) => claimOfShard(group, outcomes)));
      return outcomes;
    },

    async reclaim({ playerId, requestId, sessionId, place }, fromEpoch) {
      const args = [requestId, sessionId, place.region, place.pool, fromEpoch];
      const epoch = Number(await runFor('reclaim', [playerId], args));
      return epoch === 0 ? null : epoch;
    },

    async drawEpoch({ playerId, requestId, sessionId, place }, aboveEpoch) {
      const args = [requestId, sessionId, place.region, place.pool, aboveEpoch];
      const [epoch, fromEpoch] = texts(await runFor('draw-epoch', [playerId], args)).map(Number);
      if (epoch === undefined || fromEpoch === undefined) throw new StoredFormatError('no epoch was drawn');
      return { epoch, fromEpoch };
    },

    async settleEpoch({ playerId, requestId, sessionId, place }, { epoch, fromEpoch }) {
      const args = [requestId, sessionId, place.region, place.pool, fromEpoch, epoch];
      return Number(await runFor('settle-epoch', [playerId], args)) === 1;
    },

    async moveClaim({ playerId, requestId, sessionId, place }) {
      await runFor('move-claim', [playerId], [requestId, sessionId, place.region, place.pool]);
    },

    async forgetClaim(playerId, requestId) {
      await runFor('forget-claim', [playerId], [requestId]);
    },
  };
}
