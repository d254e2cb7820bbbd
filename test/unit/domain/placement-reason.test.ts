import { explainPlacement } from '@duskline/server/domain/placement-reason.js';
import { NOT_PREFERRED, congestionCostMs, type Candidate } from '@duskline/server/domain/ranking.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { question, rank } from './arbitraries.js';

function candidate(
  region: string,
  rttMs: number,
  utilisation: number,
  change: Partial<Candidate> = {},
): Candidate {
  const costMs = rttMs + congestionCostMs(utilisation);
  const regionPool = { region, pool: 'pc' };
  const rest = { isMeasured: true, preference: NOT_PREFERRED, acceptableAfterMs: 0 };
  return { regionPool, rttMs, utilisation, costMs, ...rest, ...change };
}

describe('The reason for a placement', () => {
  it('says that the nearest was chosen', () => {
    const reason = explainPlacement([candidate('near', 11.6, 0.424), candidate('next', 30, 0.1)], 0);
    expect(reason).to.equal('near/pc (12 ms away, 42 % in use): the nearest suitable region.');
  });

  it('names the nearer region that was more congested', () => {
    const reason = explainPlacement([candidate('next', 30, 0.1), candidate('near', 12, 0.9)], 0);
    expect(reason).to.equal('next/pc (30 ms away, 10 % in use): less congested than near (12 ms away).');
  });

  it('says that a nearer region has no free slot, also if that is because it has no host', () => {
    const reason = explainPlacement([candidate('next', 30, 0.1), candidate('near', 12, 1)], 0);
    expect(reason).to.equal('next/pc (30 ms away, 10 % in use): near (12 ms away) has no free slot.');
  });

  it('says that the player prefers the region', () => {
    const preferred = candidate('next', 30, 0.1, { preference: 2 });
    expect(explainPlacement([preferred, candidate('near', 12, 0)], 0)).to.equal(
      'next/pc (30 ms away, 10 % in use): preferred by the player.',
    );
  });

  it('claims no distance to a region that was not measured', () => {
    const unmeasured = candidate('far', 120, 0.1, { isMeasured: false, preference: 0 });
    expect(explainPlacement([unmeasured], 0)).to.equal(
      'far/pc (not measured, 10 % in use): no suitable region was measured.',
    );
    expect(explainPlacement([candidate('near', 12, 1), unmeasured], 1)).to.equal(
      'far/pc (not measured, 10 % in use): no free slot in near/pc.',
    );
  });

  it('names the full region pools, at most four of them', () => {
    const near = candidate('near', 12, 1);
    expect(explainPlacement([near, candidate('next', 30, 0.5)], 1)).to.equal(
      'next/pc (30 ms away, 50 % in use): no free slot in near/pc.',
    );
    const many = Array.from({ length: 7 }, (_, i) => candidate(`r${i}`, 10 + i, 1));
    expect(explainPlacement(many, 6)).to.match(/no free slot in r0\/pc, r1\/pc, r2\/pc, r3\/pc, …\.$/);
  });

  it('always names region, pool, distance and utilisation', () => {
    fc.assert(
      fc.property(question, fc.nat(), (asked, pick) => {
        const candidates = rank(asked);
        if (candidates.length === 0) return;
        const index = pick % candidates.length;
        const { regionPool, rttMs, isMeasured, utilisation } = candidates[index]!;
        const reason = explainPlacement(candidates, index);
        expect(reason.startsWith(`${regionPool.region}/${regionPool.pool} (`)).to.be.true;
        expect(reason).to.include(isMeasured ? `(${Math.round(rttMs)} ms away, ` : '(not measured, ');
        expect(reason).to.include(`${Math.round(utilisation * 100)} %`);
        expect(reason.length).to.be.below(500);
      }),
    );
  });

  it('says "less congested" only of a region pool that is', () => {
    fc.assert(
      fc.property(question, (asked) => {
        const [winner, ...others] = rank(asked);
        if (winner === undefined) return;
        const than = /less congested than (\S+)/.exec(explainPlacement([winner, ...others], 0))?.[1];
        if (than === undefined) return;
        const rivals = others.filter(({ regionPool }) => regionPool.region === than);
        expect(rivals.every(({ utilisation }) => utilisation > winner.utilisation)).to.be.true;
      }),
    );
  });

  it('refuses an index that is not a candidate', () => {
    const candidates = [candidate('near', 12, 0)];
    for (const index of [-1, 1, 0.5]) {
      expect(() => explainPlacement(candidates, index)).to.throw(
        RangeError,
        `There is no candidate ${index}: the request has 1.`,
      );
    }
    expect(() => explainPlacement([], 0)).to.throw(RangeError);
  });
});
