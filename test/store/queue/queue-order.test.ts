import { expect } from 'chai';
import fc from 'fast-check';
import { toUnixMs } from '@duskline/server/domain/store-time.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { ManualClock } from '../../support/time/manual-clock.js';
import { registerTestHosts } from '../fixture.js';
import { steps } from '../model/model-operations.js';
import { MODEL_RULES, createModelContext, type Step } from '../model/model-step.js';
import { expectConsistent } from '../model/pool-consistency.js';
import { dumpMemory, type PoolDump } from '../model/pool-dump.js';

const SEQUENCES = 400;

interface Arrival {
  readonly sessionId: string;
  readonly arrivedAtMs: number;
  readonly headStartMs: number;
}

/** Entries of a list that have not missed an offer, because those are no longer ordered by arrival. */
function arrivals(dump: PoolDump, list: PoolDump['queue']): Arrival[] {
  return list.flatMap(([sessionId]) => {
    const { score, missed, ...waiting } = dump.waiting[sessionId]!;
    const arrivedAtMs = toUnixMs(waiting.arrivedAtMs);
    return missed ? [] : [{ sessionId, arrivedAtMs, headStartMs: arrivedAtMs - score }];
  });
}

function cameBefore(a: Arrival, b: Arrival): boolean {
  return a.arrivedAtMs < b.arrivedAtMs || (a.arrivedAtMs === b.arrivedAtMs && a.sessionId < b.sessionId);
}

/**
 * Expects that entries that got an offer in this call arrived before all later ones of the same tier. Returns their
 * number.
 */
function expectInTurn(before: PoolDump, after: PoolDump): number {
  const offeredBefore = new Set(before.offers.map(String));
  const served = arrivals(
    after,
    after.offers.filter((offer) => !offeredBefore.has(String(offer))),
  );
  const inOrder = [...served, ...arrivals(after, after.queue)];
  for (const [i, one] of served.entries()) {
    for (const other of inOrder.slice(i + 1)) {
      if (one.headStartMs !== other.headStartMs) continue;
      expect(cameBefore(one, other), `${one.sessionId} before ${other.sessionId}`).to.equal(true);
    }
  }
  return served.length;
}

/**
 * Expects that no call gives a host more sessions than slots. A host that registered with fewer slots may keep its sessions.
 */
function expectRoom(before: PoolDump, after: PoolDump): void {
  for (const [hostId, { committed, slots }] of Object.entries(after.hosts)) {
    expect(committed, hostId).to.be.at.most(Math.max(slots, before.hosts[hostId]?.committed ?? 0));
  }
}

describe('random operations on a queue', function () {
  this.timeout(60_000);

  it('serve in order of arrival, leave no player waiting while a slot is free, and fill no slot twice', async () => {
    let sequences = 0;
    let served = 0;
    const play = async (sequence: readonly Step[]): Promise<void> => {
      const clock = new ManualClock();
      const store = createMemoryStore({ ...MODEL_RULES, clock });
      const context = createModelContext(store, clock, (sequences += 1));
      await registerTestHosts(store, context.regionPool);
      let before = dumpMemory(store, context.regionPool);
      for (const step of sequence) {
        clock.advance(1);
        await step.prepare(context)(store);
        const after = dumpMemory(store, context.regionPool);
        // Includes the check that nobody waits while a slot is free.
        expectConsistent(after);
        expectRoom(before, after);
        served += expectInTurn(before, after);
        before = after;
      }
    };
    await fc.assert(fc.asyncProperty(steps, play), { numRuns: SEQUENCES });
    expect(served, 'offers made').to.be.above(SEQUENCES);
  });
});
