import { expect } from 'chai';
import { countWaiting } from '@duskline/server/broker/queue/count-waiting.js';
import { regionPoolName } from '@duskline/server/domain/catalog.js';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import type { QueueScan } from '@duskline/server/store/contracts/queue.js';

const NEAR_X = { region: 'near', pool: 'console-x' };
const NEAR_PC = { region: 'near', pool: 'pc-ultra' };
const NEXT_X = { region: 'next', pool: 'console-x' };

/** A store whose queues have these session ids, and which reports each call. */
function storeWith(queues: readonly (readonly [RegionPool, readonly string[]])[]) {
  const byName = new Map(queues.map(([regionPool, ids]) => [regionPoolName(regionPool), ids]));
  const calls: { readonly at: string; readonly count: number }[] = [];
  let running = 0;
  let mostAtOnce = 0;
  return {
    calls,
    lengths: queues.map(([regionPool, ids]) => ({ regionPool, length: ids.length })),
    mostAtOnce: () => mostAtOnce,
    async scanQueue(regionPool: RegionPool, cursor: string | null, count: number): Promise<QueueScan> {
      const at = regionPoolName(regionPool);
      calls.push({ at, count });
      running += 1;
      mostAtOnce = Math.max(mostAtOnce, running);
      await Promise.resolve();
      running -= 1;
      const ids = byName.get(at) ?? [];
      const from = Number(cursor ?? 0);
      // As Redis may, each part repeats the last id of the part before.
      const sessionIds = ids.slice(Math.max(0, from - 1), from + count);
      return { sessionIds, next: from + count < ids.length ? String(from + count) : null };
    },
  };
}

const idsFrom = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `session-${first + i}`);

describe('The count of players who wait', () => {
  it('has each once, in total and for a region', async () => {
    const store = storeWith([
      [NEAR_X, idsFrom(0, 10)],
      [NEAR_PC, idsFrom(5, 10)],
      [NEXT_X, idsFrom(0, 12)],
    ]);
    const { total, byRegion } = await countWaiting(store, store.lengths);
    expect(total).to.equal(15);
    expect([...byRegion]).to.deep.equal([
      ['near', 15],
      ['next', 12],
    ]);
  });

  it('reads long queues in parts of bounded size, one call after another, and counts repeated ids once', async () => {
    const store = storeWith([
      [NEAR_X, idsFrom(0, 2_500)],
      [NEAR_PC, idsFrom(0, 2_500)],
    ]);
    expect((await countWaiting(store, store.lengths)).total).to.equal(2_500);
    expect(store.calls).to.have.length(6);
    expect(Math.max(...store.calls.map(({ count }) => count))).to.equal(1_000);
    expect(store.mostAtOnce()).to.equal(1);
  });

  it('reads nothing where at most one queue has entries, and no empty queue', async () => {
    const one = storeWith([
      [NEAR_X, []],
      [NEXT_X, idsFrom(0, 7)],
    ]);
    expect(await countWaiting(one, one.lengths)).to.deep.equal({
      total: 7,
      byRegion: new Map([['next', 7]]),
    });
    expect(await countWaiting(one, [])).to.deep.equal({ total: 0, byRegion: new Map() });
    expect(one.calls).to.deep.equal([]);
    const two = storeWith([
      [NEAR_X, []],
      [NEAR_PC, idsFrom(0, 2)],
      [NEXT_X, idsFrom(0, 7)],
    ]);
    expect((await countWaiting(two, two.lengths)).total).to.equal(7);
    expect(two.calls.map(({ at }) => at)).to.not.include(regionPoolName(NEAR_X));
  });
});
