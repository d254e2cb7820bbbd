import {
  isHot,
  NO_HOT_HOSTS,
  trackHotHosts,
  type HotHosts,
} from '@duskline/server/domain/rebalance/limits/hot-hosts.js';
import { expect } from 'chai';
import { regionPool } from '../fleets.js';

const HOME = regionPool('near');

/** The tracked state after one heartbeat of a host with each of these loads. */
function after(...loads: number[]): HotHosts {
  return loads.reduce<HotHosts>(
    (known, congestion, i) =>
      trackHotHosts(known, [
        { hostId: 'h', regionPool: HOME, load: congestion, heartbeatAtMs: 2_000 * (i + 1) },
      ]),
    NO_HOT_HOSTS,
  );
}

const isHotAfter = (...loads: number[]): boolean => isHot(after(...loads), HOME, 'h');

describe('Hot hosts', () => {
  it('are above nine tenths for three heartbeats in a row', () => {
    expect(isHotAfter(0.95, 0.95)).to.be.false;
    expect(isHotAfter(0.95, 0.91, 1.2)).to.be.true;
    expect(isHotAfter(0.9, 0.9, 0.9, 0.9), 'at the threshold').to.be.false;
  });

  it('do not include hosts that fell below the threshold in between', () => {
    expect(isHotAfter(0.95, 0.95, 0.85, 0.95, 0.95)).to.be.false;
  });

  it('stay hot until they fall below eight tenths', () => {
    expect(isHotAfter(1, 1, 1, 0.85)).to.be.true;
    expect(isHotAfter(1, 1, 1, 0.85, 0.8)).to.be.true;
    expect(isHotAfter(1, 1, 1, 0.79)).to.be.false;
    expect(isHotAfter(1, 1, 1, 0.79, 0.95, 0.95)).to.be.false;
  });

  it('are judged once per heartbeat, however often they are read', () => {
    const beat = { hostId: 'h', regionPool: HOME, load: 0.95, heartbeatAtMs: 2_000 };
    let known = NO_HOT_HOSTS;
    for (let look = 0; look < 5; look += 1) known = trackHotHosts(known, [beat]);
    expect(isHot(known, HOME, 'h')).to.be.false;
    for (const heartbeatAtMs of [4_000, 6_000]) known = trackHotHosts(known, [{ ...beat, heartbeatAtMs }]);
    expect(isHot(known, HOME, 'h')).to.be.true;
  });

  it('are distinguished by region pool, and forgotten when they are gone', () => {
    const hot = after(1, 1, 1);
    expect(isHot(hot, regionPool('far'), 'h')).to.be.false;
    expect(trackHotHosts(hot, []).size).to.equal(0);
  });

  it('are the only hosts that are remembered, with those on the way to become hot', () => {
    expect(after(1, 1, 1, 0.5).size).to.equal(0);
    expect(after(0.5, 0.95).size).to.equal(1);
  });
});
