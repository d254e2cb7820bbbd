import {
  COUNTS,
  QUANTILES,
  TIMING_NAMES,
  evaluateAssertions,
  parseAssertion,
} from '@duskline/loadtest/plan/assertions.js';
import { expect } from 'chai';
import fc from 'fast-check';

describe('Parsing an assertion', () => {
  it('reads a comparison of a figure with a number, or with a time in milliseconds', () => {
    expect(parseAssertion('match.p99<50')).to.deep.equal({
      ...{ text: 'match.p99<50', figure: 'match.p99', comparison: '<', value: 50 },
    });
    expect(parseAssertion(' resume.max <= 10s ')).to.include({
      figure: 'resume.max',
      comparison: '<=',
      value: 10_000,
    });
    expect(parseAssertion('match.p99.9<1.5s')).to.include({ figure: 'match.p999', value: 1_500 });
    expect(parseAssertion('lost==0')).to.include({ figure: 'lost', comparison: '==', value: 0 });
    expect(parseAssertion('refused.NO_CAPACITY<10')).to.include({ figure: 'refused.NO_CAPACITY' });
    expect(parseAssertion('ended.host_lost==0')).to.include({ figure: 'ended.host_lost' });
  });

  it('accepts every figure with every comparison', () => {
    const figures = [
      ...COUNTS,
      ...TIMING_NAMES.flatMap((time) => QUANTILES.map((quantile) => `${time}.${quantile}`)),
    ];
    const comparison = fc.constantFrom('<', '<=', '>', '>=', '==', '!=');
    fc.assert(
      fc.property(fc.constantFrom(...figures), comparison, fc.nat(), (figure, sign, value) => {
        expect(parseAssertion(`${figure} ${sign} ${value}`)).to.include({ figure, comparison: sign, value });
      }),
    );
  });

  it('refuses an unknown figure, and lists the known ones', () => {
    expect(() => parseAssertion('match.p98<50')).to.throw(
      RangeError,
      /no figure match\.p98\. Use one of: connect, match/,
    );
    expect(() => parseAssertion('luck>1')).to.throw(RangeError, /no figure luck/);
    expect(() => parseAssertion('match.p99=50')).to.throw(RangeError, /is not an assertion/);
    expect(() => parseAssertion('match.p99<fast')).to.throw(RangeError, /is not an assertion/);
    expect(() => parseAssertion('match.p99<50parsecs')).to.throw(
      RangeError,
      /50parsecs is neither a number nor a time/,
    );
    expect(() => parseAssertion('')).to.throw(RangeError);
  });
});

describe('Evaluating an assertion', () => {
  const holds = (text: string, figures: Record<string, number>): boolean | undefined =>
    evaluateAssertions([parseAssertion(text)], figures)[0]?.holds;

  it('passes when the comparison holds', () => {
    const figures = { 'match.p99': 50, lost: 0 };
    expect(
      ['match.p99<50', 'match.p99<=50', 'match.p99>49', 'match.p99!=50'].map((text) => holds(text, figures)),
    ).to.deep.equal([false, true, true, false]);
    expect(holds('lost==0', figures)).to.equal(true);
  });

  it('fails when nothing was measured, except for codes, which count as 0', () => {
    expect(holds('resume.p99<1s', {})).to.equal(false);
    expect(holds('saturationPoint!=0', {})).to.equal(false);
    expect(holds('refused.QUEUE_FULL==0', {})).to.equal(true);
    expect(holds('ended.host_lost>0', {})).to.equal(false);
  });
});
