import { toStoreMs } from '@duskline/server/domain/store-time.js';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  AT_DEADLINE,
  DRAIN_OUTCOMES,
  DRAIN_STATES,
  DRAIN_TRANSITIONS,
  canChangeDrainState,
  covers,
  nextDrainStep,
  drainOutcomeOf,
  countOutcomes,
  targetName,
  type Drain,
  type OrderTarget,
} from '@duskline/server/domain/drain.js';

const name = fc.constantFrom('a', 'b');
const target: fc.Arbitrary<OrderTarget> = fc
  .record({ region: name, pool: fc.option(name), hostId: fc.option(name) })
  .map((drawn) => ({ ...drawn, hostId: drawn.pool === null ? null : drawn.hostId }));

const drain = fc.record({
  drainId: fc.constant('drain-1'),
  target,
  mode: fc.constant('wait' as const),
  atDeadline: fc.constantFrom(...AT_DEADLINE),
  deadlineAtMs: fc.nat(1_000).map(toStoreMs),
  orderedAtMs: fc.constant(toStoreMs(0)),
  orderedBy: fc.constant('ops'),
  state: fc.constant('running' as const),
  finishedAtMs: fc.constant(null),
}) satisfies fc.Arbitrary<Drain>;

describe('A drain', () => {
  it('ends once, and can be undone before and after its end', () => {
    expect(DRAIN_TRANSITIONS.running).to.deep.equal(['done', 'undone']);
    for (const from of DRAIN_STATES) {
      expect(canChangeDrainState(from, 'running'), `${from} to running`).to.equal(false);
      expect(canChangeDrainState(from, from), `${from} to itself`).to.equal(false);
      expect(canChangeDrainState('undone', from), `undone to ${from}`).to.equal(false);
    }
  });

  it('waits until its deadline at most, and ends earlier when no session is left', () => {
    fc.assert(
      fc.property(drain, fc.nat(5), fc.nat(2_000).map(toStoreMs), (one, staying, now) => {
        const step = nextDrainStep(one, staying, now);
        if (staying === 0) expect(step).to.equal('finish');
        else if (now < one.deadlineAtMs) expect(step).to.equal('wait');
        else expect(step).to.equal(one.atDeadline === 'end' ? 'end-sessions' : 'leave-remaining');
      }),
    );
  });

  it('finds the outcome of a session that has left its target', () => {
    const gone = { sessionId: 'session-1', onTarget: false, lives: false, reason: null };
    expect(drainOutcomeOf({ ...gone, onTarget: true, lives: true })).to.equal('staying');
    expect(drainOutcomeOf({ ...gone, lives: true })).to.equal('moved');
    expect(drainOutcomeOf({ ...gone, reason: 'drain_deadline' })).to.equal('ended');
    expect(drainOutcomeOf({ ...gone, reason: 'client_left' })).to.equal('left');
    // The store keeps records of ended sessions for a minute.
    expect(drainOutcomeOf(gone)).to.equal('left');
  });

  it('counts every session once', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...DRAIN_OUTCOMES)), (outcomes) => {
        const counts = Object.values(countOutcomes(outcomes));
        expect(counts.reduce((sum, count) => sum + count, 0)).to.equal(outcomes.length);
      }),
    );
  });

  it('has one key for each target, and covers everything within the target', () => {
    fc.assert(
      fc.property(target, target, (a, b) => {
        const same = a.region === b.region && targetName(a) === targetName(b);
        expect(covers(a, b) && covers(b, a)).to.equal(same);
        if (a.region === b.region) expect(covers({ ...a, pool: null, hostId: null }, b)).to.equal(true);
        else expect(covers(a, b)).to.equal(false);
      }),
    );
  });
});
