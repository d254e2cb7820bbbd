import { runAll } from '@duskline/server/broker/run-all.js';
import { expect } from 'chai';

describe('Steps of a round', () => {
  /** Runs steps named by digits; those in `failing` fail. Returns which ran, and the error. */
  async function run(count: number, failing: readonly number[]): Promise<{ ran: number[]; error: unknown }> {
    const ran: number[] = [];
    const steps = Array.from({ length: count }, (_, i) => async (): Promise<void> => {
      ran.push(i);
      if (failing.includes(i)) throw new Error(`step ${i}`);
    });
    const error: unknown = await runAll(steps).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return { ran, error };
  }

  it('run one after the other', async () => {
    expect(await run(4, [])).to.deep.equal({ ran: [0, 1, 2, 3], error: undefined });
  });

  it('run also after steps that failed, and the first error is reported', async () => {
    const { ran, error } = await run(6, [0, 1, 3]);
    expect(ran).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(error).to.have.property('message', 'step 0');
  });

  it('end after three failures in a row: all others would fail as well', async () => {
    const { ran, error } = await run(9, [1, 3, 4, 5, 6]);
    expect(ran).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(error).to.have.property('message', 'step 1');
  });
});
