import { RESOLUTIONS } from '@duskline/protocol/vocabulary';
import { regionPoolName, type RegionPool } from '@duskline/server/domain/catalog.js';
import { acceptableAfterMs, rankCandidates, type Candidate } from '@duskline/server/domain/ranking.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { REGIONS, catalogOf, fleetOf, question, rank, type Question } from './arbitraries.js';

const names = (asked: Question): string[] => rank(asked).map(({ regionPool }) => regionPoolName(regionPool));

describe('The ranking of candidates', () => {
  describe('lists exactly the region pools that can serve the request', () => {
    it('without pools that lack the title or platform, or exceed the device', () => {
      fc.assert(
        fc.property(question, (asked) => {
          const { device, title, platform, minResolution } = asked.wish;
          for (const { regionPool } of rank(asked)) {
            const pool = asked.pools.find((known) => known.pool === regionPool.pool)!;
            expect(pool.titles).to.include(title);
            expect(pool.codecs.some((codec) => device.codecs.includes(codec))).to.be.true;
            expect(platform ?? pool.platform).to.equal(pool.platform);
            const shown = [pool.maxResolution, device.maxResolution].map((r) => RESOLUTIONS.indexOf(r));
            expect(Math.min(...shown)).to.be.at.least(
              minResolution === undefined ? 0 : RESOLUTIONS.indexOf(minResolution),
            );
          }
        }),
      );
    });

    it('without regions that are out of policy, not allowed, excluded, closed, unknown or not in `rtt`', () => {
      fc.assert(
        fc.property(question, (asked) => {
          const { rtt, regions } = asked.wish;
          const furthest = asked.policy.at(-1)!.maxRttMs;
          for (const candidate of rank(asked)) {
            const { region } = candidate.regionPool;
            expect(REGIONS).to.include(region);
            expect(rtt).to.have.own.property(region, candidate.isMeasured ? candidate.rttMs : null);
            expect(candidate.rttMs).to.be.at.most(furthest);
            if (!candidate.isMeasured) expect(candidate.rttMs).to.equal(furthest);
            expect(asked.states[region]).to.equal('open');
            expect(regions?.only ?? [region]).to.include(region);
            expect(regions?.exclude ?? []).not.to.include(region);
          }
        }),
      );
    });

    it('each of them once', () => {
      fc.assert(
        fc.property(question, (asked) => {
          const found = rank(asked);
          expect(new Set(found.map(({ regionPool }) => regionPoolName(regionPool))).size).to.equal(
            found.length,
          );
          // The suitability of a pool does not depend on the region, and the latency policy does not depend on the pool.
          const pools = new Set(found.map(({ regionPool }) => regionPool.pool));
          const regions = new Set(found.map(({ regionPool }) => regionPool.region));
          expect(found).to.have.length(pools.size * regions.size);
          if (found.length === 0) return;
          const { only, exclude } = asked.wish.regions ?? {};
          const expected = REGIONS.filter(
            (region) =>
              (asked.wish.rtt[region] === null ||
                (asked.wish.rtt[region] ?? Infinity) <= asked.policy.at(-1)!.maxRttMs) &&
              asked.states[region] === 'open' &&
              (only === undefined || only.includes(region)) &&
              !(exclude ?? []).includes(region),
          );
          expect([...regions].sort()).to.deep.equal(expected);
        }),
      );
    });

    it('with a reason when the list is empty', () => {
      const asked = fc.sample(question, { numRuns: 1, seed: 1 })[0]!;
      const pool = { ...asked.pools[0]!, titles: ['t1'], codecs: ['h264' as const] };
      const wish = {
        title: 't1',
        device: { codecs: ['h264' as const], maxResolution: '720p' as const },
        rtt: {},
      };
      const refusalOf = (changes: Partial<Question>): string => {
        const full = { ...asked, pools: [pool], wish, ...changes };
        const ranking = rankCandidates(catalogOf(full), fleetOf(full), full.wish, full.wish.device);
        return ranking.ok ? 'ok' : ranking.code;
      };
      expect(refusalOf({ wish: { ...wish, title: 'nowhere' } })).to.equal('UNKNOWN_TITLE');
      expect(refusalOf({ wish: { ...wish, title: 't2' } })).to.equal('UNKNOWN_TITLE');
      expect(refusalOf({ pools: [{ ...pool, codecs: ['av1'] }] })).to.equal('NO_SUITABLE_POOL');
      expect(refusalOf({})).to.equal('NO_REGION_IN_REACH');
    });
  });

  describe('orders them', () => {
    it('in the same way on every broker: whatever the order of regions, pools and measurements', () => {
      const shuffled = question.chain((asked) =>
        fc.record({
          asked: fc.constant(asked),
          pools: fc.shuffledSubarray([...asked.pools], { minLength: asked.pools.length }),
          rtt: fc.shuffledSubarray(Object.entries(asked.wish.rtt), {
            minLength: Object.keys(asked.wish.rtt).length,
          }),
        }),
      );
      fc.assert(
        fc.property(shuffled, ({ asked, pools, rtt }) => {
          const other = { ...asked, pools, wish: { ...asked.wish, rtt: Object.fromEntries(rtt) } };
          expect(rank(other)).to.deep.equal(rank(asked));
        }),
      );
    });

    it('by the policy step that accepts them, measured ones first, then by the player’s preference, then by cost', () => {
      fc.assert(
        fc.property(question, (asked) => {
          const found = rank(asked);
          const prefer = asked.wish.regions?.prefer ?? [];
          const order = ({
            acceptableAfterMs: after,
            isMeasured,
            regionPool,
            costMs,
          }: Candidate): number[] => {
            const index = prefer.indexOf(regionPool.region);
            return [after, isMeasured ? 0 : 1, index < 0 ? Infinity : index, costMs];
          };
          for (const [i, candidate] of found.slice(1).entries()) {
            const [before, behind] = [order(found[i]!), order(candidate)];
            const differs = before.findIndex((value, k) => value !== behind[k]);
            if (differs >= 0) expect(before[differs]).to.be.below(behind[differs]!);
          }
        }),
      );
    });

    it('so that regions that were not measured come last, at the last step of the policy', () => {
      fc.assert(
        fc.property(question, (asked) => {
          const found = rank(asked);
          const firstUnmeasured = found.findIndex(({ isMeasured }) => !isMeasured);
          if (firstUnmeasured < 0) return;
          for (const { isMeasured, acceptableAfterMs: afterMs } of found.slice(firstUnmeasured)) {
            expect(isMeasured).to.equal(false);
            expect(afterMs).to.equal(asked.policy.at(-1)!.afterMs);
          }
        }),
      );
    });

    it('so that a preference changes only the order, and neither the candidates nor their policy steps', () => {
      fc.assert(
        fc.property(question, (asked) => {
          const { prefer: _prefer, ...regions } = asked.wish.regions ?? {};
          const steps = (found: readonly Candidate[]): string[] =>
            found.map(
              ({ regionPool, acceptableAfterMs: afterMs }) => `${regionPoolName(regionPool)} ${afterMs}`,
            );
          const without = rank({ ...asked, wish: { ...asked.wish, regions } });
          expect(steps(rank(asked))).to.have.members(steps(without));
        }),
      );
    });

    it('so that a region pool never moves up when it fills, nor down when it empties', () => {
      const changed = fc.tuple(question, fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }));
      fc.assert(
        fc.property(changed, ([asked, pick, to]) => {
          const found = rank(asked);
          if (found.length === 0) return;
          const { regionPool, utilisation: from } = found[pick % found.length]!;
          const after = { ...asked, utilisation: { ...asked.utilisation, [regionPoolName(regionPool)]: to } };
          expectMoved(asked, after, regionPool, to >= from ? 'back' : 'ahead');
        }),
      );
    });

    it('so that a region never moves up when it gets slower, nor down when it gets faster', () => {
      const changed = fc.tuple(question, fc.nat(), fc.double({ min: 0, max: 400, noNaN: true }));
      fc.assert(
        fc.property(changed, ([asked, pick, to]) => {
          const found = rank(asked);
          if (found.length === 0) return;
          const { regionPool, rttMs: from, isMeasured } = found[pick % found.length]!;
          if (!isMeasured) return;
          const rtt = { ...asked.wish.rtt, [regionPool.region]: to };
          expectMoved(
            asked,
            { ...asked, wish: { ...asked.wish, rtt } },
            regionPool,
            to >= from ? 'back' : 'ahead',
          );
        }),
      );
    });
  });

  it('uses the first policy step that is wide enough, and none beyond the widest', () => {
    const policy = [
      { afterMs: 0, maxRttMs: 60 },
      { afterMs: 20_000, maxRttMs: 90 },
    ];
    expect([0, 60, 60.1, 90, 90.1].map((rtt) => acceptableAfterMs(policy, rtt))).to.deep.equal([
      0,
      0,
      20_000,
      20_000,
      undefined,
    ]);
  });
});

/** Compares the order of a region pool with those whose cost has not changed. It may only have moved `way`. */
function expectMoved(before: Question, after: Question, regionPool: RegionPool, way: 'back' | 'ahead'): void {
  const was = names(before);
  const is = names(after);
  const own = regionPoolName(regionPool);
  if (!is.includes(own)) {
    expect(way).to.equal('back');
    return;
  }
  for (const other of was) {
    if (other.startsWith(`${regionPool.region}/`) && before.wish.rtt !== after.wish.rtt) continue;
    const stoodBefore = was.indexOf(other) < was.indexOf(own);
    const standsBefore = is.indexOf(other) < is.indexOf(own);
    if (other !== own && stoodBefore !== standsBefore) {
      expect(standsBefore ? 'back' : 'ahead', `${own} against ${other}`).to.equal(way);
    }
  }
}
