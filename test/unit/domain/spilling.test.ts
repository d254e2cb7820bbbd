import { regionPoolName, type Catalog } from '@duskline/server/domain/catalog.js';
import { congestionCostMs, rankCandidates } from '@duskline/server/domain/ranking.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { share } from './arbitraries.js';

const SLOTS = 200;

const CATALOG: Catalog = {
  regions: new Map(
    ['near', 'other'].map((region) => [
      region,
      { region, name: region, lat: 0, lon: 0, timeZone: 'Etc/UTC', beaconUrl: null },
    ]),
  ),
  pools: new Map([
    [
      'pc',
      { pool: 'pc', platform: 'pc', codecs: ['h264'], maxResolution: '1080p', maxFps: 60, titles: ['game'] },
    ],
  ]),
  titles: new Map([
    ['game', { title: 'game', name: 'Game', latencyPolicy: [{ afterMs: 0, maxRttMs: 200 }] }],
  ]),
};

/** Lets players arrive one by one. Returns the utilisation of the near region when the first player is placed elsewhere. */
function firstSpill(nearRttMs: number, otherRttMs: number): number {
  const used = new Map([
    ['near/pc', 0],
    ['other/pc', 0],
  ]);
  for (;;) {
    const ranking = rankCandidates(
      CATALOG,
      {
        isOpen: () => true,
        utilisation: (regionPool) => (used.get(regionPoolName(regionPool)) ?? 0) / SLOTS,
      },
      {
        title: 'game',
        rtt: { near: nearRttMs, other: otherRttMs },
      },
      { codecs: ['h264'], maxResolution: '1080p' },
    );
    if (!ranking.ok) throw new Error(ranking.code);
    const chosen = ranking.candidates[0]!.regionPool;
    if (chosen.region === 'other') return used.get('near/pc')! / SLOTS;
    used.set(regionPoolName(chosen), used.get(regionPoolName(chosen))! + 1);
    if (used.get('near/pc') === SLOTS) return 1;
  }
}

describe('The cost of congestion', () => {
  it('is 8 ms at half load and 72 ms at 90 %', () => {
    expect(congestionCostMs(0)).to.equal(0);
    expect(congestionCostMs(0.5)).to.be.closeTo(8, 1e-9);
    expect(congestionCostMs(0.9)).to.be.closeTo(72, 1e-9);
  });

  it('is finite and not negative for any input', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (utilisation) => {
        const cost = congestionCostMs(utilisation);
        expect(Number.isFinite(cost)).to.be.true;
        expect(cost).to.be.at.least(0);
      }),
    );
  });

  it('grows with load at an increasing rate', () => {
    fc.assert(
      fc.property(share, share, (a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        expect(congestionCostMs(low)).to.be.at.most(congestionCostMs(high));
        // From 0.999 on the cost is constant.
        if (high > 0.999) return;
        const chord = (congestionCostMs(low) + congestionCostMs(high)) / 2;
        expect(congestionCostMs((low + high) / 2)).to.be.at.most(chord * (1 + 1e-9) + 1e-9);
      }),
    );
  });
});

describe('Spilling to the next region', () => {
  it('starts well before the nearest is full when a neighbour is near', () => {
    expect(firstSpill(12, 20)).to.be.within(0.45, 0.55);
    expect(firstSpill(12, 30)).to.be.within(0.6, 0.75);
  });

  it('starts later for a farther neighbour', () => {
    const spills = [13, 20, 40, 80, 150].map((otherRttMs) => firstSpill(12, otherRttMs));
    expect(spills).to.deep.equal([...spills].sort((a, b) => a - b));
  });

  it('does not send players far away without need', () => {
    expect(firstSpill(12, 84)).to.be.at.least(0.9);
    expect(firstSpill(12, 180)).to.be.at.least(0.95);
  });

  it('happens before the last slot is used, as long as the policy allows the region', () => {
    expect(firstSpill(0, 200)).to.be.below(1);
  });
});
