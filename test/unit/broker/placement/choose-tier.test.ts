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

  it('takes the tiers that the configuration has, without a word', () => {
    expect(['default', 'gold'].map(choose)).to.deep.equal(['default', 'gold']);
    expect(warned).to.deep.equal([]);
  });

  it('takes the default one for any other, and warns once a name', () => {
    expect(['silver', 'silver', 'constructor', 'silver'].map(choose)).to.deep.equal([
      'default',
      'default',
      'default',
      'default',
    ]);
    expect(warned).to.deep.equal([{ tier: 'silver' }, { tier: 'constructor' }]);
  });

  it('does not warn without end of an issuer that means something else by the claim', () => {
    for (let i = 0; i < 1_000; i += 1) choose(`player-${i}`);
    expect(warned).to.have.lengthOf(100);
  });
});
