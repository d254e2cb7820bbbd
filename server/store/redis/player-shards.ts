import { MAX_BATCH, inGroups } from './batches.js';
import { playerShard, type KeySpace } from './keys.js';

/** Runs one script call for the players of each shard. Returns the outcomes in the order of the items. */
export async function runInPlayerShards<Item extends { readonly playerId: string }, Outcome>(
  keys: KeySpace,
  items: readonly Item[],
  runInShard: (
    playerKeys: { readonly requests: readonly string[] },
    group: readonly Item[],
  ) => Promise<readonly Outcome[]>,
): Promise<Outcome[]> {
  const shards = new Map<number, { readonly item: Item; readonly index: number }[]>();
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
      const shardItems = group.map(({ item }) => item);
      const playerKeys = { requests: shardItems.map(({ playerId }) => keys.requests(playerId)) };
      const found = await runInShard(playerKeys, shardItems);
      group.forEach(({ index }, i) => (outcomes[index] = found[i] as Outcome));
    }),
  );
  return outcomes;
}
