import { expect } from 'chai';
import { DEFAULT_INTERVALS } from '@duskline/server/broker/intervals.js';
import { StoreHealth } from '@duskline/server/broker/store-access/store-health.js';
import { ManualClock } from '../../../support/time/manual-clock.js';

const HEARTBEAT_MS = 2_000;
const REBUILD_MS = 2 * HEARTBEAT_MS;

describe('store health', () => {
  let clock: ManualClock;
  let health: StoreHealth;
  beforeEach(() => {
    clock = new ManualClock();
    health = new StoreHealth(HEARTBEAT_MS, DEFAULT_INTERVALS.minRebuildMs, clock);
  });

  const answer = (memoryId: string | null): void => health.recordAnswer(health.beginCheck(), memoryId);

  for (const memoryId of ['a', null]) {
    it(`is neither rebuilding nor recovering from the start, while the store answers with the memory ${memoryId}`, () => {
      for (let i = 0; i < 3; i += 1) {
        expect(health).to.include({ isReachable: true, isRecovering: false, isRebuilding: false });
        answer(memoryId);
      }
    });
  }

  for (const [where, before, after] of [
    ['returns with another memory', 'a', 'b'],
    ['cannot name its memory', null, null],
    ['cannot name its memory any more', 'a', null],
  ] as const) {
    it(`is rebuilding while the store is unreachable, and for two heartbeat intervals after that if it ${where}, and recovering for five`, () => {
      answer(before);
      health.recordUnreachable();
      clock.advance(60_000);
      expect(health).to.include({ isReachable: false, isRebuilding: true });
      answer(after);
      expect(health).to.include({ isReachable: true, isRecovering: true, isRebuilding: true });
      clock.advance(REBUILD_MS - 1);
      answer(after);
      expect(health.isRebuilding).to.equal(true);
      clock.advance(1);
      expect(health).to.include({ isRecovering: true, isRebuilding: false });
      clock.advance(3 * HEARTBEAT_MS);
      expect(health.isRecovering).to.equal(false);
    });
  }

  it('is rebuilding after an outage that began before the first check', () => {
    health.recordUnreachable();
    answer('a');
    expect(health.isRebuilding).to.equal(true);
  });

  it('is recovering, and not rebuilding, when the store returns with the same memory', () => {
    answer('a');
    health.recordUnreachable();
    health.recordFailure();
    expect(health.isRebuilding).to.equal(true);
    answer('a');
    expect(health).to.include({ isReachable: true, isRecovering: true, isRebuilding: false });
  });

  it('is rebuilding after any failed call until the next check succeeds, and longer if the memory is another one', () => {
    answer('a');
    health.recordFailure();
    expect(health).to.include({ isReachable: true, isRebuilding: true });
    clock.advance(500);
    answer('b');
    clock.advance(REBUILD_MS - 1);
    expect(health.isRebuilding).to.equal(true);
    clock.advance(1);
    expect(health.isRebuilding).to.equal(false);
  });

  it('is rebuilding when the memory is another one although no call failed', () => {
    answer('a');
    answer('b');
    expect(health).to.include({ isRecovering: true, isRebuilding: true });
  });

  it('is rebuilding after a call that failed during a check, until the next one succeeds', () => {
    answer('a');
    const check = health.beginCheck();
    health.recordFailure();
    health.recordAnswer(check, 'a');
    expect(health.isRebuilding).to.equal(true);
    answer('a');
    expect(health.isRebuilding).to.equal(false);
  });

  it('reports the next answer of the store to those who wait for it', async () => {
    let answers = 0;
    const waiting = [1, 2].map(async () => {
      await health.untilAnswer();
      answers += 1;
    });
    health.recordUnreachable();
    expect(answers).to.equal(0);
    answer('a');
    await Promise.all(waiting);
    expect(answers).to.equal(2);
  });

  it('is rebuilding for a minimum time, however short the heartbeat interval', () => {
    expect(new StoreHealth(50, DEFAULT_INTERVALS.minRebuildMs, clock).rebuildMs).to.be.at.least(3_000);
  });
});
