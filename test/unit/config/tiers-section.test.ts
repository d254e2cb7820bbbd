import { SessionLimits } from '@duskline/protocol';
import type { Tiers } from '@duskline/server/domain/tiers.js';
import { expect } from 'chai';
import { Compile } from 'typebox/compile';
import { load, mistakesOf, validDocument } from './valid-config.js';

const DEFAULTS = { headStartMs: 0, idleMs: null, maxLengthMs: null, warnBeforeMs: [300_000, 60_000] };

function tiersFrom(tiers?: object): Tiers {
  return load({ ...validDocument(), ...(tiers === undefined ? {} : { tiers }) }).tiers;
}

function mistakesWith(tiers: unknown): string[] {
  return mistakesOf({ ...validDocument(), tiers });
}

describe('configuration of tiers', () => {
  it('has the tier `default` without head start and limits, when none is written', () => {
    for (const written of [undefined, {}, { default: {} }]) {
      expect([...tiersFrom(written)]).to.deep.equal([['default', DEFAULTS]]);
    }
  });

  it('uses written values, and defaults for the rest', () => {
    const tiers = tiersFrom({
      default: { idleMs: 600_000, warnBeforeMs: [] },
      gold: { headStartMs: 120_000, maxLengthMs: 7_200_000 },
    });
    expect(tiers.get('default')).to.deep.equal({ ...DEFAULTS, idleMs: 600_000, warnBeforeMs: [] });
    expect(tiers.get('gold')).to.deep.equal({ ...DEFAULTS, headStartMs: 120_000, maxLengthMs: 7_200_000 });
  });

  it('sorts the warnings, the earliest first', () => {
    const tiers = tiersFrom({ gold: { warnBeforeMs: [60_000, 600_000, 300_000] } });
    expect(tiers.get('gold')?.warnBeforeMs).to.deep.equal([600_000, 300_000, 60_000]);
  });

  it('allows as many warnings as a host can be sent, and no more', () => {
    const warnings = Array.from({ length: 8 }, (_, i) => (i + 1) * 1_000);
    const tiers = tiersFrom({ gold: { warnBeforeMs: warnings } });
    const limits = { warnBeforeMs: tiers.get('gold')?.warnBeforeMs };
    expect(Compile(SessionLimits).Check(limits)).to.be.true;
    expect(mistakesWith({ gold: { warnBeforeMs: [...warnings, 9_000] } })).to.have.lengthOf(1);
  });

  const mistakes: [string, unknown, string][] = [
    ['a name with other characters', { Gold: {} }, 'tiers.Gold: is not a valid name'],
    [
      'an unknown key',
      { gold: { idleMS: 1 } },
      'tiers.gold.idleMS: is not a known key; did you mean idleMs?',
    ],
    [
      'a head start above an hour',
      { gold: { headStartMs: 3_600_001 } },
      'tiers.gold.headStartMs: must be <=',
    ],
    ['a negative head start', { gold: { headStartMs: -1 } }, 'tiers.gold.headStartMs: must be >= 0'],
    ['a maximum length above a day', { gold: { maxLengthMs: 86_400_001 } }, 'tiers.gold.max'],
    ['an idle limit below a second', { gold: { idleMs: 0 } }, 'tiers.gold.idleMs: must be >= 1000'],
    ['a limit that is null', { gold: { idleMs: null } }, 'tiers.gold.idleMs: must be a whole number'],
    [
      'a warning given twice',
      { gold: { warnBeforeMs: [9_000, 9_000] } },
      'tiers.gold.warnBeforeMs[1]: 9000 occurs',
    ],
    [
      'a number in place of the list of warnings',
      { gold: { warnBeforeMs: 9_000 } },
      'tiers.gold.warnBeforeMs: must be a list',
    ],
    ['a tier that is not a map', { gold: 7 }, 'tiers.gold: must be a map of keys'],
    ['a list in place of the map of tiers', [{ headStartMs: 0 }], 'tiers: must be a map of keys'],
  ];
  for (const [what, tiers, mistake] of mistakes) {
    it(`refuses ${what}`, () => {
      const found = mistakesWith(tiers);
      expect(found).to.have.lengthOf(1);
      expect(found[0]).to.include(mistake);
    });
  }
});
