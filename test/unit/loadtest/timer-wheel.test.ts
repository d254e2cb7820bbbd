import { TimerWheel } from '@duskline/loadtest/drive/timer-wheel.js';
import { expect } from 'chai';
import fc from 'fast-check';

describe('The timer wheel', () => {
  it('runs every timer once, in time, never early, and in the order of ticks', () => {
    const dues = fc.array(fc.double({ min: 0, max: 20_000, noNaN: true }), { maxLength: 60 });
    const steps = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(dues, steps, (dueMs, stepsMs) => {
        const wheel = new TimerWheel(0);
        const ran: { due: number; at: number }[] = [];
        let nowMs = 0;
        for (const due of dueMs) wheel.at(due, () => ran.push({ due, at: nowMs }));
        for (const step of [...stepsMs, 30_000]) {
          const beforeMs = nowMs;
          nowMs += step;
          const before = ran.length;
          wheel.advance(nowMs);
          for (const { due } of ran.slice(before)) {
            expect(due).to.be.at.most(nowMs);
            expect(Math.ceil(due)).to.be.at.least(beforeMs === 0 ? 0 : beforeMs);
          }
        }
        expect(ran.map(({ due }) => due).toSorted((a, b) => a - b)).to.deep.equal(
          dueMs.toSorted((a, b) => a - b),
        );
        const ticks = ran.map(({ due }) => Math.ceil(due)).filter((tick) => tick > 0);
        expect(ticks).to.deep.equal(ticks.toSorted((a, b) => a - b));
        expect(wheel.size).to.equal(0);
      }),
    );
  });

  it('does not run a cancelled timer', () => {
    const wheel = new TimerWheel(0);
    const ran: string[] = [];
    const timer = wheel.at(10, () => ran.push('cancelled'));
    wheel.at(10, () => ran.push('kept'));
    timer.cancel();
    timer.cancel();
    expect(wheel.size).to.equal(1);
    wheel.advance(20);
    expect(ran).to.deep.equal(['kept']);
  });

  it('catches up after a pause: overdue timers run at once, in chains, each with its own time', () => {
    const wheel = new TimerWheel(0);
    const dues: number[] = [];
    const next = (dueMs: number): void => {
      dues.push(dueMs);
      if (dueMs < 9_000) wheel.at(dueMs + 300, next);
    };
    wheel.at(300, next);
    wheel.advance(10_000);
    expect(dues).to.have.length(30);
    expect(dues.at(-1)).to.equal(9_000);
  });

  it('keeps timers that are due after more than one turn', () => {
    const wheel = new TimerWheel(1_000_000);
    let ran = 0;
    wheel.at(1_000_000 + 3 * 4_096 + 5, () => (ran += 1));
    wheel.advance(1_000_000 + 3 * 4_096 + 4);
    expect(ran).to.equal(0);
    wheel.advance(1_000_000 + 3 * 4_096 + 5);
    expect(ran).to.equal(1);
  });
});
