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

  it('is neither rebuilding nor recovering from the start, while the store answers', () => {
    for (let i = 0; i < 3; i += 1) {
      expect(health).to.include({ isReachable: true, isRecovering: false, isRebuilding: false });
      health.recordAnswer();
    }
  });

  it('is rebuilding while the store is unreachable and for two heartbeat intervals after that, and recovering for five', () => {
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

  it('is rebuilding after any failed call, and counts the time from the next successful check', () => {
    health.recordFailure();
    expect(health).to.include({ isReachable: true, isRebuilding: true });
    nowMs += 500;
    health.recordAnswer();
    nowMs += 2 * HEARTBEAT_MS - 1;
    expect(health.isRebuilding).to.equal(true);
  });

  it('is rebuilding for a minimum time, however short the heartbeat interval', () => {
    expect(new StoreHealth(50).rebuildMs).to.be.at.least(3_000);
  });
});
