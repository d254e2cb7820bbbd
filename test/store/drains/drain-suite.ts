import { msBetween, toStoreMs } from '@duskline/server/domain/store-time.js';
import { expect } from 'chai';
import type { Drain } from '@duskline/server/domain/drain.js';
import { REGION_POOL } from '../../support/fleet/fleet-data.js';
import type { CurrentFixture } from '../fixture.js';

const TARGET = { region: REGION_POOL.region, pool: null, hostId: null };
const OTHER_TARGET = { region: REGION_POOL.region, pool: REGION_POOL.pool, hostId: 'host-a' };

function drain(drainId: string, changes: Partial<Drain> = {}): Drain {
  return {
    drainId,
    target: TARGET,
    mode: 'wait',
    atDeadline: 'end',
    deadlineAtMs: toStoreMs(2_000),
    orderedAtMs: toStoreMs(1_000),
    orderedBy: 'ops',
    state: 'running',
    finishedAtMs: null,
    ...changes,
  };
}

/** Orders of operators, as every broker reads them. */
export function drainSuite(current: CurrentFixture): void {
  describe('drains', () => {
    it('are listed for every broker, one per target', async () => {
      const { store, another } = current();
      const [region, host] = [
        drain('drain-1'),
        drain('drain-2', { target: OTHER_TARGET, atDeadline: 'keep' }),
      ];
      expect(await store.compareAndSetDrain(null, region)).to.equal(true);
      expect(await store.compareAndSetDrain(null, host)).to.equal(true);
      expect(await (await another()).listDrains(REGION_POOL.region)).to.have.deep.members([region, host]);
      expect(await store.listDrains('elsewhere')).to.deep.equal([]);
    });

    it('change by compare-and-set: one of two concurrent changes succeeds', async () => {
      const { store } = current();
      const [first, second] = [drain('drain-1'), drain('drain-2')];
      expect(await store.compareAndSetDrain(null, first)).to.equal(true);
      expect(await store.compareAndSetDrain(null, second)).to.equal(false);
      const done = drain('drain-1', { state: 'done', finishedAtMs: toStoreMs(1_500) });
      const answers = await Promise.all([
        store.compareAndSetDrain(first, done),
        store.compareAndSetDrain(first, second),
      ]);
      expect(answers).to.deep.equal([true, false]);
      expect(await store.listDrains(REGION_POOL.region)).to.deep.equal([done]);
    });

    it('keep the latest outcome of each session', async () => {
      const { store } = current();
      const one = drain('drain-1');
      expect(await store.getDrainOutcomes(one)).to.deep.equal(new Map());
      await store.recordDrainOutcomes(
        one,
        new Map([
          ['session-1', 'staying'],
          ['session-2', 'staying'],
        ]),
      );
      await store.recordDrainOutcomes(one, new Map([['session-2', 'left']]));
      await store.recordDrainOutcomes(one, new Map());
      expect(await store.getDrainOutcomes(one)).to.deep.equal(
        new Map([
          ['session-1', 'staying'],
          ['session-2', 'left'],
        ]),
      );
      expect(await store.getDrainOutcomes(drain('drain-2'))).to.deep.equal(new Map());
    });
  });

  describe('the audit trail', () => {
    it('records operator, action, time, address and result of each order, the newest first', async () => {
      const { store, clock } = current();
      const order = { operatorId: 'ops', from: '127.0.0.1', target: TARGET, details: '{}' };
      const atMs = await store.getTimeMs();
      await store.recordAuditEntry({ ...order, action: 'drain', result: 'ok' });
      clock.advance(5);
      await store.recordAuditEntry({ ...order, action: 'undrain', result: 'NO_DRAIN' });
      const trail = await store.listAuditEntries(10);
      expect(trail.map(({ action, result }) => [action, result])).to.deep.equal([
        ['undrain', 'NO_DRAIN'],
        ['drain', 'ok'],
      ]);
      expect(trail[1]).to.deep.equal({ ...order, action: 'drain', result: 'ok', atMs: trail[1]!.atMs });
      expect(msBetween(atMs, trail[1]!.atMs)).to.be.at.least(0);
      expect(await store.listAuditEntries(1)).to.deep.equal([trail[0]]);
    });
  });
}
