import { createSeededRandom } from '@duskline/host/simulated';
import { generateArrivalTimes } from '@duskline/loadtest/plan/arrival-times.js';
import { dailyRateShare, sessionMsForUtilisation } from '@duskline/loadtest/plan/profile.js';
import { LONGEST_IN_MEANS, drawSessionMs } from '@duskline/loadtest/plan/session-length.js';
import { expect } from 'chai';
import fc from 'fast-check';

describe('The schedule of arrivals', () => {
  const schedule = (seed: number, ratePerSecond: number, durationMs: number): number[] => [
    ...generateArrivalTimes({ ratePerSecond, durationMs, random: createSeededRandom(seed) }),
  ];

  it('increases, stays within its time, and is determined by the seed alone', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 20_000 }),
        (...run) => {
          const moments = schedule(...run);
          expect(moments).to.deep.equal(schedule(...run));
          expect(moments).to.deep.equal(moments.toSorted((a, b) => a - b));
          for (const atMs of moments) expect(atMs).to.be.within(0, run[2]);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is a Poisson process: the gaps have the mean and the variance of the rate', () => {
    const moments = schedule(7, 200, 200_000);
    expect(moments.length).to.be.closeTo(40_000, 1_000);
    const gaps = moments.slice(1).map((atMs, i) => atMs - (moments[i] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    expect(mean).to.be.closeTo(5, 0.15);
    expect(Math.sqrt(variance)).to.be.closeTo(mean, 0.3);
  });

  it('follows a day: quiet before dawn, busiest in the evening, interpolated between', () => {
    const durationMs = 240_000;
    const random = createSeededRandom(3);
    const shareAt = (atMs: number): number => dailyRateShare(atMs, durationMs);
    const moments = [...generateArrivalTimes({ ratePerSecond: 200, durationMs, shareAt, random })];
    const inHour = (hour: number): number =>
      moments.filter((atMs) => Math.floor((atMs / durationMs) * 24) === hour).length / (200 * 10);
    expect(inHour(4)).to.be.closeTo(0.17, 0.03);
    expect(inHour(12)).to.be.closeTo(0.62, 0.06);
    expect(inHour(20)).to.be.closeTo(0.99, 0.06);
  });
});

describe('Lengths of sessions', () => {
  it('have the requested mean, with many short ones and a few very long ones', () => {
    const random = createSeededRandom(11);
    const lengths = Array.from({ length: 100_000 }, () => drawSessionMs(1_000, random)).sort((a, b) => a - b);
    const mean = lengths.reduce((sum, ms) => sum + ms, 0) / lengths.length;
    expect(mean).to.be.closeTo(1_000, 40);
    expect(lengths[50_000]).to.be.closeTo(500, 30);
    expect(lengths[99_000]).to.be.above(5_000);
    expect(lengths.at(-1)).to.be.at.most(1_000 * LONGEST_IN_MEANS);
  });

  it('fill the fleet to seven tenths by default', () => {
    expect(sessionMsForUtilisation(4_000, 500)).to.equal(5_600);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: 10_000 }),
        (capacity, rate) => {
          const inUse = (sessionMsForUtilisation(capacity, rate) / 1_000) * rate;
          expect(inUse).to.be.closeTo(capacity * 0.7, rate / 1_000);
        },
      ),
    );
  });
});
