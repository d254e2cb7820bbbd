import { expect } from 'chai';
import { createBackoffPolicy } from '@duskline/host';
import { createLoadReader } from '@duskline/host/internal/connection/load-reader';
import {
  addErrorToClose,
  mayRetry,
  type ConnectionFailure,
} from '@duskline/host/internal/connection/connection-failure';
import { computeSilenceLimits } from '@duskline/host/internal/connection/silence-limits';
import { TypedEvents } from '@duskline/sdk-runtime';
import { LOAD } from '../setup.js';

const failure: ConnectionFailure = { kind: 'closed', closeCode: 1006 };

describe('host back-off', () => {
  const delayOf = (random: number, retryCount: number): number | null =>
    createBackoffPolicy({ baseMs: 100, maxMs: 1_000, random: () => random }).nextRetryDelayInMs({
      retryCount,
      elapsedMs: 0,
      failure,
    });

  it('draws every delay between 0 and a bound that doubles, including the first', () => {
    expect([0, 1, 2, 3, 4, 50].map((retryCount) => delayOf(0.999, retryCount))).to.deep.equal([
      99, 199, 399, 799, 999, 999,
    ]);
    expect(delayOf(0, 0)).to.equal(0);
    expect(delayOf(0.5, 0)).to.equal(50);
  });

  it('gives up after the configured number of retries', () => {
    const policy = createBackoffPolicy({ maxRetries: 2 });
    expect(policy.nextRetryDelayInMs({ retryCount: 1, elapsedMs: 0, failure })).not.to.be.null;
    expect(policy.nextRetryDelayInMs({ retryCount: 2, elapsedMs: 0, failure })).to.be.null;
  });
});

describe('failures of a host connection', () => {
  const cases: [ConnectionFailure, { fixed: boolean; supplied: boolean }][] = [
    [
      { kind: 'closed', closeCode: 1006 },
      { fixed: true, supplied: true },
    ],
    [
      { kind: 'closed', closeCode: 1001 },
      { fixed: true, supplied: true },
    ],
    [
      { kind: 'closed', closeCode: 4409 },
      { fixed: false, supplied: false },
    ],
    [
      { kind: 'closed', closeCode: 4401, errorCode: 'UNAUTHENTICATED' },
      { fixed: false, supplied: false },
    ],
    [
      { kind: 'closed', closeCode: 4401, errorCode: 'TOKEN_EXPIRED' },
      { fixed: false, supplied: true },
    ],
    [
      { kind: 'closed', closeCode: 4401, errorCode: 'TOKEN_NOT_YET_VALID', retryAfterMs: 900 },
      { fixed: true, supplied: true },
    ],
    [
      { kind: 'upgrade_refused', httpStatus: 401, errorCode: 'TOKEN_NOT_YET_VALID' },
      { fixed: true, supplied: true },
    ],
    [
      { kind: 'upgrade_refused', httpStatus: 503 },
      { fixed: true, supplied: true },
    ],
    [
      { kind: 'upgrade_refused', httpStatus: 404 },
      { fixed: true, supplied: true },
    ],
    [
      { kind: 'upgrade_refused', httpStatus: 403 },
      { fixed: false, supplied: false },
    ],
    [
      { kind: 'upgrade_refused', httpStatus: 401 },
      { fixed: false, supplied: true },
    ],
    [
      { kind: 'upgrade_refused', httpStatus: 401, errorCode: 'UNAUTHENTICATED' },
      { fixed: false, supplied: false },
    ],
    [
      { kind: 'upgrade_refused', httpStatus: 401, errorCode: 'TOKEN_EXPIRED' },
      { fixed: false, supplied: true },
    ],
    [
      { kind: 'not_registered', errorCode: 'UNAVAILABLE' },
      { fixed: true, supplied: true },
    ],
    [{ kind: 'silence' }, { fixed: true, supplied: true }],
  ];
  for (const [given, { fixed, supplied }] of cases) {
    it(`decides whether to retry after ${JSON.stringify(given)}`, () => {
      expect(mayRetry(given, false), 'fixed token').to.equal(fixed);
      expect(mayRetry(given, true), 'token supplier').to.equal(supplied);
    });
  }

  it('takes an error frame as the cause of a close only when the error has that close code', () => {
    const error = { type: 'error', code: 'TOO_MANY_MESSAGES', message: '', retryable: true } as const;
    const close = { kind: 'closed', closeCode: 4429 } as const;
    expect(addErrorToClose(close, { ...error, retryAfterMs: 90 })).to.include({
      errorCode: 'TOO_MANY_MESSAGES',
      retryAfterMs: 90,
    });
    expect(addErrorToClose(failure, error)).to.equal(failure);
  });
});

describe('host silence limit', () => {
  it('is two and a half heartbeats, however rarely the broker pings', () => {
    for (const pingIntervalMs of [0, 1_000, 15_000])
      expect(computeSilenceLimits({ heartbeatIntervalMs: 2_000, pingIntervalMs }).maxSilenceMs).to.equal(
        5_000,
      );
  });

  it('is two pings of the broker where no heartbeat interval is known, and unlimited without pings', () => {
    expect(computeSilenceLimits({ heartbeatIntervalMs: 0, pingIntervalMs: 15_000 }).maxSilenceMs).to.equal(
      30_000,
    );
    expect(computeSilenceLimits({ heartbeatIntervalMs: 0, pingIntervalMs: 0 }).maxSilenceMs).to.equal(
      Infinity,
    );
  });

  it('has a minimum that no slow network exceeds', () => {
    expect(computeSilenceLimits({ heartbeatIntervalMs: 10, pingIntervalMs: 100 }).maxSilenceMs).to.equal(500);
  });

  it('is never exceeded by a living broker, also when the check itself is late', () => {
    for (const heartbeatIntervalMs of [10, 200, 2_000, 60_000]) {
      const { maxSilenceMs: toleratedMs, maxLateMs } = computeSilenceLimits({
        heartbeatIntervalMs,
        pingIntervalMs: 15_000,
      });
      expect(maxLateMs).to.be.greaterThan(0);
      expect(2 * heartbeatIntervalMs + maxLateMs).to.be.at.most(toleratedMs);
    }
  });
});

describe('host load reader', () => {
  it('repeats the last valid measurement when a sensor fails', () => {
    const failures: unknown[] = [];
    const answers = [LOAD, new Error('no sensor'), { ...LOAD, gpu: NaN }, { ...LOAD, gpu: 0.9 }];
    const read = createLoadReader(
      () => {
        const answer = answers.shift();
        if (answer instanceof Error || answer === undefined) throw answer ?? new Error('no more');
        return answer;
      },
      (error) => failures.push(error),
    );
    expect([read(), read(), read(), read()].map((load) => load?.gpu)).to.deep.equal([0.4, 0.4, 0.4, 0.9]);
    expect(failures).to.have.length(2);
  });

  it('never reports idle without a measurement, and stays within the wire limits', () => {
    const blind = createLoadReader(
      () => {
        throw new Error('no sensor');
      },
      () => undefined,
    );
    expect(blind()).to.deep.equal({ gpu: 1, encoder: 1, cpu: 1, network: 1 });
    const wild = createLoadReader(
      () => ({ gpu: 1e9, encoder: -3, cpu: 1.7, network: 0 }),
      () => undefined,
    );
    expect(wild()).to.deep.equal({ gpu: 100, encoder: 0, cpu: 1.7, network: 0 });
  });
});

describe('host events', () => {
  it('reach every listener, also when another one throws', async () => {
    const errors: unknown[] = [];
    let reported: () => void = () => undefined;
    const allReported = new Promise<void>((resolve) => (reported = resolve));
    const events = new TypedEvents<{ error: number }>((_event, error) => {
      if (errors.push(error) === 2) reported();
    });
    const got: number[] = [];
    events.on('error', () => {
      throw new Error('thrown');
    });
    events.on('error', () => Promise.reject(new Error('rejected')));
    const stop = events.on('error', (value) => void got.push(value));
    events.emit('error', 1);
    stop();
    events.emit('error', 2);
    await allReported;
    expect(got).to.deep.equal([1]);
  });
});
