import { planRebalance } from '@duskline/server/domain/rebalance/plan/plan-rebalance.js';
import type { FleetSnapshot } from '@duskline/server/domain/rebalance/snapshot/fleet-snapshot.js';
import {
  DEFAULT_REBALANCE_LIMITS,
  type RebalanceLimits,
} from '@duskline/server/domain/rebalance/limits/rebalance-limits.js';
import { expect } from 'chai';
import { bestWithinTwoMoves, mostServed } from '../exact.js';
import { randomFleet, type FleetShape } from '../fleets.js';

const ENDLESS = 1_000;
const BUDGETS = [0, 1, 2, 3, ENDLESS];

/** So small that all plans can be searched. */
const TINY: FleetShape = {
  regionPools: 5,
  hostsPerRegionPool: 2,
  slots: [1, 2, 3],
  waiting: 5,
  reach: 3,
  troubled: false,
};

function tinyFleets(count: number, shape: FleetShape): FleetSnapshot[] {
  const fleets = Array.from({ length: count }, (_, seed) => {
    const fleet = randomFleet(seed, { ...shape, regionPools: 3 + (seed % 4), reach: 2 + (seed % 2) });
    // Without hot hosts: their relief is planned first and is not part of this comparison.
    return { ...fleet, hosts: fleet.hosts.map((host) => ({ ...host, heat: 'cool' as const })) };
  });
  return fleets.filter(({ sessions }) => sessions.length <= 14);
}

function expectBest(snapshot: FleetSnapshot, budget: number, limits: RebalanceLimits): void {
  const { servedByStore, servedByMoves, liveMoves } = planRebalance(snapshot, budget, limits);
  const served = servedByStore + servedByMoves;
  expect({ served, live: liveMoves }).to.deep.equal(bestWithinTwoMoves(snapshot, budget, limits));
}

describe('Freeing slots, compared with an exhaustive search of all plans', () => {
  const manySuspects = { suspectShareLimit: 2 };

  it('serves as many players as possible within every budget, with the fewest live moves', () => {
    const limits = { ...DEFAULT_REBALANCE_LIMITS, maxMovesPerHost: Infinity };
    for (const snapshot of tinyFleets(600, TINY)) {
      for (const budget of BUDGETS) expectBest(snapshot, budget, limits);
    }
  });

  it('serves as many players as possible with two moves per host at a time', () => {
    for (const snapshot of tinyFleets(400, { ...TINY, hostsPerRegionPool: 1, slots: [3, 4, 5] })) {
      for (const budget of BUDGETS) expectBest(snapshot, budget, DEFAULT_REBALANCE_LIMITS);
    }
  });

  it('serves as many players as possible with closed, late and quarantined hosts, and with sessions that moved recently', () => {
    const limits = { ...DEFAULT_REBALANCE_LIMITS, ...manySuspects, maxMovesPerHost: Infinity };
    for (const snapshot of tinyFleets(400, { ...TINY, troubled: true })) {
      for (const budget of BUDGETS) expectBest(snapshot, budget, limits);
    }
  });

  it('serves as many players as possible when sessions may not take a freed slot on a warm host', () => {
    const limits = { ...DEFAULT_REBALANCE_LIMITS, maxMovesPerHost: Infinity, freedSlotCap: 0.7 };
    for (const snapshot of tinyFleets(300, TINY)) {
      for (const budget of BUDGETS) expectBest(snapshot, budget, limits);
    }
  });
});

describe('Freeing slots, compared with chains of any length', () => {
  it('serves nearly as many players with two moves per chain', () => {
    const limits = { ...DEFAULT_REBALANCE_LIMITS, maxMovesPerHost: Infinity };
    const shape = { ...TINY, regionPools: 12, hostsPerRegionPool: 6, slots: [4, 8], waiting: 80, reach: 3 };
    let [ours, most] = [0, 0];
    for (let seed = 0; seed < 60; seed += 1) {
      const snapshot = randomFleet(seed, shape);
      const { servedByStore, servedByMoves } = planRebalance(snapshot, ENDLESS, limits);
      const bound = mostServed(snapshot, limits);
      expect(servedByStore + servedByMoves).to.be.at.most(bound);
      ours += servedByStore + servedByMoves;
      most += bound;
    }
    expect(ours / most).to.be.above(0.98);
  });
});
