import {
  isQuarantined,
  NO_QUARANTINE,
  recordMoveOutcome,
  type Quarantine,
} from '@duskline/server/domain/rebalance/limits/quarantine.js';
import { expect } from 'chai';

const MINUTE_MS = 60_000;

/** Records the outcomes of several moves, all at the same time. */
function noteAll(state: Quarantine, nowMs: number, ...ends: boolean[]): Quarantine {
  return ends.reduce((known, ok) => recordMoveOutcome(known, 'h', ok, nowMs), state);
}

/** Minutes for which the host is in quarantine from now on. */
function minutesLeft(state: Quarantine, nowMs: number): number {
  let minutes = 0;
  while (isQuarantined(state, 'h', nowMs + minutes * MINUTE_MS)) minutes += 1;
  return minutes;
}

describe('A host whose moves fail', () => {
  it('is in quarantine for ten minutes after three failures in a row', () => {
    expect(minutesLeft(noteAll(NO_QUARANTINE, 0, false, false), 0)).to.equal(0);
    expect(minutesLeft(noteAll(NO_QUARANTINE, 0, false, false, false), 0)).to.equal(10);
    expect(minutesLeft(noteAll(NO_QUARANTINE, 0, false, false, true, false, false), 0)).to.equal(0);
  });

  it('is in quarantine longer each time, up to two hours', () => {
    let [state, nowMs] = [NO_QUARANTINE, 0];
    const lasted = Array.from({ length: 6 }, () => {
      state = noteAll(state, nowMs, false, false, false);
      const minutes = minutesLeft(state, nowMs);
      nowMs += minutes * MINUTE_MS;
      // A single success does not shorten the next quarantine.
      state = noteAll(state, nowMs, true);
      return minutes;
    });
    expect(lasted).to.deep.equal([10, 20, 40, 80, 120, 120]);
  });

  it('starts again with a clean record after two hours without failure', () => {
    const first = noteAll(NO_QUARANTINE, 0, false, false, false);
    const laterMs = (10 + 120) * MINUTE_MS;
    expect(minutesLeft(noteAll(first, laterMs, false, false, false), laterMs)).to.equal(10);
  });

  it('is not charged for moves that were running when the quarantine began', () => {
    const state = noteAll(NO_QUARANTINE, 0, false, false, false);
    expect(noteAll(state, MINUTE_MS, false, false, false, true)).to.equal(state);
  });

  it('is the only kind of host that is remembered', () => {
    expect(noteAll(NO_QUARANTINE, 0, true, true).size).to.equal(0);
    expect(noteAll(NO_QUARANTINE, 0, false, true).size).to.equal(0);
    expect(isQuarantined(noteAll(NO_QUARANTINE, 0, false, false, false), 'other', 0)).to.be.false;
  });
});
