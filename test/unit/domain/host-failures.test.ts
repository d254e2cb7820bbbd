import { addMs, toStoreMs } from '@duskline/server/domain/store-time.js';
import {
  DEFAULT_BACK_OFF,
  FAILURES_KEPT_MS,
  addHostFailure,
  backOffMs,
  isLeftOut,
  startTrial,
  type HostFailures,
} from '@duskline/server/domain/host-failures.js';
import { expect } from 'chai';
import fc from 'fast-check';

const backOff = fc
  .record({ firstMs: fc.integer({ min: 1, max: 60_000 }), times: fc.integer({ min: 1, max: 1_000 }) })
  .map(({ firstMs, times }) => ({ firstMs, maxMs: firstMs * times }));
const count = fc.integer({ min: 1, max: 10_000 });
const T0 = toStoreMs(1_767_225_600_000);

/** The failures of a host that fails each of its trials, the moment it gets it. */
function failTrials(trials: number): HostFailures[] {
  const all: HostFailures[] = [];
  let now = T0;
  let failures: HostFailures | null = null;
  for (let i = 0; i < trials; i += 1) {
    const before: HostFailures | null =
      failures === null ? null : startTrial(failures, now, DEFAULT_BACK_OFF);
    failures = addHostFailure(before, 'refused', now, now, DEFAULT_BACK_OFF)!;
    all.push(failures);
    now = failures.untilMs;
  }
  return all;
}

describe('The back-off of a host that fails new sessions', () => {
  it('begins with 5 s and doubles with each failure in a row, up to 5 minutes', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 100].map((failures) => backOffMs(failures, DEFAULT_BACK_OFF));
    expect(waits).to.deep.equal([5, 10, 20, 40, 80, 160, 300, 300, 300].map((seconds) => seconds * 1_000));
  });

  it('never falls with further failures, and is never shorter than the first or longer than the longest', () => {
    fc.assert(
      fc.property(backOff, count, (of, failures) => {
        const wait = backOffMs(failures, of);
        expect(wait).to.be.within(of.firstMs, of.maxMs);
        expect(backOffMs(failures + 1, of)).to.be.at.least(wait);
      }),
    );
  });

  it('ends by itself, however often the host has failed', () => {
    fc.assert(
      fc.property(backOff, count, (of, failures) => {
        const before = {
          count: failures,
          reason: 'refused',
          untilMs: T0,
          countedUntilMs: addMs(T0, -1),
        } as const;
        const after = addHostFailure(before, 'refused', T0, T0, of)!;
        expect(isLeftOut(after, T0, of)).to.equal(true);
        expect(isLeftOut(after, addMs(T0, of.maxMs), of)).to.equal(false);
      }),
    );
  });

  it('grows once for sessions that were reserved together, however many of them the host fails', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 30_000 }), { maxLength: 20 }), (ages) => {
        const first = addHostFailure(null, 'refused', T0, T0, DEFAULT_BACK_OFF)!;
        for (const ageMs of ages) {
          expect(
            addHostFailure(first, 'refused', addMs(T0, -ageMs), addMs(T0, 100), DEFAULT_BACK_OFF),
          ).to.equal(null);
        }
      }),
    );
  });

  it('grows when the host fails the session that it got as a trial', () => {
    expect(failTrials(4).map((failures) => failures.count)).to.deep.equal([1, 2, 3, 4]);
  });

  it('starts again during a trial, without counting a failure', () => {
    const [failures] = failTrials(1);
    const trial = startTrial(failures!, addMs(T0, 7_000), DEFAULT_BACK_OFF);
    expect(trial).to.include({ count: 1, untilMs: addMs(T0, 12_000) });
    expect(isLeftOut(trial, addMs(T0, 11_999), DEFAULT_BACK_OFF)).to.equal(true);
  });

  it('starts anew when the last failure is long ago', () => {
    const last = failTrials(5).at(-1)!;
    const later = addMs(last.untilMs, FAILURES_KEPT_MS);
    const afterwards = addMs(later, 1);
    expect(addHostFailure(last, 'refused', later, later, DEFAULT_BACK_OFF)).to.include({ count: 6 });
    expect(addHostFailure(last, 'refused', afterwards, afterwards, DEFAULT_BACK_OFF)).to.include({
      count: 1,
    });
  });

  it('ends at once when the clock was set back by more than the longest back-off', () => {
    const [failures] = failTrials(1);
    expect(isLeftOut(failures!, addMs(T0, -3_600_000), DEFAULT_BACK_OFF)).to.equal(false);
  });
});
