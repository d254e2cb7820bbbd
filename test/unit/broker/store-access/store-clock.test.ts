import { StoreClock } from '@duskline/server/broker/store-access/store-clock.js';
import { msBetween, toStoreMs, toUnixMs } from '@duskline/server/domain/store-time.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { ManualClock } from '../../../support/time/manual-clock.js';

/** A store whose answers take some time, and whose clock can be set. */
class DistantStore {
  readonly clock = new ManualClock();
  aheadMs = 0;
  onTheWayMs = 0;
  onTheWayBackMs = 0;
  readonly storeClock = new StoreClock(
    {
      getTimeMs: async () => {
        this.clock.advance(this.onTheWayMs);
        const answer = toStoreMs(this.nowMs);
        this.clock.advance(this.onTheWayBackMs);
        return answer;
      },
    },
    this.clock,
  );

  get nowMs(): number {
    return Math.floor(this.clock.wallMs() + this.aheadMs);
  }

  /** How far the estimate is from the store's time. */
  get errorMs(): number {
    return toUnixMs(this.storeClock.now()) - this.nowMs;
  }
}

describe("The store's clock, as a broker knows it", () => {
  it('is the time of the store, whatever the clock of the broker says', async () => {
    const store = new DistantStore();
    store.aheadMs = -20_000;
    await store.storeClock.synchronise();
    expect(store.errorMs).to.equal(0);
    store.clock.advance(5_000);
    store.clock.jump(-3_600_000);
    store.aheadMs += 3_600_000;
    expect(store.errorMs).to.equal(0);
    const madeAt = toStoreMs(store.nowMs - 700);
    expect(store.storeClock.ageOf(madeAt)).to.equal(700);
    expect(store.storeClock.ageOf(toStoreMs(store.nowMs + 700)), 'of a time that has not come').to.equal(0);
  });

  it('is wrong by half of the shortest round trip at most', async () => {
    const delay = fc.integer({ min: 0, max: 400 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(delay, delay), { minLength: 1, maxLength: 20 }), async (trips) => {
        const store = new DistantStore();
        for (const [there, back] of trips) {
          store.onTheWayMs = there;
          store.onTheWayBackMs = back;
          await store.storeClock.synchronise();
          store.clock.advance(1_000);
        }
        const shortestMs = Math.min(...trips.map(([there, back]) => there + back));
        expect(Math.abs(store.errorMs)).to.be.at.most(shortestMs / 2 + 1);
      }),
    );
  });

  it('follows a clock of the store that is set, with the next answer', async () => {
    const store = new DistantStore();
    for (const aheadMs of [0, 3_600_000, -3_600_000]) {
      store.aheadMs = aheadMs;
      store.onTheWayMs = 10;
      await store.storeClock.synchronise();
      expect(Math.abs(store.errorMs)).to.be.at.most(6);
    }
  });

  it('is asked for only after the store has told it', () => {
    const store = new DistantStore();
    expect(() => store.storeClock.now()).to.throw('was not read yet');
  });
});

describe('A time of the store', () => {
  it('is compared and calculated with other times of the store only: the compiler refuses numbers', () => {
    const at = toStoreMs(1_000);
    const now = Date.now();
    // @ts-expect-error: a number of another clock
    expect(now - at).to.be.a('number');
    // @ts-expect-error: a number of another clock
    expect(at < now).to.be.a('boolean');
    // @ts-expect-error: a number of another clock
    const other: typeof at = now;
    expect(at < other).to.equal(true);
  });

  it('differs from another one by milliseconds', () => {
    expect(msBetween(toStoreMs(1_000), toStoreMs(250))).to.equal(-750);
  });
});
