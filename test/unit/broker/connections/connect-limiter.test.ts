import { ConnectLimiter } from '@duskline/server/broker/connections/connect-limiter.js';
import { expect } from 'chai';

describe('The connect limiter', () => {
  let turns: (() => void)[];
  let begun: number[];
  let budget: ConnectLimiter;
  beforeEach(() => {
    turns = [];
    begun = [];
    budget = new ConnectLimiter(3, { runNextTurn: (run) => turns.push(run) });
  });

  function ask(number: number): void {
    void budget.waitForTurn().then(() => begun.push(number));
  }

  async function nextTurn(): Promise<void> {
    for (const run of turns.splice(0)) run();
    await Promise.resolve();
  }

  it('starts requests at once within the budget of a turn', async () => {
    for (let i = 0; i < 3; i += 1) ask(i);
    await Promise.resolve();
    expect(begun).to.deep.equal([0, 1, 2]);
  });

  it('defers the rest to the following turns, in order', async () => {
    for (let i = 0; i < 8; i += 1) ask(i);
    await Promise.resolve();
    expect(begun).to.deep.equal([0, 1, 2]);
    await nextTurn();
    expect(begun).to.deep.equal([0, 1, 2, 3, 4, 5]);
    // A request that arrives now is started after the deferred ones.
    ask(8);
    await nextTurn();
    expect(begun).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('has its full budget again after a turn without arrivals', async () => {
    ask(0);
    await nextTurn();
    await nextTurn();
    for (let i = 1; i < 4; i += 1) ask(i);
    await Promise.resolve();
    expect(begun).to.deep.equal([0, 1, 2, 3]);
    expect(turns).to.have.length(1);
  });
});
