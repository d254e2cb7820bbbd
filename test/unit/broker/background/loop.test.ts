import { createLoop, type Loop } from '@duskline/server/broker/background/loop.js';
import { expect } from 'chai';
import { ManualClock } from '../../../support/time/manual-clock.js';

/** A loop whose rounds end when the test says so. */
class Rounds {
  readonly clock = new ManualClock();
  readonly endings: (() => void)[] = [];
  readonly failures: unknown[] = [];
  overdue = 0;
  readonly loop: Loop;

  constructor(times: { intervalMs: number; roundTimeoutMs: number }) {
    this.loop = createLoop({
      ...times,
      clock: this.clock,
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
    this.endings[number - 1]!();
    await this.clock.settle();
  }
}

const LONG_MS = 60_000;

describe('A loop', () => {
  it('starts the next round one interval after the start of the last one, or at its end if it takes longer', async () => {
    const rounds = new Rounds({ intervalMs: 1_000, roundTimeoutMs: LONG_MS });
    expect(rounds.begun).to.equal(1);
    await rounds.clock.elapse(400);
    await rounds.end(1);
    await rounds.clock.elapse(599);
    expect(rounds.begun).to.equal(1);
    await rounds.clock.elapse(1);
    expect(rounds.begun).to.equal(2);
    await rounds.clock.elapse(5_000);
    expect(rounds.begun, 'one round at a time').to.equal(2);
    await rounds.end(2);
    await rounds.clock.elapse(0);
    expect(rounds.begun).to.equal(3);
    await Promise.all([rounds.loop.stop(), rounds.end(3)]);
    expect(rounds.overdue).to.equal(0);
    expect(rounds.clock.pending).to.equal(0);
  });

  it('starts the next round at once after runSoon', async () => {
    const rounds = new Rounds({ intervalMs: LONG_MS, roundTimeoutMs: LONG_MS });
    rounds.loop.runSoon();
    await rounds.end(1);
    await rounds.clock.elapse(0);
    expect(rounds.begun).to.equal(2);
    await rounds.end(2);
    // The second round has ended, and the loop waits for its interval.
    await rounds.clock.elapse(1);
    rounds.loop.runSoon();
    expect(rounds.begun).to.equal(3);
    await Promise.all([rounds.loop.stop(), rounds.end(3)]);
    expect(rounds.clock.pending).to.equal(0);
  });

  it('continues after a round that fails', async () => {
    const clock = new ManualClock();
    const failures: unknown[] = [];
    let begun = 0;
    const loop = createLoop({
      intervalMs: 1_000,
      clock,
      round: async () => {
        begun += 1;
        await Promise.reject(new Error(`round ${begun}`));
      },
      onFailed: (error) => failures.push(error),
      onOverdue: () => undefined,
    });
    loop.start();
    await clock.elapse(2_000);
    await loop.stop();
    expect(failures).to.have.length(3);
    expect(failures[1]).to.be.an('error').with.property('message', 'round 2');
  });

  it('continues without a round that exceeds its timeout, and reports it', async () => {
    const rounds = new Rounds({ intervalMs: 1_000, roundTimeoutMs: 30_000 });
    await rounds.clock.elapse(29_999);
    expect(rounds).to.include({ begun: 1, overdue: 0 });
    await rounds.clock.elapse(30_001);
    expect(rounds).to.include({ begun: 3, overdue: 2 });
    await Promise.all([rounds.loop.stop(), rounds.end(3)]);
  });

  it('waits for its round when it is stopped, and starts no other', async () => {
    const rounds = new Rounds({ intervalMs: 1_000, roundTimeoutMs: LONG_MS });
    let isStopped = false;
    const stopped = rounds.loop.stop().then(() => (isStopped = true));
    await rounds.clock.settle();
    expect(isStopped).to.equal(false);
    await rounds.end(1);
    await stopped;
    await rounds.clock.elapse(LONG_MS);
    expect(rounds.begun).to.equal(1);
  });
});
