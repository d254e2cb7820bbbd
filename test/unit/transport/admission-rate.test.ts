import { expect } from 'chai';
import { AdmissionRate } from '@duskline/server/transport/admission-rate.js';

/** Admits clients at the current rate. Returns the time of the last admission. */
function letIn(pace: AdmissionRate, count: number, fromMs = 0): number {
  let nowMs = fromMs;
  for (let i = 0; i < count; i += 1) {
    nowMs += pace.intervalMs;
    pace.recordAdmission(nowMs);
  }
  return nowMs;
}

describe('The admission rate of clients', () => {
  it('rises up to the limit while timers run on time', () => {
    const pace = new AdmissionRate(1_000);
    const first = pace.perSecond;
    letIn(pace, 700);
    expect(pace.perSecond).to.be.within(1.9 * first, 2.1 * first);
    letIn(pace, 10_000, 60_000);
    expect(pace.perSecond).to.equal(1_000);
  });

  it('falls at once when timers are late, but never to zero', () => {
    const pace = new AdmissionRate(1_000);
    letIn(pace, 700);
    const before = pace.perSecond;
    pace.recordTimerDelay(3);
    expect(pace.perSecond).to.equal(before);
    pace.recordTimerDelay(30);
    expect(pace.perSecond).to.equal(0.8 * before);
    for (let i = 0; i < 100; i += 1) pace.recordTimerDelay(1_000);
    expect(pace.perSecond).to.be.within(10, 100);
  });

  it('starts again at the minimum after a quiet time', () => {
    const pace = new AdmissionRate(1_000);
    const first = pace.perSecond;
    const atMs = letIn(pace, 2_000);
    pace.recordAdmission(atMs + 5_000);
    expect(pace.perSecond).to.be.within(first, 1.01 * first);
  });

  it('keeps a limit below its own minimum', () => {
    const pace = new AdmissionRate(2);
    expect(pace.perSecond).to.equal(2);
    letIn(pace, 50);
    pace.recordTimerDelay(1_000);
    expect(pace.perSecond).to.equal(2);
  });
});
