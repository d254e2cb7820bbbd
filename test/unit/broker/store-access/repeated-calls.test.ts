import { expect } from 'chai';
import { DEFAULT_INTERVALS } from '@duskline/server/broker/intervals.js';
import { RepeatedCalls } from '@duskline/server/broker/store-access/repeated-calls.js';
import { StoreHealth } from '@duskline/server/broker/store-access/store-health.js';
import { StoreUnavailableError } from '@duskline/server/store/fleet-store.js';
import { ManualClock } from '../../../support/time/manual-clock.js';

const LIMITS = { reservationMs: 30_000, queueGraceMs: 60_000 };

describe('repeated calls', () => {
  let clock: ManualClock;
  let health: StoreHealth;
  let calls: RepeatedCalls;
  let made: number;
  const client = {};
  beforeEach(() => {
    clock = new ManualClock();
    health = new StoreHealth(2_000, DEFAULT_INTERVALS.minRebuildMs, clock);
    calls = new RepeatedCalls(health, clock, LIMITS);
    made = 0;
  });

  const answer = (): void => health.recordAnswer(health.beginCheck(), 'a');

  /** A call that the store does not answer the first times. */
  const failing = (times: number) => async (): Promise<string> => {
    made += 1;
    if (made <= times) throw new StoreUnavailableError('no answer');
    return 'done';
  };

  const outcomeOf = (call: Promise<unknown>): Promise<unknown> =>
    call.then(
      () => 'done',
      (error: unknown) => (error instanceof StoreUnavailableError ? 'unavailable' : error),
    );

  it('are made once when the store answers', async () => {
    expect(await calls.run(client, 1, failing(0))).to.equal('done');
    expect(made).to.equal(1);
    expect(health.isRebuilding).to.equal(false);
  });

  it('are made again each time the store answers, until they succeed', async () => {
    const call = calls.run(client, 1, failing(2));
    for (const expected of [1, 2]) {
      await clock.elapse(1_000);
      expect(made).to.equal(expected);
      expect(health.isRebuilding).to.equal(true);
      answer();
    }
    expect(await call).to.equal('done');
    expect(made).to.equal(3);
  });

  it('fail when the outage is longer than reservations and unattended queue positions last', async () => {
    const outcome = outcomeOf(calls.run(client, 1, failing(Infinity)));
    await clock.elapse(LIMITS.queueGraceMs);
    expect(await outcome).to.equal('unavailable');
    expect(made).to.equal(2);
  });

  it('fail at once when as many calls of their owner wait already', async () => {
    const first = calls.run(client, 1, failing(1));
    await clock.elapse(0);
    expect(await outcomeOf(calls.run(client, 1, failing(Infinity)))).to.equal('unavailable');
    answer();
    expect(await outcomeOf(first)).to.equal('done');
    made = 0;
    const next = calls.run(client, 1, failing(1));
    await clock.elapse(0);
    answer();
    expect(await next).to.equal('done');
  });

  it('fail when the broker stops, and are not repeated after that', async () => {
    const outcome = outcomeOf(calls.run(client, 1, failing(Infinity)));
    await clock.elapse(0);
    calls.stop();
    expect(await outcome).to.equal('unavailable');
    expect(await outcomeOf(calls.run(client, 1, failing(Infinity)))).to.equal('unavailable');
  });

  it('are not repeated after an error that is no outage', async () => {
    const error = new Error('a fault');
    expect(await outcomeOf(calls.run(client, 1, () => Promise.reject(error)))).to.equal(error);
  });
});
