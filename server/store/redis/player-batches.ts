import { Cluster, ReplyError, type Redis } from 'ioredis';
import { groupBy } from '../../domain/group-by.js';
import { MAX_BATCH, inGroups } from './batches.js';
import { playerShard, type KeySpace } from './keys.js';

/** The keys of the players of one call. */
export interface PlayerKeys {
  readonly requests: readonly string[];
}

/** Runs a script for several players. Returns the outcomes in the order of the items. */
export type RunForPlayers = <Item extends { readonly playerId: string }, Outcome>(
  items: readonly Item[],
  call: (playerKeys: PlayerKeys, group: readonly Item[]) => Promise<readonly Outcome[]>,
) => Promise<Outcome[]>;

/**
 * Puts as many players as possible into each call of a script. On a single Redis all players share calls. On a cluster only
 * players of one shard do, because the keys of a call have to be on one node.
 */
export function createPlayerBatches(redis: Redis | Cluster, keys: KeySpace): RunForPlayers {
  let isSharded = redis instanceof Cluster;

  return async function runForPlayers(items, call) {
    const wasSharded = isSharded;
    const callGroup = (group: typeof items) =>
      call({ requests: group.map(({ playerId }) => keys.requests(playerId)) }, group);
    try {
      return await runInGroups(
        items,
        wasSharded ? groupBy(items, ({ playerId }) => playerShard(playerId)) : [items],
        callGroup,
      );
    } catch (error) {
      // A proxy or one node of a cluster looks like a single Redis. It refuses the call before the script runs.
      if (wasSharded || !isRefusedAcrossSlots(error)) throw error;
      isSharded = true;
      return runForPlayers(items, call);
    }
  };
}

function isRefusedAcrossSlots(error: unknown): boolean {
  return error instanceof ReplyError && String(error).includes('CROSSSLOT');
}

/** Calls each group, in calls of bounded size, and returns the outcomes in the order of the items. */
async function runInGroups<Item, Outcome>(
  items: readonly Item[],
  groups: readonly (readonly Item[])[],
  call: (group: readonly Item[]) => Promise<readonly Outcome[]>,
): Promise<Outcome[]> {
  const calls = groups.flatMap((group) => inGroups(group, MAX_BATCH));
  const outcomes = await Promise.all(calls.map(call));
  if (groups.length === 1) return outcomes.flat();
  // An item may be named twice, so each takes the next outcome that its object got.
  const byItem = new Map<Item, Outcome[]>();
  calls.forEach((group, g) =>
    group.forEach((item, i) => {
      const found = byItem.get(item) ?? [];
      found.push(outcomes[g]?.[i] as Outcome);
      byItem.set(item, found);
    }),
  );
  return items.map((item) => byItem.get(item)?.shift() as Outcome);
}
