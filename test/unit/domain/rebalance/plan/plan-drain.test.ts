import { explainMove } from '@duskline/server/domain/rebalance/actions/explain-move.js';
import { planDrain, type DrainPlan } from '@duskline/server/domain/rebalance/plan/plan-drain.js';
import { DEFAULT_REBALANCE_LIMITS } from '@duskline/server/domain/rebalance/limits/rebalance-limits.js';
import { expect } from 'chai';
import { SnapshotBuilder } from '../fleets.js';

const NEAR = { region: 'near', pool: null, hostId: null };

function describeMoves({ moves }: DrainPlan): string[] {
  return moves.map(({ sessionId, to }) => `${sessionId}: ${to.regionPool.region}/${to.hostId ?? '?'}`);
}

describe('A drain that moves', () => {
  it('sends sessions to the nearest region pool with a free slot, unclaimed ones first', () => {
    const fleet = new SnapshotBuilder()
      .host('a', 'near', 4, 3)
      .host('b', 'next', 4, 0)
      .host('c', 'far', 4, 0);
    fleet.session('s1', 'a', 'movable', ['next', 'far']).session('s2', 'a', 'unclaimed', ['next']);
    fleet.session('s3', 'a', 'fixed', ['next']);
    const plan = planDrain(fleet.snapshot, NEAR);
    expect(describeMoves(plan)).to.deep.equal(['s2: next/b', 's1: next/b']);
    expect(plan.fixed).to.deep.equal(['s3']);
    expect(explainMove(plan.moves[0]!)).to.equal(
      'Unclaimed session s2 moves from near/pc/a to next/pc/b: its host is being drained.',
    );
  });

  it('uses any free slot', () => {
    const fleet = new SnapshotBuilder().host('a', 'near', 4, 1).host('b', 'next', 10, 9);
    fleet.session('s1', 'a', 'movable', ['next']);
    expect(describeMoves(planDrain(fleet.snapshot, NEAR))).to.deep.equal(['s1: next/b']);
    expect(planDrain(fleet.snapshot, NEAR, 0.7).noRoom).to.deep.equal(['s1']);
  });

  it('sends nothing to its target, even before the target is closed', () => {
    const fleet = new SnapshotBuilder().host('a', 'near', 4, 1).host('a2', 'near', 4, 0);
    fleet.session('s1', 'a', 'movable', []);
    expect(planDrain(fleet.snapshot, NEAR).noRoom).to.deep.equal(['s1']);
    const host = { region: 'near', pool: 'pc', hostId: 'a' };
    expect(describeMoves(planDrain(fleet.snapshot, host))).to.deep.equal(['s1: near/a2']);
  });

  it('finds a slot for as many sessions as there are slots, whatever their order', () => {
    const fleet = new SnapshotBuilder().host('a', 'near', 4, 3).host('b', 'r1', 1, 0).host('c', 'r2', 1, 0);
    fleet.host('d', 'r3', 1, 0);
    fleet.session('s1', 'a', 'movable', ['r1', 'r2']).session('s2', 'a', 'movable', ['r2', 'r3']);
    fleet.session('s3', 'a', 'movable', ['r1']);
    const limits = { ...DEFAULT_REBALANCE_LIMITS, maxMovesPerHost: Infinity };
    expect(describeMoves(planDrain(fleet.snapshot, NEAR, 1, limits)).sort()).to.deep.equal([
      's1: r2/c',
      's2: r3/d',
      's3: r1/b',
    ]);
  });

  it('starts two moves per host at a time, and lets the others wait', () => {
    const fleet = new SnapshotBuilder()
      .host('a', 'near', 4, 4)
      .host('b', 'next', 8, 0)
      .host('c', 'next', 8, 0);
    for (const id of ['s1', 's2', 's3', 's4']) fleet.session(id, 'a', 'movable', ['next']);
    const plan = planDrain(fleet.snapshot, NEAR);
    expect(describeMoves(plan)).to.deep.equal(['s1: next/b', 's2: next/c']);
    expect(plan.later.map(({ sessionId, to }) => [sessionId, to.hostId])).to.deep.equal([
      ['s3', null],
      ['s4', null],
    ]);
  });

  it('leaves slots to waiting players whom the store will serve', () => {
    const fleet = new SnapshotBuilder().host('a', 'near', 4, 1).host('b', 'next', 4, 3);
    fleet.session('s1', 'a', 'movable', ['next']).waits('w1', 'next');
    expect(planDrain(fleet.snapshot, NEAR).noRoom).to.deep.equal(['s1']);
  });

  it('waits for a host that is late or in quarantine', () => {
    const fleet = new SnapshotBuilder()
      .host('a', 'near', 4, 1, { quarantined: true })
      .host('b', 'next', 4, 0);
    fleet.session('s1', 'a', 'movable', ['next']);
    const plan = planDrain(fleet.snapshot, NEAR);
    expect(plan.moves).to.deep.equal([]);
    expect(plan.later.map(({ sessionId }) => sessionId)).to.deep.equal(['s1']);
  });

  it('pauses while the store is recovering', () => {
    const fleet = new SnapshotBuilder().host('a', 'near', 4, 1).host('b', 'next', 4, 0);
    fleet.session('s1', 'a', 'movable', ['next']);
    const plan = planDrain({ ...fleet.snapshot, storeIsRecovering: true }, NEAR);
    expect(plan.blocker).to.deep.equal({ code: 'store_recovering' });
    expect(plan.moves).to.deep.equal([]);
  });
});
