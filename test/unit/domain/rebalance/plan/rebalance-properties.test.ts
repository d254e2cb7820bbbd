import { msBetween } from '@duskline/server/domain/store-time.js';
import { planDrain } from '@duskline/server/domain/rebalance/plan/plan-drain.js';
import { planRebalance, type RebalancePlan } from '@duskline/server/domain/rebalance/plan/plan-rebalance.js';
import type { FleetSnapshot } from '@duskline/server/domain/rebalance/snapshot/fleet-snapshot.js';
import { DEFAULT_REBALANCE_LIMITS } from '@duskline/server/domain/rebalance/limits/rebalance-limits.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { CarriedOut } from '../carry-out.js';
import { mostServed } from '../exact.js';
import { fleetOf, type FleetShape } from '../fleets.js';

const FAULTY_FLEETS: FleetShape = {
  regionPools: 6,
  hostsPerRegionPool: 4,
  slots: [1, 2, 4, 8],
  waiting: 12,
  reach: 4,
  troubled: true,
};
// Random fleets may have many suspect hosts. With this limit they do not pause the rebalancer.
const LIMITS = { ...DEFAULT_REBALANCE_LIMITS, suspectShareLimit: 2 };
const allowance = fc.constantFrom(0, 1, 2, 5, 1_000);

function checked(run: (snapshot: FleetSnapshot, allowed: number, plan: RebalancePlan) => void): void {
  fc.assert(
    fc.property(fleetOf(FAULTY_FLEETS), allowance, (snapshot, allowed) => {
      run(snapshot, allowed, planRebalance(snapshot, allowed, LIMITS));
    }),
    { numRuns: 400 },
  );
}

describe('A plan of moves', () => {
  it('can be executed step by step, within slots, caps, options and moves per host', () => {
    checked((snapshot, _, plan) => new CarriedOut(snapshot, LIMITS).run(plan.moves));
  });

  it('keeps the slots free that the store will give to waiting players', () => {
    checked((snapshot, _, plan) => {
      const carriedOut = new CarriedOut(snapshot, LIMITS);
      carriedOut.run(plan.moves);
      const served = mostServed({ ...carriedOut.after, sessions: [] }, LIMITS);
      expect(served).to.be.at.least(plan.servedByStore);
    });
  });

  it('stays within its budget, and reports what it charges', () => {
    checked((_, allowed, plan) => {
      expect(plan.liveMoves).to.equal(plan.moves.filter(({ isUnclaimed: free }) => !free).length);
      expect(plan.liveMoves).to.be.at.most(allowed);
    });
  });

  it('does not move sessions that moved recently', () => {
    checked((snapshot, _, plan) => {
      const movedAt = new Map(snapshot.sessions.map(({ sessionId, movedAtMs }) => [sessionId, movedAtMs]));
      for (const { sessionId } of plan.moves) {
        const before = movedAt.get(sessionId);
        if (before != null) expect(msBetween(before, snapshot.nowMs)).to.be.at.least(LIMITS.cooldownMs);
      }
    });
  });

  it('numbers chains and steps in order', () => {
    checked((_, _allowed, plan) => {
      let [chain, order] = [-1, 0];
      for (const move of plan.moves) {
        if (move.chain === chain) expect(move.order).to.equal(order + 1);
        else expect([move.chain, move.order]).to.deep.equal([chain + 1, 0]);
        [chain, order] = [move.chain, move.order];
        expect(order).to.be.at.most(1);
      }
    });
  });

  it('is the same for the same snapshot', () => {
    checked((snapshot, allowed, plan) => {
      expect(planRebalance(structuredClone(snapshot), allowed, LIMITS)).to.deep.equal(plan);
    });
  });

  it('is empty when nobody waits and no host is hot', () => {
    fc.assert(
      fc.property(
        fleetOf({ ...FAULTY_FLEETS, troubled: false, waiting: 0 }),
        allowance,
        (snapshot, allowed) => {
          expect(planRebalance(snapshot, allowed, LIMITS).moves).to.deep.equal([]);
        },
      ),
    );
  });

  it('relieves hot hosts of its own region only', () => {
    checked((snapshot, _, { moves }) => {
      const heats = new Map(snapshot.hosts.map(({ hostId, heat }) => [hostId, heat]));
      for (const { from, reason } of moves) {
        expect(heats.get(from.hostId)).to.equal(reason.code === 'hot_host' ? 'hot' : 'cool');
      }
    });
  });
});

describe('A plan of a drain', () => {
  const target = { region: 'r0', pool: null, hostId: null };

  it('can be executed step by step, up to the last free slot', () => {
    fc.assert(
      fc.property(fleetOf(FAULTY_FLEETS), (snapshot) => {
        const { moves } = planDrain(snapshot, target, 1, LIMITS);
        new CarriedOut(snapshot, LIMITS, 1).run(moves);
        for (const { to } of moves) expect(to.regionPool.region).to.not.equal('r0');
      }),
      { numRuns: 400 },
    );
  });

  it('accounts for every session of the target once', () => {
    fc.assert(
      fc.property(fleetOf(FAULTY_FLEETS), (snapshot) => {
        const { moves, later, noRoom, fixed } = planDrain(snapshot, target, 1, LIMITS);
        const planned = [...moves, ...later].map(({ sessionId }) => sessionId);
        const named = [...planned, ...noRoom, ...fixed].sort();
        const there = snapshot.sessions.filter(({ regionPool }) => regionPool.region === 'r0');
        expect(named).to.deep.equal(there.map(({ sessionId }) => sessionId).sort());
      }),
    );
  });
});
