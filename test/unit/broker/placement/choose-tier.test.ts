import { createTierChooser } from '@duskline/server/broker/placement/choose-tier.js';
import { TIER_DEFAULTS } from '@duskline/server/domain/tiers.js';
import { expect } from 'chai';

describe('tier choice', () => {
  const tiers = new Map([
    ['default', TIER_DEFAULTS],
    ['gold', { ...TIER_DEFAULTS, headStartMs: 60_000 }],
  ]);
  const nothing = (): void => undefined;
  let warned: object[];
  let choose: (name: string) => string;
  beforeEach(() => {
    warned = [];
    const log = {
      error: nothing,
      warn: (fields: object) => warned.push(fields),
      info: nothing,
      debug: nothing,
    };
    choose = createTierChooser(tiers, log);
  });

  it('accepts configured tiers without a log line', () => {
    expect(['default', 'gold'].map(choose)).to.deep.equal(['default', 'gold']);
    expect(warned).to.deep.equal([]);
  });

  it('falls back to the default tier, with one warning per unknown name', () => {
    expect(['silver', 'silver', 'constructor', 'silver'].map(choose)).to.deep.equal([
      'default',
      'default',
      'default',
      'default',
    ]);
    expect(warned).to.deep.equal([{ tier: 'silver' }, { tier: 'constructor' }]);
  });

  it('bounds the number of warnings about unknown names', () => {
    for (let i = 0; i < 1_000; i += 1) choose(`player-${i}`);
    expect(warned).to.have.lengthOf(100);
  });
});
