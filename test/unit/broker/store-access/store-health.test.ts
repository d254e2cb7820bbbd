import { expect } from 'chai';
import { StoreHealth } from '@duskline/server/broker/store-access/store-health.js';

const HEARTBEAT_MS = 2_000;

describe('store doubt', () => {
  let nowMs = 0;
  let doubt: StoreHealth;
  beforeEach(() => {
    nowMs = 1_000_000;
    doubt = new StoreHealth(HEARTBEAT_MS, undefined, () => nowMs);
  });

  it('is none while the store answers, from the start', () => {
    for (let look = 0; look < 3; look += 1) {
      expect(doubt).to.include({ answers: true, inDoubt: false, isRebuilding: false });
      doubt.recordAnswer();
    }
  });

  it('lasts while the store is away, and for two intervals after that as long as it is rebuilt', () => {
    doubt.recordUnreachable();
    nowMs += 60_000;
    expect(doubt).to.include({ answers: false, isRebuilding: true });
    doubt.recordAnswer();
    expect(doubt).to.include({ answers: true, inDoubt: true, isRebuilding: true });
    nowMs += 2 * HEARTBEAT_MS - 1;
    doubt.recordAnswer();
    expect(doubt.isRebuilding).to.equal(true);
    nowMs += 1;
    expect(doubt).to.include({ inDoubt: true, isRebuilding: false });
    nowMs += 3 * HEARTBEAT_MS;
    expect(doubt.isRecovering).to.equal(false);
  });

  it('begins with any call that fails, and counts from the look that succeeds', () => {
    doubt.recordFailure();
    expect(doubt).to.include({ answers: true, isRebuilding: true });
    nowMs += 500;
    doubt.recordAnswer();
    nowMs += 2 * HEARTBEAT_MS - 1;
    expect(doubt.isRebuilding).to.equal(true);
  });

  it('leaves brokers the time to notice, however quick hosts are', () => {
    expect(new StoreHealth(50).rebuildMs).to.be.at.least(3_000);
  });
});
