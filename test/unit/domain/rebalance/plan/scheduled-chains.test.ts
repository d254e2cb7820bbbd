import type { MoveAction } from '@duskline/server/domain/rebalance/actions/rebalance-actions.js';
import type { ScheduledChain } from '@duskline/server/domain/rebalance/actions/scheduled-chain.js';
import { planDrain } from '@duskline/server/domain/rebalance/plan/plan-drain.js';
import { planRebalance } from '@duskline/server/domain/rebalance/plan/plan-rebalance.js';
import type { FleetSnapshot } from '@duskline/server/domain/rebalance/snapshot/fleet-snapshot.js';
import { withScheduledChains } from '@duskline/server/domain/rebalance/snapshot/scheduled-chains.js';
import { DEFAULT_REBALANCE_LIMITS } from '@duskline/server/domain/rebalance/limits/rebalance-limits.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { CarriedOut } from '../carry-out.js';
import { SnapshotBuilder, fleetOf, type FleetShape } from '../fleets.js';

const FAULTY_FLEETS: FleetShape = {
  ...{ regionPools: 6, hostsPerRegionPool: 4, slots: [1, 2, 4, 8], waiting: 12, reach: 4 },
  troubled: true,
};
const LIMITS = { ...DEFAULT_REBALANCE_LIMITS, suspectShareLimit: 2 };

function chainsOf(moves: readonly MoveAction[], isRunning = false): ScheduledChain[] {
  const numbers = [...new Set(moves.map(({ chain }) => chain))];
  return numbers.map((number) => ({ moves: moves.filter(({ chain }) => chain === number), isRunning }));
}

/** The fleet in the next round, in which no move of these chains has made any progress. */
function nextRound(snapshot: FleetSnapshot, chains: readonly ScheduledChain[]): FleetSnapshot {
  const scheduled = new Set(chains.flatMap(({ moves }) => moves.map(({ sessionId }) => sessionId)));
  const sessions = snapshot.sessions.map((session) =>
    scheduled.has(session.sessionId) ? { ...session, kind: 'fixed' as const, options: [] } : session,
  );
  return withScheduledChains({ ...snapshot, sessions }, chains);
}

describe('A round while moves of earlier rounds are queued or running', () => {
  const crowded = (): SnapshotBuilder => {
    const fleet = new SnapshotBuilder().host('a', 'near', 4, 4).host('b', 'next', 4, 0);
    for (const id of ['s1', 's2', 's3']) fleet.session(id, 'a', 'movable', ['next']);
    return fleet.waits('w1', 'near');
  };

  for (const isRunning of [false, true]) {
    it(`moves no second session for a player for whom one moves already, which ${isRunning ? 'runs' : 'is queued'}`, () => {
      const fleet = crowded();
      const { moves } = planRebalance(fleet.snapshot, 10);
      expect(moves).to.have.length(1);
      const next = nextRound(fleet.snapshot, chainsOf(moves, isRunning));
      expect(planRebalance(next, 10)).to.deep.include({ moves: [], servedByStore: 1 });
    });
  }

  it('moves a session for the next player who waits', () => {
    const fleet = crowded();
    const first = planRebalance(fleet.snapshot, 10).moves;
    const next = nextRound(fleet.waits('w2', 'near').snapshot, chainsOf(first));
    const { moves } = planRebalance(next, 10);
    expect(moves).to.have.length(1);
    expect(moves[0]?.sessionId).to.not.equal(first[0]?.sessionId);
  });

  it('gives no player the slot between the two moves of a chain', () => {
    const fleet = new SnapshotBuilder()
      .host('a', 'near', 2, 2)
      .host('b', 'next', 2, 2)
      .host('c', 'far', 8, 0);
    fleet.session('s1', 'a', 'movable', ['next']).session('s2', 'b', 'movable', ['far']);
    fleet.session('s3', 'b', 'movable', ['far']);
    const { moves } = planRebalance(fleet.waits('w1', 'near').snapshot, 10);
    expect(moves.map(({ from }) => from.hostId)).to.deep.equal(['b', 'a']);
    const next = nextRound(fleet.waits('w2', 'next').snapshot, chainsOf(moves));
    const plan = planRebalance(next, 10);
    expect(plan.moves.map(({ from, forWaiting }) => [from.hostId, forWaiting])).to.deep.equal([['b', 'w2']]);
  });

  it('counts with a slot that a chain has freed only while its session is still there', () => {
    const fleet = crowded();
    const { moves } = planRebalance(fleet.snapshot, 10);
    const chains = chainsOf(moves, true);
    const sessions = fleet.sessions.filter(({ sessionId }) => sessionId !== moves[0]?.sessionId);
    const next = withScheduledChains({ ...fleet.snapshot, sessions }, chains);
    expect(planRebalance(next, 10)).to.include({ servedByStore: 0, servedByMoves: 1 });
  });

  it('plans no more moves for a host than it may have at a time', () => {
    const fleet = crowded();
    const chains = chainsOf(planRebalance(fleet.waits('w2', 'near').snapshot, 10).moves);
    expect(chains).to.have.length(2);
    const next = nextRound(fleet.waits('w3', 'near').snapshot, chains);
    expect(planRebalance(next, 10).moves).to.deep.equal([]);
  });

  it('of a drain leaves the slots that queued moves will take', () => {
    const fleet = new SnapshotBuilder().host('a', 'near', 4, 4).host('b', 'next', 2, 0);
    for (const id of ['s1', 's2', 's3']) fleet.session(id, 'a', 'movable', ['next']);
    const target = { region: 'near', pool: null, hostId: null };
    const chains = chainsOf(planDrain(fleet.snapshot, target).moves);
    expect(chains).to.have.length(2);
    const next = planDrain(nextRound(fleet.snapshot, chains), target);
    expect(next).to.deep.include({ moves: [], later: [], noRoom: ['s3'] });
  });

  it('can be executed after these, step by step, and together they serve no player twice', () => {
    fc.assert(
      fc.property(
        fleetOf(FAULTY_FLEETS),
        fc.boolean(),
        fc.constantFrom(0, 1, 5, 1_000),
        (snapshot, same, allowed) => {
          const first = planRebalance(snapshot, allowed, LIMITS);
          // The limits of the first plan may have left players whom the second one can serve.
          const left = same ? allowed : 1_000;
          const second = planRebalance(nextRound(snapshot, chainsOf(first.moves)), left, LIMITS);
          const later = second.moves.map((move) => ({ ...move, chain: move.chain + 1_000 }));
          const served = new Set([...first.moves, ...later].flatMap(({ forWaiting }) => forWaiting ?? []));
          const chains = new Set(
            [...first.moves, ...later]
              .filter(({ forWaiting }) => forWaiting !== null)
              .map(({ chain }) => chain),
          );
          // The slots that the first plan frees serve players in the second one, for whom nothing more moves.
          expect(second.servedByStore).to.be.at.least(first.servedByMoves);
          expect(second.servedByStore + second.servedByMoves).to.be.at.most(snapshot.waiting.length);
          const moved = [...first.moves, ...later].map(({ sessionId }) => sessionId);
          expect(new Set(moved).size, 'each session once').to.equal(moved.length);
          // Which player gets which slot is up to the store.
          if (served.size === chains.size) new CarriedOut(snapshot, LIMITS).run([...first.moves, ...later]);
        },
      ),
      { numRuns: 400 },
    );
  });
});
