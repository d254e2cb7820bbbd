import { createLoop, type Loop } from '@duskline/server/broker/background/loop.js';
import { expect } from 'chai';
import { waitUntil } from '../../../support/time/eventually.js';
import { nextTurn } from '../../../support/time/event-loop.js';

/** A loop whose rounds end when the test says so. */
class Rounds {
  readonly endings: (() => void)[] = [];
  readonly failures: unknown[] = [];
  overdue = 0;
  readonly loop: Loop;

  constructor(times: { intervalMs: number; roundTimeoutMs: number }) {
    this.loop = createLoop({
      ...times,
      round: () => new Promise((resolve) => this.endings.push(resolve)),
      onFailed: (error) => this.failures.push(error),
      onOverdue: () => (this.overdue += 1),
    });
    this.loop.start();
  }

  get begun(): number {
    return this.endings.length;
  }

  async end(number: number): Promise<void> {
    await waitUntil(() => this.begun >= number);
    this.endings[number - 1]!();
  }
}

const LONG_MS = 60_000;

describe('A loop', () => {
  it('starts the next round one interval after the last one ended', async () => {
    const rounds = new Rounds({ intervalMs: 5, roundTimeoutMs: LONG_MS });
    expect(rounds.begun).to.equal(1);
    await rounds.end(1);
    await rounds.end(2);
    await waitUntil(() => rounds.begun === 3);
    await Promise.all([rounds.loop.stop(), rounds.end(3)]);
    expect(rounds.overdue).to.equal(0);
  });

  it('starts the next round at once after runSoon', async () => {
    const rounds = new Rounds({ intervalMs: LONG_MS, roundTimeoutMs: LONG_MS });
    rounds.loop.runSoon();
    await rounds.end(1);
    await rounds.end(2);
    // The second round has ended, and the loop waits for its interval.
    await nextTurn();
    rounds.loop.runSoon();
    expect(rounds.begun).to.equal(3);
    await Promise.all([rounds.loop.stop(), rounds.end(3)]);
  });

  it('continues after a round that fails', async () => {
    const failures: unknown[] = [];
    let begun = 0;
    const loop = createLoop({
      intervalMs: 1,
      round: async () => {
        begun += 1;
        await Promise.reject(new Error(`round ${begun}`));
      },
      onFailed: (error) => failures.push(error),
      onOverdue: () => undefined,
    });
    loop.start();
    await waitUntil(() => failures.length > 2);
    await loop.stop();
    expect(failures[1]).to.be.an('error').with.property('message', 'round 2');
  });

  it('continues without a round that exceeds its timeout, and reports it', async () => {
    const rounds = new Rounds({ intervalMs: 1, roundTimeoutMs: 20 });
    await waitUntil(() => rounds.begun === 3);
    expect(rounds.overdue).to.equal(2);
    await Promise.all([rounds.loop.stop(), rounds.end(3)]);
  });

  it('waits for its round when it is stopped, and starts no other', async () => {
    const rounds = new Rounds({ intervalMs: 1, roundTimeoutMs: LONG_MS });
    const stopped = rounds.loop.stop().then(() => 'stopped');
    expect(await Promise.race([stopped, nextTurn().then(() => 'waits')])).to.equal('waits');
    await rounds.end(1);
    await stopped;
    expect(rounds.begun).to.equal(1);
  });
});
