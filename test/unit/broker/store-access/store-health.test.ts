import { expect } from 'chai';
import { DEFAULT_INTERVALS } from '@duskline/server/broker/intervals.js';
import { StoreHealth } from '@duskline/server/broker/store-access/store-health.js';
import { ManualClock } from '../../../support/time/manual-clock.js';

const HEARTBEAT_MS = 2_000;

describe('store health', () => {
  let clock: ManualClock;
  let health: StoreHealth;
  beforeEach(() => {
    clock = new ManualClock();
    health = new StoreHealth(HEARTBEAT_MS, DEFAULT_INTERVALS.minRebuildMs, clock);
  });

  it('is neither rebuilding nor recovering from the start, while the store answers', () => {
    for (let i = 0; i < 3; i += 1) {
      expect(health).to.include({ isReachable: true, isRecovering: false, isRebuilding: false });
      health.recordAnswer();
    }
  });

  it('is rebuilding while the store is unreachable and for two heartbeat intervals after that, and recovering for five', () => {
    health.recordUnreachable();
    clock.advance(60_000);
    expect(health).to.include({ isReachable: false, isRebuilding: true });
    health.recordAnswer();
    expect(health).to.include({ isReachable: true, isRecovering: true, isRebuilding: true });
    clock.advance(2 * HEARTBEAT_MS - 1);
    health.recordAnswer();
    expect(health.isRebuilding).to.equal(true);
    clock.advance(1);
    expect(health).to.include({ isRecovering: true, isRebuilding: false });
    clock.advance(3 * HEARTBEAT_MS);
    expect(health.isRecovering).to.equal(false);
  });

  it('is rebuilding after any failed call, and counts the time from the next successful check', () => {
    health.recordFailure();
    expect(health).to.include({ isReachable: true, isRebuilding: true });
    clock.advance(500);
    health.recordAnswer();
    clock.advance(2 * HEARTBEAT_MS - 1);
    expect(health.isRebuilding).to.equal(true);
  });

  it('is rebuilding for a minimum time, however short the heartbeat interval', () => {
    expect(new StoreHealth(50, DEFAULT_INTERVALS.minRebuildMs, clock).rebuildMs).to.be.at.least(3_000);
  });
});
