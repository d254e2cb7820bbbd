import { expect } from 'chai';
import fc from 'fast-check';
import {
  checkLimits,
  limitsDueAtMs,
  recordActivity,
  recordUnsentNotice,
  startLimits,
  collectUnsentNotices,
  type LimitNotice,
} from '@duskline/host/internal/limits/limit-tracker';
import type { SessionLimits } from '@duskline/protocol';
import type { HostLimitKind } from '@duskline/protocol/vocabulary';

const MINUTE = 60_000;

/** Keeps the latest value of a tracker. */
class WatchedLimits {
  #tracker;

  constructor(limits: SessionLimits, startedAtMs: number) {
    this.#tracker = startLimits(limits, startedAtMs);
  }

  get dueAtMs(): number {
    return limitsDueAtMs(this.#tracker);
  }

  recordActivity(nowMs: number): LimitNotice | undefined {
    const { tracker, notices } = recordActivity(this.#tracker, nowMs);
    this.#tracker = tracker;
    expect(notices.length).to.be.at.most(1);
    return notices[0];
  }

  checkLimits(nowMs: number): { notices: readonly LimitNotice[]; reached: HostLimitKind | undefined } {
    const { tracker, ...check } = checkLimits(this.#tracker, nowMs);
    this.#tracker = tracker;
    return check;
  }

  recordUnsentNotice(kind: HostLimitKind): void {
    this.#tracker = recordUnsentNotice(this.#tracker, kind);
  }

  collectUnsentNotices(nowMs: number): readonly LimitNotice[] {
    const { tracker, notices } = collectUnsentNotices(this.#tracker, nowMs);
    this.#tracker = tracker;
    return notices;
  }
}

describe('the limits of a session', () => {
  it('warn before the maximum length, and end the session at it, whatever the player does', () => {
    const watch = new WatchedLimits({ maxLengthMs: 10 * MINUTE, warnBeforeMs: [MINUTE, 5 * MINUTE] }, 1_000);
    expect(watch.dueAtMs).to.equal(5 * MINUTE + 1_000);
    expect(watch.checkLimits(5 * MINUTE)).to.deep.equal({ notices: [], reached: undefined });
    expect(watch.checkLimits(5 * MINUTE + 1_000).notices).to.deep.equal([
      { kind: 'max_length', endsInMs: 5 * MINUTE },
    ]);
    expect(watch.recordActivity(6 * MINUTE)).to.equal(undefined);
    expect(watch.dueAtMs).to.equal(9 * MINUTE + 1_000);
    expect(watch.checkLimits(9 * MINUTE + 1_000).notices).to.deep.equal([
      { kind: 'max_length', endsInMs: MINUTE },
    ]);
    expect(watch.dueAtMs).to.equal(10 * MINUTE + 1_000);
    expect(watch.checkLimits(10 * MINUTE + 1_000)).to.deep.equal({ notices: [], reached: 'max_length' });
  });

  it('measure idleness from the last input, and withdraw a warning at the next one', () => {
    const watch = new WatchedLimits({ idleMs: 3 * MINUTE, warnBeforeMs: [MINUTE] }, 0);
    expect(watch.recordActivity(MINUTE), 'nothing was said, nothing is taken back').to.equal(undefined);
    expect(watch.dueAtMs).to.equal(3 * MINUTE);
    expect(watch.checkLimits(3 * MINUTE).notices).to.deep.equal([{ kind: 'idle', endsInMs: MINUTE }]);
    expect(watch.recordActivity(3.5 * MINUTE)).to.deep.equal({ kind: 'idle', endsInMs: null });
    expect(watch.recordActivity(3.6 * MINUTE)).to.equal(undefined);
    expect(watch.checkLimits(5.6 * MINUTE).notices).to.deep.equal([{ kind: 'idle', endsInMs: MINUTE }]);
    expect(watch.checkLimits(6.6 * MINUTE).reached).to.equal('idle');
  });

  it('skip only a warning that would be due at once', () => {
    const watch = new WatchedLimits({ idleMs: MINUTE, warnBeforeMs: [MINUTE, 2 * MINUTE, 0, 1_000] }, 0);
    expect(watch.checkLimits(0).notices).to.be.empty;
    expect(watch.dueAtMs).to.equal(MINUTE - 1_000);
  });

  it('report only the last of several warnings that a pause made due', () => {
    const limits = { idleMs: 10_000, maxLengthMs: 20_000, warnBeforeMs: [9_000, 5_000, 1_000] };
    const watch = new WatchedLimits(limits, 0);
    expect(watch.checkLimits(6_000).notices).to.deep.equal([{ kind: 'idle', endsInMs: 4_000 }]);
    watch.recordActivity(6_000);
    expect(watch.checkLimits(15_500).notices).to.deep.equal([
      { kind: 'idle', endsInMs: 500 },
      { kind: 'max_length', endsInMs: 4_500 },
    ]);
    expect(watch.checkLimits(30_000), 'the one that came first').to.deep.equal({
      notices: [],
      reached: 'idle',
    });
  });

  it('keep the current state of what the broker has not been sent', () => {
    const watch = new WatchedLimits({ idleMs: 10_000, warnBeforeMs: [4_000] }, 0);
    watch.checkLimits(7_000);
    expect(watch.collectUnsentNotices(7_000)).to.be.empty;
    watch.recordUnsentNotice('idle');
    expect(watch.collectUnsentNotices(8_000)).to.deep.equal([{ kind: 'idle', endsInMs: 2_000 }]);
    watch.recordActivity(9_000);
    watch.recordUnsentNotice('idle');
    expect(watch.collectUnsentNotices(9_000)).to.deep.equal([{ kind: 'idle', endsInMs: null }]);
    expect(watch.collectUnsentNotices(9_000)).to.be.empty;
  });

  it('never expire when they are not set', () => {
    expect(new WatchedLimits({ warnBeforeMs: [1_000] }, 0).dueAtMs).to.equal(Infinity);
  });

  it('never end a session early, nor let one continue at a check in time', () => {
    const limits = fc.record({
      idleMs: fc.integer({ min: 1, max: 500 }),
      maxLengthMs: fc.integer({ min: 1, max: 2_000 }),
      warnBeforeMs: fc.array(fc.integer({ min: 0, max: 600 }), { maxLength: 8 }),
    });
    const pauses = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 20 });
    fc.assert(
      fc.property(limits, pauses, (limit, steps) => {
        const watch = new WatchedLimits(limit, 0);
        let [nowMs, activeAtMs] = [0, 0];
        for (const stepMs of steps) {
          const until = nowMs + stepMs;
          while (watch.dueAtMs <= until) {
            nowMs = watch.dueAtMs;
            const { reached } = watch.checkLimits(nowMs);
            if (reached === undefined) continue;
            expect(nowMs).to.equal(Math.min(activeAtMs + limit.idleMs, limit.maxLengthMs));
            return;
          }
          nowMs = activeAtMs = until;
          watch.recordActivity(nowMs);
        }
        expect(nowMs).to.be.below(limit.maxLengthMs);
      }),
    );
  });
});
