import { brokerConfig } from '@duskline/loadtest/plan/broker-config.js';
import {
  MAX_REGIONS,
  rttToNearestRegions,
  selectRegions,
} from '@duskline/loadtest/plan/simulated-regions.js';
import { loadConfig } from '@duskline/server/config/load-config.js';
import { expect } from 'chai';
import { TEST_ENV } from '../../support/fleet/test-broker.js';

describe('The simulated regions of a load test', () => {
  it('have unique names, up to a maximum number', () => {
    const regions = selectRegions(MAX_REGIONS);
    expect(new Set(regions.map(({ region }) => region))).to.have.property('size', MAX_REGIONS);
    expect(selectRegions(1).map(({ region }) => region)).to.deep.equal(['eu-west']);
    for (const count of [0, MAX_REGIONS + 1, 1.5]) expect(() => selectRegions(count)).to.throw(RangeError);
  });

  it('are measured by players by distance, their own first', () => {
    const regions = selectRegions(8);
    for (const home of regions) {
      const rtt = Object.entries(rttToNearestRegions(home, regions));
      expect(rtt).to.have.length(5);
      expect(rtt[0]).to.deep.equal([home.region, 5]);
      for (const [, ms] of rtt) expect(ms).to.be.within(5, 300);
    }
    const [dublin] = regions;
    expect(rttToNearestRegions(dublin!, regions)['eu-central']).to.be.closeTo(20, 5);
  });

  it('are a valid configuration of a broker at every size, with the given limits', () => {
    for (let count = 1; count <= MAX_REGIONS; count += 1) {
      const text = brokerConfig({
        ...{ regions: selectRegions(count), title: 'starfall', pool: 'console-x' },
        limits: { lostAfterMs: 5_000 },
      });
      const { catalog, limits } = loadConfig({ text, env: TEST_ENV });
      expect([...catalog.regions.keys()]).to.have.length(count);
      expect(limits.lostAfterMs).to.equal(5_000);
    }
  });
});
