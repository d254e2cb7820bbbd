import { toStoreMs } from '@duskline/server/domain/store-time.js';
import { expect } from 'chai';
import { warningDue } from '@duskline/server/broker/drain/warn-of-drains.js';
import type { Drain } from '@duskline/server/domain/drain.js';

const MINUTE_MS = 60_000;
const DEADLINE_AT_MS = 60 * MINUTE_MS;

const DRAIN: Drain = {
  drainId: 'drain-1',
  target: { region: 'near', pool: null, hostId: null },
  mode: 'wait',
  atDeadline: 'end',
  deadlineAtMs: toStoreMs(DEADLINE_AT_MS),
  orderedAtMs: toStoreMs(0),
  orderedBy: 'ops',
  state: 'running',
  finishedAtMs: null,
};

describe('The warning before the deadline of a drain', () => {
  const aheadAt = (minutesLeft: number, drain = DRAIN): number | undefined =>
    warningDue(drain, toStoreMs(DEADLINE_AT_MS - minutesLeft * MINUTE_MS))?.aheadMs;

  it('is sent five minutes and one minute before it', () => {
    expect(aheadAt(5.1)).to.equal(undefined);
    expect(aheadAt(5)).to.equal(5 * MINUTE_MS);
    expect(aheadAt(1.1)).to.equal(5 * MINUTE_MS);
    expect(aheadAt(1)).to.equal(MINUTE_MS);
    expect(aheadAt(0)).to.equal(MINUTE_MS);
  });

  it('contains the time at which the session ends', () => {
    expect(warningDue(DRAIN, toStoreMs(DEADLINE_AT_MS - 1))?.endsAtMs).to.equal(DEADLINE_AT_MS);
  });

  it('is not sent when the drain ends no session', () => {
    expect(aheadAt(1, { ...DRAIN, atDeadline: 'keep' })).to.equal(undefined);
    expect(aheadAt(1, { ...DRAIN, state: 'done' })).to.equal(undefined);
    expect(aheadAt(1, { ...DRAIN, state: 'undone' })).to.equal(undefined);
  });
});
