import {
  findSaturationPoint,
  judgeLevel,
  nextRate,
  type JudgedLevel,
  type LoadLevel,
} from '@duskline/loadtest/plan/saturation-point.js';
import { expect } from 'chai';
import fc from 'fast-check';

const BOUNDS = { maxP99Ms: 250 };

function level(more: Partial<LoadLevel> = {}): LoadLevel {
  return {
    ...{ ratePerSecond: 100, durationMs: 10_000, offered: 1_000, noClientFree: 0, answered: 1_000 },
    ...{ matched: 1_000, p99Ms: 20, lagP99Ms: 2 },
    ...more,
  };
}

/** Results of load levels on brokers that can serve a fixed number of requests per second. */
function climb(capacity: number, firstRate: number, highestRate?: number): JudgedLevel[] {
  const levels: JudgedLevel[] = [];
  for (;;) {
    const rate = nextRate(levels, firstRate, highestRate);
    if (rate === undefined) return levels;
    const p99Ms = rate <= capacity ? 20 : 2_000;
    levels.push(judgeLevel(level({ ratePerSecond: rate, p99Ms }), BOUNDS));
  }
}

describe('A level of a stepped load', () => {
  it('holds while everybody is answered in time', () => {
    expect(judgeLevel(level(), BOUNDS)).to.include({ held: true });
  });

  it('breaks with a readable reason', () => {
    const why = (more: Partial<LoadLevel>): unknown => {
      const { held, why: text, ownFault } = judgeLevel(level(more), BOUNDS);
      return { held, text, ownFault };
    };
    expect(why({ p99Ms: 812.4 })).to.deep.equal({
      ...{ held: false, text: 'p99 of match was 812 ms' },
      ownFault: undefined,
    });
    expect(why({ answered: 700 })).to.deep.include({ text: '70.0 % were answered in time' });
    expect(why({ matched: 600 })).to.deep.include({ text: '60.0 % got a slot at once' });
  });

  it('says when the load generator was the limit', () => {
    const own = (more: Partial<LoadLevel>): unknown => judgeLevel(level(more), BOUNDS).ownFault;
    expect(own({ noClientFree: 100, answered: 900, matched: 900 })).to.equal(true);
    expect(own({ lagP99Ms: 400, p99Ms: 500 })).to.equal(true);
    expect(own({ p99Ms: 500 })).to.equal(undefined);
  });
});

describe('The saturation point', () => {
  it('is searched by doubling, then between the last level that held and the first that broke', () => {
    expect(climb(1_000, 250).map(({ ratePerSecond }) => ratePerSecond)).to.deep.equal([
      250, 500, 1_000, 2_000, 1_500, 1_250,
    ]);
    expect(findSaturationPoint(climb(1_000, 250))).to.include({ ratePerSecond: 1_000, brokeAt: 1_250 });
    expect(climb(1_300, 250).map(({ ratePerSecond }) => ratePerSecond)).to.deep.equal([
      250, 500, 1_000, 2_000, 1_500, 1_250,
    ]);
    expect(findSaturationPoint(climb(1_300, 250))).to.include({
      ratePerSecond: 1_250,
      brokeAt: 1_500,
      matchedPerSecond: 100,
    });
  });

  it('is 0 when the first level breaks, and the highest level when none breaks', () => {
    expect(findSaturationPoint(climb(10, 250))).to.include({
      ratePerSecond: 0,
      brokeAt: 250,
      why: 'p99 of match was 2000 ms',
    });
    const all = findSaturationPoint(climb(Infinity, 250, 1_000));
    expect(all).to.include({ ratePerSecond: 1_000 });
    expect(all).not.to.have.property('brokeAt');
  });

  it('is never above the capacity of the brokers, and within a fifth of it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 50_000 }), (capacity) => {
        const levels = climb(capacity, 100);
        const { ratePerSecond, brokeAt = Infinity } = findSaturationPoint(levels);
        expect(ratePerSecond).to.be.at.most(capacity);
        expect(brokeAt).to.be.above(capacity);
        expect(ratePerSecond).to.be.at.least(capacity * 0.79);
        expect(levels.length).to.be.at.most(14);
      }),
    );
  });
});
