import { readFileSync } from 'node:fs';
import {
  DEVELOPMENT_CONFIG_TEXT,
  developmentConfig,
  withDevelopmentSecrets,
} from '@duskline/server/config/development-config.js';
import { loadConfigFile } from '@duskline/server/config/load-config.js';
import { ConfigError } from '@duskline/server/config/config-error.js';
import { PLATFORMS } from '@duskline/protocol';
import { expect } from 'chai';
import { ENV } from './valid-config.js';

const EXAMPLE = new URL('../../../../examples/duskline.yaml', import.meta.url).pathname;

describe('development configuration', () => {
  it('equals the example file of the project', () => {
    expect(DEVELOPMENT_CONFIG_TEXT).to.equal(readFileSync(EXAMPLE, 'utf8'));
  });

  it('loads without any environment variable, and the example with its secrets', () => {
    expect(developmentConfig({}).catalog).to.deep.equal(loadConfigFile(EXAMPLE, ENV).catalog);
  });

  it('shows a useful fleet: many regions, both platforms, several titles', () => {
    const { regions, pools, titles } = developmentConfig({}).catalog;
    const continents = new Set([...regions.values()].map(({ timeZone }) => timeZone.split('/')[0]));
    expect(regions.size).to.be.at.least(6);
    expect(continents.size).to.be.at.least(4);
    expect(new Set([...pools.values()].map(({ platform }) => platform))).to.deep.equal(new Set(PLATFORMS));
    expect(titles.size).to.be.at.least(4);
  });

  it('shows the use of tiers', () => {
    const { tiers } = developmentConfig({});
    expect(tiers.size).to.equal(2);
    expect(tiers.get('premium')?.headStartMs).to.be.greaterThan(tiers.get('default')?.headStartMs ?? 0);
  });

  it('generates new keys at each load, and keeps those that are set', () => {
    const [one, two] = [withDevelopmentSecrets({}), withDevelopmentSecrets({})];
    expect(one['DUSKLINE_AUTH_SECRET']).not.to.equal(two['DUSKLINE_AUTH_SECRET']);
    expect(one['DUSKLINE_TICKET_MASTER_KEY']).not.to.equal(one['DUSKLINE_AUTH_SECRET']);
    expect(withDevelopmentSecrets({ ...ENV, OTHER: 'x' })).to.deep.equal({ ...ENV, OTHER: 'x' });
  });

  it('refuses a weak key that is set, even in development', () => {
    expect(() => developmentConfig({ DUSKLINE_AUTH_SECRET: 'secret' })).to.throw(ConfigError, 'has 6 bytes');
  });

  it('accepts overrides', () => {
    expect(developmentConfig({}, [{ path: ['listen', 'port'], value: 0 }]).listen.port).to.equal(0);
  });
});
