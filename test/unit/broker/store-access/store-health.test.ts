import { expect } from 'chai';
import { StoreHealth } from '@duskline/server/broker/store-access/store-health.js';

const HEARTBEAT_MS = 2_000;

describe('store health', () => {
  let nowMs = 0;
  let health: StoreHealth;
  beforeEach(() => {
    nowMs = 1_000_000;
    health = new StoreHealth(HEARTBEAT_MS, undefined, () => nowMs);
  });

  it('is good while the store answers, from the start', () => {
    for (let look = 0; look < 3; look += 1) {
      expect(health).to.include({ isReachable: true, isRecovering: false, isRebuilding: false });
      health.recordAnswer();
    }
  });

  it('is poor while the store is away, and for two intervals after that as long as it is rebuilt', () => {
    health.recordUnreachable();
    nowMs += 60_000;
    expect(health).to.include({ isReachable: false, isRebuilding: true });
    health.recordAnswer();
    expect(health).to.include({ isReachable: true, isRecovering: true, isRebuilding: true });
    nowMs += 2 * HEARTBEAT_MS - 1;
    health.recordAnswer();
    expect(health.isRebuilding).to.equal(true);
    nowMs += 1;
    expect(health).to.include({ isRecovering: true, isRebuilding: false });
    nowMs += 3 * HEARTBEAT_MS;
    expect(health.isRecovering).to.equal(false);
  });

  it('turns poor with any call that fails, and counts from the look that succeeds', () => {
    health.recordFailure();
    expect(health).to.include({ isReachable: true, isRebuilding: true });
    nowMs += 500;
    health.recordAnswer();
    nowMs += 2 * HEARTBEAT_MS - 1;
    expect(health.isRebuilding).to.equal(true);
  });

  it('leaves brokers the time to notice, however quick hosts are', () => {
    expect(new StoreHealth(50).rebuildMs).to.be.at.least(3_000);
  });
});
