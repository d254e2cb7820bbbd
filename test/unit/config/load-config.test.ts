import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { DEFAULT_LIMITS } from '@duskline/server/domain/limits.js';
import { loadConfig, loadConfigFile } from '@duskline/server/config/load-config.js';
import { ConfigError } from '@duskline/server/config/config-error.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { EC, pemOf } from '../auth/keys.js';
import { ENV, load, mistakesOf, validDocument } from './valid-config.js';

describe('loadConfig', () => {
  it('fills in every default and resolves references between sections', () => {
    const { version, regions, pools, titles, latencyPolicies, auth } = validDocument();
    const config = load({ version, regions, pools, titles, latencyPolicies, auth });
    expect(config.limits).to.deep.equal(DEFAULT_LIMITS);
    expect([...config.tiers.keys()]).to.deep.equal(['default']);
    expect(config.store).to.deep.equal({ kind: 'memory' });
    expect(config.listen).to.deep.equal({ host: '127.0.0.1', port: 8080 });
    expect(config.log).to.deep.equal({ level: 'info' });
    expect(config.auth).to.include({ issuer: null, clockToleranceS: 5 });
    expect(config.catalog.regions.get('eu-west')?.beaconUrl).to.equal(null);
    expect(config.catalog.pools.get('console-x')?.maxFps).to.equal(60);
    expect(config.catalog.titles.get('starfall')?.latencyPolicy).to.deep.equal([
      { afterMs: 0, maxRttMs: 60 },
      { afterMs: 20_000, maxRttMs: 90 },
    ]);
  });

  it('prefers written values to defaults', () => {
    const config = load({
      ...validDocument(),
      limits: { reservationMs: 45_000 },
      listen: { port: 0 },
      log: { level: 'warn' },
    });
    expect(config.limits).to.deep.equal({ ...DEFAULT_LIMITS, reservationMs: 45_000 });
    expect(config.listen).to.deep.equal({ host: '127.0.0.1', port: 0 });
    expect(config.log.level).to.equal('warn');
  });

  it('reports ten mistakes at once, each with its path', () => {
    const document = validDocument();
    document.version = 2;
    document.regions[0]!['lat'] = 91;
    document.regions[1]!['region'] = 'eu-west';
    document.regions[1]!['timeZone'] = 'Europe/Atlantis';
    document.pools[0]!.codecs = ['divx'];
    document.pools[0]!.titles = ['starfall', 'starfal'];
    document.titles[0]!['latencyPolicy'] = 'standart';
    document.latencyPolicies['standard']![1]!.maxRttMs = 60;
    document.limits = { lostAfterMs: 3_000 };
    document['lisen'] = { port: 80 };
    expect(mistakesOf(document)).to.have.members([
      'version: must be 1',
      'lisen: is not a known key; did you mean listen?',
      'regions[0].lat: must be <= 90',
      'pools[0].codecs[0]: must be one of: av1, hevc, vp9, h264',
      'regions[1].timeZone: is not an IANA time zone, such as Europe/Dublin',
      'regions[1].region: eu-west occurs twice',
      'pools[0].titles[1]: there is no title starfal; did you mean starfall?',
      'titles[0].latencyPolicy: there is no latency policy standart; did you mean standard?',
      'latencyPolicies.standard[1].maxRttMs: must be greater than in the step before (60)',
      'limits.lostAfterMs: lostAfterMs (3000) must be more than suspectAfterMs (4000): a host is suspect before it is lost',
    ]);
  });

  it('reports any number of mistakes in one list', () => {
    const document = validDocument();
    document.regions = Array.from({ length: 30 }, (_, i) => ({
      ...document.regions[0],
      region: `r-${i}`,
      lat: 99,
    }));
    expect(mistakesOf(document)).to.have.lengthOf(30);
  });

  it('gives the line of a mistake', () => {
    const text = stringify(validDocument()).replace('lon: -77.49', 'lon: -777.49');
    const line = text.split('\n').findIndex((row) => row.includes('-777.49')) + 1;
    expect(() => loadConfig({ text, env: ENV })).to.throw(
      ConfigError,
      `The configuration has 1 mistake:\nregions[1].lon: must be >= -180 (line ${line})`,
    );
  });

  it('lists every missing key', () => {
    expect(mistakesOf('version: 1')).to.have.members([
      'regions: is required',
      'pools: is required',
      'titles: is required',
      'latencyPolicies: is required',
      'auth: is required',
    ]);
  });

  it('refuses empty lists', () => {
    const document = { ...validDocument(), regions: [], pools: [], titles: [], latencyPolicies: {} };
    expect(mistakesOf(document).map((mistake) => mistake.split(':')[0])).to.have.members([
      'regions',
      'pools',
      'titles',
      'latencyPolicies',
    ]);
  });

  it('never converts a value of another type', () => {
    const wrong: [string, unknown, string][] = [
      ['listen', { port: '8080' }, 'listen.port: must be a whole number'],
      ['listen', { port: 65_536 }, 'listen.port: must be <= 65535'],
      ['listen', null, 'listen: must be a map of keys'],
      [
        'log',
        { level: 'verbose' },
        'log.level: must be one of: trace, debug, info, warn, error, fatal, silent',
      ],
      ['limits', { reservationMs: 1.5 }, 'limits.reservationMs: must be a whole number'],
      ['limits', { reservationMs: null }, 'limits.reservationMs: must be a whole number'],
      ['limits', { reservationMs: Number.NaN }, 'limits.reservationMs: must be a whole number'],
      ['limits', { reservationMs: '30s' }, 'limits.reservationMs: must be a whole number'],
      ['limits', { reservations: 1 }, 'limits.reservations: is not a known key; did you mean reservationMs?'],
      ['version', '1', 'version: must be 1'],
    ];
    for (const [key, value, mistake] of wrong) {
      expect(mistakesOf({ ...validDocument(), [key]: value })).to.include(mistake);
    }
  });

  it('reports unknown keys at any depth, with a suggestion only for a close match', () => {
    const document = validDocument();
    document.regions[0]!['timezone'] = 'Europe/Dublin';
    document.pools[0]!['hosts'] = 7;
    document['__proto__x'] = {};
    expect(mistakesOf(document)).to.have.members([
      '__proto__x: is not a known key',
      'regions[0].timezone: is not a known key; did you mean timeZone?',
      'pools[0].hosts: is not a known key',
    ]);
  });

  it('refuses names with other characters, also as keys', () => {
    const document = validDocument();
    document.latencyPolicies['Not A Name'] = [{ afterMs: 0, maxRttMs: 1 }];
    document.regions[0]!['region'] = 'EU_West';
    const mistakes = mistakesOf(document);
    expect(mistakes).to.have.lengthOf(2);
    expect(mistakes[0]).to.match(/^regions\[0\]\.region: must match/);
    expect(mistakes[1]).to.match(/^latencyPolicies\.Not A Name: is not a valid name/);
  });

  describe('YAML', () => {
    it('reports invalid YAML, with the line', () => {
      expect(() => loadConfig({ text: 'version: 1\nregions: [', env: ENV })).to.throw(
        ConfigError,
        /not valid YAML: .*\(line 2\)/,
      );
    });

    it('refuses a key given twice, unknown tags and unbounded aliases', () => {
      expect(mistakesOf('version: 1\nversion: 1').join()).to.include('unique');
      expect(mistakesOf('version: !secret 1').join()).to.include('not valid YAML');
      const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]', 'b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]'];
      bomb.push(
        'c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]',
        'd: [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]',
      );
      expect(mistakesOf(bomb.join('\n'))).to.deep.equal([': not valid YAML: its aliases cannot be resolved']);
    });

    it('refuses an empty text and a text that is not a map', () => {
      for (const text of ['', '# nothing', '- 1', 'duskline']) {
        expect(mistakesOf(text)).to.deep.equal([': must be a map of keys']);
      }
    });

    it('throws ConfigError only, for any input', () => {
      const key = fc.constantFrom(...Object.keys(validDocument()), 'listen', 'log');
      const spoiled = fc
        .tuple(key, fc.jsonValue())
        .map(([name, value]) => ({ ...validDocument(), [name]: value }));
      fc.assert(fc.property(spoiled, (document) => void mistakesOf(document)));
      fc.assert(fc.property(fc.string(), (text) => void mistakesOf(text)));
    });
  });

  describe('overrides', () => {
    const text = stringify(validDocument());

    it('replace the values of the file', () => {
      const config = loadConfig({
        text,
        env: ENV,
        overrides: [
          { path: ['listen', 'port'], value: 0 },
          { path: ['store', 'redis', 'url'], value: 'redis://127.0.0.1' },
        ],
      });
      expect(config.listen.port).to.equal(0);
      expect(config.store.kind).to.equal('redis');
    });

    it('are validated like the rest', () => {
      const overrides = [{ path: ['listen', 'port'], value: -1 }];
      expect(() => loadConfig({ text, env: ENV, overrides })).to.throw(
        ConfigError,
        'listen.port: must be >= 0',
      );
    });
  });

  describe('from a file', () => {
    let folder: string;
    beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'duskline-config-'))));
    afterEach(() => rmSync(folder, { recursive: true }));

    it('reads key files relative to the file', () => {
      const document = { ...validDocument(), auth: { algorithms: ['ES256'], publicKeyFile: 'key.pem' } };
      writeFileSync(join(folder, 'duskline.yaml'), stringify(document));
      writeFileSync(join(folder, 'key.pem'), pemOf(EC.publicKey));
      expect(loadConfigFile(join(folder, 'duskline.yaml'), ENV).auth.keys.kind).to.equal('public');
    });

    it('reports a file that cannot be read', () => {
      const file = join(folder, 'gone.yaml');
      expect(() => loadConfigFile(file, ENV)).to.throw(ConfigError, `${file} cannot be read (ENOENT)`);
    });
  });

  it('contains no secret when it is logged', () => {
    const env = { ...ENV, DUSKLINE_REDIS_PASSWORD: 'hunter2hunter2' };
    const config = load({ ...validDocument(), store: { redis: { url: 'redis://r' } } }, env);
    const logged = inspect(config, { depth: 10 }) + JSON.stringify(config);
    for (const secret of Object.values(env)) expect(logged).not.to.include(secret);
  });
});
