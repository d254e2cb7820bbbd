import { expect } from 'chai';
import { load, mistakesOf, validDocument } from './valid-config.js';

describe('configuration of the fleet', () => {
  it('refuses duplicate ids, and duplicate entries in a pool', () => {
    const document = validDocument();
    document.regions[1]!['region'] = 'eu-west';
    document.titles.push({ ...document.titles[0] });
    document.pools[0]!.codecs.push('hevc');
    document.pools[0]!.titles.push('starfall');
    document.pools.push({ ...document.pools[0]!, codecs: ['av1'], titles: ['starfall'] });
    expect(mistakesOf(document)).to.have.members([
      'regions[1].region: eu-west occurs twice',
      'titles[1].title: starfall occurs twice',
      'pools[1].pool: console-x occurs twice',
      'pools[0].codecs[2]: hevc occurs twice',
      'pools[0].titles[1]: starfall occurs twice',
    ]);
  });

  it('refuses a title that no pool carries, and a pool with an unknown title', () => {
    const document = validDocument();
    document.titles.push({ title: 'orphan', name: 'Orphan', latencyPolicy: 'standard' });
    document.pools[0]!.titles.push('nothing');
    expect(mistakesOf(document)).to.have.members([
      'titles[1].title: no pool has this title',
      'pools[0].titles[1]: there is no title nothing',
    ]);
  });

  it('refuses a title with an unknown latency policy, also one named like a built-in property', () => {
    const document = validDocument();
    for (const policy of ['fast', 'constructor', 'valueof']) {
      document.titles[0]!['latencyPolicy'] = policy;
      expect(mistakesOf(document)).to.deep.equal([
        `titles[0].latencyPolicy: there is no latency policy ${policy}`,
      ]);
    }
  });

  it('refuses coordinates out of range', () => {
    const document = validDocument();
    Object.assign(document.regions[0]!, { lat: -90.5, lon: 180.5 });
    expect(mistakesOf(document)).to.deep.equal([
      'regions[0].lat: must be >= -90',
      'regions[0].lon: must be <= 180',
    ]);
  });

  it('accepts IANA time zones only', () => {
    for (const timeZone of ['Europe/Dublin', 'UTC', 'America/Argentina/Buenos_Aires']) {
      expect(mistakesOf(withRegion({ timeZone })), timeZone).to.deep.equal([]);
    }
    for (const timeZone of ['Europe/Atlantis', '+01:00', 'here', '../etc']) {
      expect(mistakesOf(withRegion({ timeZone })), timeZone).to.have.lengthOf(1);
    }
  });

  it('accepts http and https beacons only', () => {
    const beaconUrl = 'https://beacon.eu-west.example.com/v1';
    expect(load(withRegion({ beaconUrl })).catalog.regions.get('eu-west')?.beaconUrl).to.equal(beaconUrl);
    for (const wrong of [
      'beacon',
      'ftp://x/',
      'https://user:pass@x/',
      'https://x/#top',
      'javascript:alert(1)',
    ]) {
      expect(mistakesOf(withRegion({ beaconUrl: wrong })), wrong).to.deep.equal([
        'regions[0].beaconUrl: must be an http or https URL without user, password or fragment',
      ]);
    }
  });

  describe('latency policies', () => {
    it('have a first step at 0 ms', () => {
      expect(mistakesOf(withSteps([5_000, 60], [20_000, 90]))).to.deep.equal([
        'latencyPolicies.standard[0].afterMs: must be 0 in the first step',
      ]);
    });

    it('increase in both values', () => {
      expect(mistakesOf(withSteps([0, 60], [20_000, 60], [20_000, 90], [10_000, 80]))).to.deep.equal([
        'latencyPolicies.standard[1].maxRttMs: must be greater than in the step before (60)',
        'latencyPolicies.standard[2].afterMs: must be greater than in the step before (20000)',
        'latencyPolicies.standard[3].afterMs: must be greater than in the step before (20000)',
        'latencyPolicies.standard[3].maxRttMs: must be greater than in the step before (90)',
      ]);
    });

    it('have at least one step', () => {
      expect(mistakesOf(withSteps())).to.have.lengthOf(1);
    });
  });
});

function withRegion(fields: Record<string, unknown>): object {
  const document = validDocument();
  Object.assign(document.regions[0]!, fields);
  return document;
}

function withSteps(...steps: [number, number][]): object {
  const document = validDocument();
  document.latencyPolicies['standard'] = steps.map(([afterMs, maxRttMs]) => ({ afterMs, maxRttMs }));
  return document;
}
