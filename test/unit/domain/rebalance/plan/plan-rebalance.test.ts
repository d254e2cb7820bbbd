import { addMs } from '@duskline/server/domain/store-time.js';
import { explainMove } from '@duskline/server/domain/rebalance/actions/explain-move.js';
import { planRebalance, type RebalancePlan } from '@duskline/server/domain/rebalance/plan/plan-rebalance.js';
import { DEFAULT_REBALANCE_LIMITS } from '@duskline/server/domain/rebalance/limits/rebalance-limits.js';
import { explainPlanBlocker } from '@duskline/server/domain/rebalance/snapshot/plan-blocker.js';
import { expect } from 'chai';
import { SnapshotBuilder, NOW, options, regionPool } from '../fleets.js';

const HOT = { heat: 'hot' as const, load: 0.95 };

/** The moves as `session: region/host`, in their order. */
function describeMoves({ moves }: RebalancePlan): string[] {
  return moves.map(({ sessionId, to }) => `${sessionId}: ${to.regionPool.region}/${to.hostId ?? '?'}`);
}

describe('A hot host', () => {
  it('gives no sessions away because of load that is only expected', () => {
    const fleet = new SnapshotBuilder().host('warm', 'near', 20, 18, {
      ...HOT,
      load: 1.2,
      measuredLoad: 0.92,
    });
    fleet.host('cool', 'near', 20, 4);
    for (const id of ['s1', 's2', 's3']) fleet.session(id, 'warm', 'movable', []);
    const plan = planRebalance(fleet.snapshot, 10);
    expect(describeMoves(plan)).to.deep.equal(['s1: near/cool']);
    expect(plan.moves[0]?.reason).to.deep.equal({ code: 'hot_host', load: 0.92 });
  });

  it('of another region neither gives sessions away nor gets any', () => {
    const fleet = new SnapshotBuilder().host('warm', 'near', 20, 18, { heat: 'excluded', load: 0.95 });
    fleet.host('cool', 'next', 20, 2).session('s1', 'warm', 'movable', ['next']);
    expect(describeMoves(planRebalance(fleet.snapshot, 10))).to.deep.equal([]);
    fleet.host('full', 'next', 4, 4).session('s2', 'full', 'movable', ['near']).waits('w1', 'far');
    expect(describeMoves(planRebalance(fleet.snapshot, 10))).to.deep.equal([]);
  });

  it('is relieved of the fewest sessions that bring it below the threshold, to the coolest host of its region pool', () => {
    const fleet = new SnapshotBuilder().host('warm', 'near', 20, 18, { ...HOT, load: 0.98 });
    fleet.host('cool', 'near', 20, 4).host('cooler', 'near', 20, 2).host('far', 'far', 20, 0);
    for (const id of ['s1', 's2', 's3']) fleet.session(id, 'warm', 'movable', ['far']);
    expect(describeMoves(planRebalance(fleet.snapshot, 10))).to.deep.equal([
      's1: near/cooler',
      's2: near/cooler',
    ]);
  });

  it('gives away unclaimed reservations first, because these moves interrupt no player', () => {
    const fleet = new SnapshotBuilder()
      .host('warm', 'near', 20, 18, { ...HOT, load: 0.98 })
      .host('cool', 'near', 20, 2);
    fleet.session('live', 'warm', 'movable', []).session('unclaimed', 'warm', 'unclaimed', []);
    const plan = planRebalance(fleet.snapshot, 0);
    expect(describeMoves(plan)).to.deep.equal(['unclaimed: near/cool']);
    expect(plan.liveMoves).to.equal(0);
    expect(describeMoves(planRebalance(fleet.snapshot, 1))).to.deep.equal([
      'unclaimed: near/cool',
      'live: near/cool',
    ]);
  });

  it('moves sessions to another region pool, those with the least added latency, when its own is warm', () => {
    const fleet = new SnapshotBuilder().host('warm', 'near', 10, 9, HOT).host('tepid', 'near', 10, 8);
    fleet.host('b', 'next', 10, 1).host('c', 'far', 10, 0);
    fleet.session('s1', 'warm', 'movable', ['nowhere', 'far']);
    fleet.session('s2', 'warm', 'movable', ['next', 'far']);
    expect(describeMoves(planRebalance(fleet.snapshot, 10))).to.deep.equal(['s2: next/b']);
  });

  it('keeps its only session when the session would make another host equally hot', () => {
    const fleet = new SnapshotBuilder().host('console', 'near', 1, 1, HOT).host('other', 'near', 1, 0);
    fleet.session('s1', 'console', 'movable', []);
    expect(describeMoves(planRebalance(fleet.snapshot, 10))).to.deep.equal([]);
  });

  it('is not relieved again for moves that are already running', () => {
    const fleet = new SnapshotBuilder()
      .host('warm', 'near', 10, 9, { ...HOT, outgoingMoves: 1 })
      .host('cool', 'near', 10, 2);
    fleet.session('s1', 'warm', 'movable', []);
    expect(describeMoves(planRebalance(fleet.snapshot, 10))).to.deep.equal([]);
  });

  it('does not take a slot for which a player waits', () => {
    const fleet = new SnapshotBuilder().host('warm', 'near', 10, 9, HOT).host('cool', 'near', 2, 1);
    fleet.session('s1', 'warm', 'movable', []).waits('w1', 'near');
    const plan = planRebalance(fleet.snapshot, 10);
    expect(describeMoves(plan)).to.deep.equal([]);
    expect(plan.servedByStore).to.equal(1);
  });

  it('gives the reason of each move', () => {
    const fleet = new SnapshotBuilder().host('warm', 'near', 10, 9, HOT).host('cool', 'near', 10, 2);
    fleet.session('s1', 'warm', 'movable', []).session('s2', 'warm', 'unclaimed', []);
    const [move] = planRebalance(fleet.snapshot, 10).moves;
    expect(explainMove(move!)).to.equal(
      'Unclaimed session s2 moves from near/pc/warm to near/pc/cool: the load of its host is 95 %.',
    );
  });
});

describe('Freeing a slot', () => {
  it('moves a session that can run elsewhere, for a player who can only play here', () => {
    const fleet = new SnapshotBuilder().host('a', 'near', 4, 4).host('b', 'next', 4, 1);
    fleet.session('here', 'a', 'movable', []).session('anywhere', 'a', 'movable', ['next']);
    const plan = planRebalance(fleet.waits('w1', 'near').snapshot, 10);
    expect(describeMoves(plan)).to.deep.equal(['anywhere: next/b']);
    expect(plan).to.include({ servedByMoves: 1, servedByStore: 0, liveMoves: 1 });
    expect(plan.moves[0]).to.include({ forWaiting: 'w1', cap: 0.7 });
    expect(explainMove(plan.moves[0]!)).to.equal(
      'Session anywhere moves from near/pc/a to next/pc/b: ' +
        'to free a slot in near/pc for waiting session w1.',
    );
  });

  it('moves an unclaimed reservation where possible', () => {
    const fleet = new SnapshotBuilder().host('a', 'near', 4, 4).host('b', 'next', 4, 1);
    fleet.session('live', 'a', 'movable', ['next']).session('unclaimed', 'a', 'unclaimed', ['next']);
    const plan = planRebalance(fleet.waits('w1', 'near').snapshot, 0);
    expect(describeMoves(plan)).to.deep.equal(['unclaimed: next/b']);
  });

  it('prefers two unclaimed moves to a live one', () => {
    const fleet = new SnapshotBuilder()
      .host('a', 'near', 4, 4)
      .host('b', 'next', 4, 4)
      .host('c', 'far', 4, 0);
    fleet.session('live', 'a', 'movable', ['far']).session('u1', 'a', 'unclaimed', ['next']);
    fleet.session('u2', 'b', 'unclaimed', ['far']);
    expect(describeMoves(planRebalance(fleet.waits('w1', 'near').snapshot, 10))).to.deep.equal([
      'u2: far/c',
      'u1: next/b',
    ]);
  });

  it('uses two hops, the last first, so that each step finds its slot', () => {
    const fleet = new SnapshotBuilder()
      .host('a', 'near', 4, 4)
      .host('b', 'next', 4, 4)
      .host('c', 'far', 4, 0);
    fleet.session('s1', 'a', 'movable', ['next']).session('s2', 'b', 'movable', ['far']);
    const plan = planRebalance(fleet.waits('w1', 'near').snapshot, 10);
    expect(describeMoves(plan)).to.deep.equal(['s2: far/c', 's1: next/b']);
    expect(plan.moves.map(({ chain, order, cap }) => [chain, order, cap])).to.deep.equal([
      [0, 0, 0.7],
      [0, 1, 0.75],
    ]);
    expect(describeMoves(planRebalance(fleet.snapshot, 1)), 'beyond the budget').to.deep.equal([]);
  });

  it('does not use three hops', () => {
    const fleet = new SnapshotBuilder().host('a', 'r0', 2, 2).host('b', 'r1', 2, 2).host('c', 'r2', 2, 2);
    fleet.host('d', 'r3', 2, 0).session('s1', 'a', 'movable', ['r1']);
    fleet.session('s2', 'b', 'movable', ['r2']).session('s3', 'c', 'movable', ['r3']);
    expect(describeMoves(planRebalance(fleet.waits('w1', 'r0').snapshot, 10))).to.deep.equal([]);
  });

  it('does not plan for players whom the store will serve from a free slot, and counts that slot as taken', () => {
    const fleet = new SnapshotBuilder().host('a', 'near', 2, 2).host('b', 'next', 2, 1);
    fleet.session('s1', 'a', 'movable', ['next']);
    expect(describeMoves(planRebalance(fleet.waits('w1', 'near', 'next').snapshot, 10))).to.deep.equal([]);
    // The free slot is for w1, so that s1 cannot move there to free a slot for w2.
    const plan = planRebalance(fleet.waits('w2', 'near').snapshot, 10);
    expect([plan.servedByStore, plan.servedByMoves]).to.deep.equal([1, 0]);
  });

  it('reassigns players between free slots when that lets all of them be served', () => {
    const fleet = new SnapshotBuilder()
      .host('a', 'near', 4, 4)
      .host('b', 'next', 4, 3)
      .host('c', 'far', 4, 1);
    fleet.session('s1', 'a', 'movable', ['next', 'far']);
    fleet.waits('w1', 'near').waits('w2', 'next');
    const plan = planRebalance(fleet.snapshot, 10);
    expect(describeMoves(plan)).to.deep.equal(['s1: far/c']);
    expect([plan.servedByStore, plan.servedByMoves]).to.deep.equal([1, 1]);
  });

  it('serves the head of the queue when the plans are otherwise equal', () => {
    const fleet = new SnapshotBuilder().host('a', 'near', 4, 4).host('b', 'next', 2, 1);
    fleet.session('s1', 'a', 'movable', ['next']).session('s2', 'a', 'movable', ['next']);
    fleet.waits('w1', 'near').waits('w2', 'near');
    expect(planRebalance(fleet.snapshot, 10).moves.map(({ forWaiting }) => forWaiting)).to.deep.equal(['w1']);
  });

  it('moves the session whose latency grows the least', () => {
    const fleet = new SnapshotBuilder().host('a', 'near', 4, 4).host('b', 'next', 4, 0);
    const toNext = (rttMs: number) => ({
      options: [...options('near'), { regionPool: regionPool('next'), rttMs }],
    });
    fleet.session('s1', 'a', 'movable', [], toNext(50)).session('s2', 'a', 'movable', [], toNext(20));
    expect(describeMoves(planRebalance(fleet.waits('w1', 'near').snapshot, 10))).to.deep.equal([
      's2: next/b',
    ]);
  });

  it('frees no slot on hosts that get no new session: closed, hot or late', () => {
    for (const changes of [{ open: false }, { ...HOT }, { state: 'suspect' as const }]) {
      const fleet = new SnapshotBuilder()
        .host('a', 'near', 4, 4, { ...changes, load: 0.5 })
        .host('b', 'next', 4, 0);
      fleet.session('s1', 'a', 'movable', ['next']).waits('w1', 'near');
      expect(describeMoves(planRebalance(fleet.snapshot, 10)), JSON.stringify(changes)).to.deep.equal([]);
    }
  });

  it('serves players who wait for a region pool before it is used as a hop', () => {
    const fleet = new SnapshotBuilder().host('a', 'r0', 8, 8).host('b', 'r1', 8, 8).host('c', 'r2', 8, 0);
    fleet.session('s1', 'a', 'movable', ['r1']);
    fleet.session('s2', 'b', 'movable', ['r2']).session('s3', 'b', 'movable', ['r2']);
    const plan = planRebalance(fleet.waits('w1', 'r0').waits('w2', 'r1').snapshot, 10);
    expect(plan.moves.map(({ forWaiting }) => forWaiting)).to.deep.equal(['w2', 'w1', 'w1']);
  });
});

describe('The rebalancer never moves', () => {
  const crowded = (): SnapshotBuilder => new SnapshotBuilder().host('a', 'near', 4, 4).waits('w1', 'near');

  it('a session that is not movable, or that moved less than ten minutes ago', () => {
    const fleet = crowded().host('b', 'next', 4, 0).session('s1', 'a', 'fixed', ['next']);
    fleet.session('s2', 'a', 'movable', ['next'], { movedAtMs: addMs(NOW, -599_999) });
    expect(describeMoves(planRebalance(fleet.snapshot, 10))).to.deep.equal([]);
    fleet.session('s3', 'a', 'movable', ['next'], { movedAtMs: addMs(NOW, -600_000) });
    expect(describeMoves(planRebalance(fleet.snapshot, 10))).to.deep.equal(['s3: next/b']);
  });

  it('a session onto a host above seven tenths', () => {
    const fleet = crowded().host('b', 'next', 20, 14, { load: 0.71 });
    fleet.session('s1', 'a', 'movable', ['next']);
    expect(describeMoves(planRebalance(fleet.snapshot, 10))).to.deep.equal([]);
  });

  it('a session from or to a host in quarantine', () => {
    const to = crowded()
      .host('b', 'next', 4, 0, { quarantined: true })
      .session('s1', 'a', 'movable', ['next']);
    expect(describeMoves(planRebalance(to.snapshot, 10))).to.deep.equal([]);
    const from = new SnapshotBuilder().host('a', 'near', 4, 4, { quarantined: true }).host('b', 'next', 4, 0);
    from.session('s1', 'a', 'movable', ['next']).waits('w1', 'near');
    expect(describeMoves(planRebalance(from.snapshot, 10))).to.deep.equal([]);
  });

  it('more than two sessions from one host at a time', () => {
    const fleet = new SnapshotBuilder()
      .host('a', 'near', 8, 8)
      .host('b', 'next', 8, 0)
      .host('c', 'next', 8, 0);
    for (const id of ['1', '2', '3', '4'])
      fleet.session(`s${id}`, 'a', 'movable', ['next']).waits(`w${id}`, 'near');
    expect(describeMoves(planRebalance(fleet.snapshot, 10))).to.have.length(2);
    expect(
      describeMoves(planRebalance(fleet.snapshot, 10, { ...DEFAULT_REBALANCE_LIMITS, maxMovesPerHost: 3 })),
    ).to.have.length(3);
  });

  it('a session while the store is recovering', () => {
    const snapshot = crowded().host('b', 'next', 4, 0).session('s1', 'a', 'movable', ['next']).snapshot;
    const { blocker, moves } = planRebalance({ ...snapshot, storeIsRecovering: true }, 10);
    expect(moves).to.deep.equal([]);
    expect(explainPlanBlocker(blocker!)).to.include('the store was unreachable');
  });

  it('a session while half of a region is late at the same time', () => {
    const late = { state: 'suspect' as const };
    const fleet = crowded().host('b', 'next', 4, 0).session('s1', 'a', 'movable', ['next']);
    fleet.host('x', 'far', 4, 0, late).host('y', 'far', 4, 0);
    expect(describeMoves(planRebalance(fleet.snapshot, 10)), 'one of two says nothing').to.have.length(1);
    const { blocker, moves } = planRebalance(fleet.host('z', 'far', 4, 0, late).snapshot, 10);
    expect(moves).to.deep.equal([]);
    expect(blocker).to.deep.equal({ code: 'many_hosts_suspect', region: 'far', suspect: 2, hosts: 3 });
    expect(explainPlanBlocker(blocker!)).to.include('2 of 3 hosts in far');
  });

  it('a session back when the load is calm', () => {
    const fleet = new SnapshotBuilder().host('a', 'near', 4, 0).host('b', 'next', 4, 3);
    fleet.session('s1', 'b', 'movable', ['near'], { movedAtMs: addMs(NOW, -3_600_000) });
    expect(planRebalance(fleet.snapshot, 10).moves).to.deep.equal([]);
  });
});
