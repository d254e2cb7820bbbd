import { DusklineError, createBackoffPolicy, type RetryContext } from '@duskline/client/node';
import { expect } from 'chai';

function context(retryCount: number, retryAfterMs?: number): RetryContext {
  const details = retryAfterMs === undefined ? {} : { retryAfterMs };
  return { retryCount, elapsedMs: 0, error: new DusklineError('CONNECTION_LOST', '', true, details) };
}

describe('client: back-off between connections', () => {
  it('randomises even the first delay, so that players who lost one broker reconnect spread out', () => {
    const draws = [0, 0.5, 0.999];
    const policy = createBackoffPolicy({ random: () => draws.shift() ?? 0 });
    const delays = [context(0), context(0), context(0)].map((each) => policy.nextRetryDelayInMs(each));
    expect(delays).to.deep.equal([0, 500, 999]);
  });

  it('doubles its bound up to ten seconds', () => {
    const policy = createBackoffPolicy({ random: () => 1 });
    const delays = [0, 1, 2, 3, 4, 50].map((count) => policy.nextRetryDelayInMs(context(count)));
    expect(delays).to.deep.equal([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it('is never shorter than the broker requires', () => {
    const policy = createBackoffPolicy({ random: () => 0.5 });
    expect(policy.nextRetryDelayInMs(context(0, 3_000))).to.equal(3_500);
  });

  it('gives up only when it is configured to', () => {
    expect(createBackoffPolicy().nextRetryDelayInMs(context(1_000_000))).to.be.a('number');
    expect(createBackoffPolicy({ maxRetries: 3 }).nextRetryDelayInMs(context(3))).to.equal(null);
  });
});
