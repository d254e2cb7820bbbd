import { mock } from 'node:test';
import { createTickBatcher, type AddToBatch } from '@duskline/server/broker/store-access/tick-batcher.js';
import { systemClock } from '@duskline/server/runtime/system-runtime.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { nextTurn } from '../../../support/time/event-loop.js';

function createBatcher<Item, Outcome>(
  run: (items: readonly Item[]) => Promise<readonly Outcome[]>,
): AddToBatch<Item, Outcome> {
  return createTickBatcher(run, systemClock);
}

describe('A batch per turn of the event loop', () => {
  it('sends everything added in one turn in one call, in order, and answers each entry', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer(), { minLength: 1, maxLength: 50 }), async (items) => {
        const calls: (readonly number[])[] = [];
        const add = createBatcher<number, string>(async (batch) => {
          calls.push(batch);
          return batch.map((item, i) => `${i}:${item}`);
        });
        const outcomes = await Promise.all(items.map((item) => add(item)));
        expect(calls).to.deep.equal([items]);
        expect(outcomes).to.deep.equal(items.map((item, i) => `${i}:${item}`));
      }),
    );
  });

  it('includes entries that promises add later in the same turn', async () => {
    const calls: string[][] = [];
    const add = createBatcher<string, string>(async (batch) => {
      calls.push([...batch]);
      return batch;
    });
    await Promise.all([add('a'), Promise.resolve().then(() => add('b'))]);
    expect(calls).to.deep.equal([['a', 'b']]);
  });

  it('does not wait for the answer to the batch before', async () => {
    const answers: ((outcomes: string[]) => void)[] = [];
    const add = createBatcher<string, string>(() => new Promise((resolve) => answers.push(resolve)));
    const first = add('first');
    await nextTurn();
    const second = add('second');
    await nextTurn();
    expect(answers).to.have.length(2);
    answers[1]!(['second']);
    expect(await second).to.equal('second');
    answers[0]!(['first']);
    expect(await first).to.equal('first');
  });

  it('is sent in the same turn, without a timer', async () => {
    const timers = mock.method(globalThis, 'setTimeout');
    try {
      let calls = 0;
      const add = createBatcher<string, string>(async (batch) => {
        calls += 1;
        return batch;
      });
      const answer = add('item');
      expect(calls, 'at once').to.equal(0);
      await nextTurn();
      expect(calls, 'after one turn').to.equal(1);
      await answer;
      expect(timers.mock.callCount()).to.equal(0);
    } finally {
      timers.mock.restore();
    }
  });

  it('makes no call when nothing was added', async () => {
    let calls = 0;
    const add = createBatcher<string, string>(async (batch) => {
      calls += 1;
      return batch;
    });
    await add('only');
    await nextTurn();
    await nextTurn();
    expect(calls).to.equal(1);
  });

  for (const [how, fail] of [
    ['rejects', () => Promise.reject(new Error('store unreachable'))],
    [
      'throws',
      () => {
        throw new Error('store unreachable');
      },
    ],
  ] as const) {
    it(`rejects every entry when the call ${how}, and the next batch is sent normally`, async () => {
      let broken = true;
      const add = createBatcher<string, string>((batch) => (broken ? fail() : Promise.resolve(batch)));
      const outcomes = await Promise.allSettled([add('a'), add('b'), add('c')]);
      for (const outcome of outcomes) {
        expect(outcome).to.have.property('status', 'rejected');
        expect(outcome).to.have.nested.property('reason.message', 'store unreachable');
      }
      broken = false;
      expect(await add('d')).to.equal('d');
    });
  }

  it('rejects exactly the entries whose answer is missing', async () => {
    const add = createBatcher<string, string>(async (batch) => batch.slice(0, 1));
    const [answered, left] = await Promise.allSettled([add('a'), add('b')]);
    expect(answered).to.deep.equal({ status: 'fulfilled', value: 'a' });
    expect(left).to.have.nested.property('reason.message', 'the batch returned 1 outcomes for 2 items');
  });
});
