import { expect } from 'chai';
import { REGION_POOL, newSessionId } from '../../support/fleet/fleet-data.js';
import {
  BROKER,
  GRACE_MS,
  enqueueInOrder,
  enqueue,
  fillPool,
  getHost,
  makeHostReady,
  reserveSlot,
  startSession,
  queuePositions,
  type CurrentFixture,
} from '../fixture.js';

/** Leaving a queue without a slot, and how fast slots become free. */
export function waitingSuite(current: CurrentFixture): void {
  describe('withdrawEntries', () => {
    it('removes an entry from the other queues once one queue served it', async () => {
      const { store } = current();
      const elsewhere = { region: REGION_POOL.region, pool: 'console' };
      const here = await fillPool(store);
      const there = await fillPool(store, { at: elsewhere });
      const [both] = await enqueueInOrder(current(), 1);
      await enqueue(store, both!, {}, elsewhere);
      const [next] = await enqueueInOrder(current(), 1);
      await there.free();
      expect(await queuePositions(store, [both!], elsewhere)).to.deep.equal(['offered']);
      expect(
        await store.withdrawEntries(REGION_POOL, [{ sessionId: both!, belowEpoch: 0 }], BROKER),
      ).to.deep.equal([]);
      expect(await queuePositions(store, [both!, next!])).to.deep.equal(['unknown', 0]);
      await here.free();
      expect(await queuePositions(store, [both!, next!])).to.deep.equal(['unknown', 'offered']);
    });

    it('withdraws an offer, whose slot goes to the next player', async () => {
      const { store } = current();
      const { free } = await fillPool(store);
      const [first, second] = await enqueueInOrder(current(), 2);
      await free();
      const { ramping } = await getHost(store, 'host-a');
      const orders = [{ sessionId: first!, belowEpoch: 0 }];
      expect(await store.withdrawEntries(REGION_POOL, orders, BROKER)).to.deep.equal([]);
      expect(await queuePositions(store, [first!, second!])).to.deep.equal(['unknown', 'offered']);
      expect(await getHost(store, 'host-a')).to.include({ committed: 1, ramping });
      // No state of the entry is left, so it can be enqueued again.
      expect(await enqueue(store, first!)).to.have.property('kind', 'waiting');
    });

    it('ends a session of an older epoch, but not of the same or a newer one', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 3 });
      const older = await reserveSlot(store, { epoch: 1, clientBrokerId: 'broker-b' });
      const same = await reserveSlot(store, { epoch: 2 });
      const claimed = await startSession(store);
      const ids = [older.sessionId, same.sessionId, claimed.sessionId];
      const orders = [older.sessionId, same.sessionId, newSessionId()].map((sessionId) => ({
        sessionId,
        belowEpoch: 2,
      }));
      const ended = await store.withdrawEntries(REGION_POOL, orders, BROKER);
      expect(
        ended.map(({ session, hostConnectionId }) => [session.sessionId, hostConnectionId]),
      ).to.deep.equal([[older.sessionId, 'broker-a.1']]);
      expect(ended[0]?.session).to.include({ state: 'ended', reason: 'superseded' });
      expect(await queuePositions(store, ids)).to.deep.equal(['ended', 'reserved', 'active']);
      expect(await store.takeChangedSessions(REGION_POOL, 'broker-b')).to.have.nested.property(
        '[0].reason',
        'superseded',
      );
    });

    it('keeps a lost host from reviving a session that has a newer assignment', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      await store.withdrawEntries(REGION_POOL, [{ sessionId, belowEpoch: 2 }], BROKER);
      const host = { hostId: 'host-a', connectionId: 'broker-a.1' };
      const { rejected } = await store.reconcileHost(REGION_POOL, host, [
        { sessionId, epoch: 1, state: 'connected' },
      ]);
      expect(rejected).to.deep.equal([{ sessionId, epoch: 1, reason: 'superseded' }]);
    });
  });

  describe('a position in the queue', () => {
    it('is lost when no broker polls it for the grace period, starting with the one unpolled for the longest time', async () => {
      const { store, clock } = current();
      await fillPool(store);
      const [first, second, third] = await enqueueInOrder(current(), 3);
      clock.advance(GRACE_MS - 3_000);
      await store.getQueueStatus(REGION_POOL, [second!, newSessionId()], true);
      await store.getQueueStatus(REGION_POOL, [first!, third!], false);
      expect(await store.expireUnattendedEntries(REGION_POOL, GRACE_MS + 1, 10, BROKER)).to.deep.equal([]);
      clock.advance(2_000);
      const ended = await store.expireUnattendedEntries(REGION_POOL, GRACE_MS, 1, BROKER);
      expect(
        ended.map(({ session, hostConnectionId }) => [session.sessionId, hostConnectionId]),
      ).to.deep.equal([[first, null]]);
      expect(ended[0]?.session).to.include({
        state: 'ended',
        reason: 'reconnect_expired',
        epoch: 1,
        hostId: '',
        clientBrokerId: BROKER,
        reservedAtMs: clock.wallMs(),
      });
      const rest = await store.expireUnattendedEntries(REGION_POOL, GRACE_MS, 10, BROKER);
      expect(rest.map(({ session }) => session.sessionId)).to.deep.equal([third]);
      expect(await queuePositions(store, [first!, second!, third!])).to.deep.equal(['ended', 0, 'ended']);
      expect(await enqueue(store, first!)).to.deep.equal({ kind: 'over', reason: 'reconnect_expired' });
      expect(await enqueue(store, first!, { epoch: 2 })).to.have.property('kind', 'waiting');
    });

    it('is removed without notice for a session that already runs', async () => {
      const { store, clock } = current();
      await fillPool(store);
      const [running, lapsed] = await enqueueInOrder(current(), 2);
      const sessions = [{ sessionId: running!, epoch: 1, state: 'connected' as const }];
      await makeHostReady(store, 'host-b', { slots: 1, sessions });
      await store.reconcileHost(REGION_POOL, { hostId: 'host-b', connectionId: 'broker-a.1' }, sessions);
      clock.advance(GRACE_MS);
      const ended = await store.expireUnattendedEntries(REGION_POOL, GRACE_MS, 1, BROKER);
      expect(ended.map(({ session }) => session.sessionId)).to.deep.equal([lapsed]);
      expect(await queuePositions(store, [running!, lapsed!])).to.deep.equal(['connected', 'ended']);
    });

    it('is kept when the entry is enqueued again', async () => {
      const { store, clock } = current();
      await fillPool(store);
      const [first, second] = await enqueueInOrder(current(), 2);
      clock.advance(GRACE_MS - 1_000);
      await enqueue(store, first!, { epoch: 2 });
      const ended = await store.expireUnattendedEntries(REGION_POOL, GRACE_MS - 1_000, 10, BROKER);
      expect(ended.map(({ session }) => session.sessionId)).to.deep.equal([second]);
    });
  });

  describe('the rate at which slots become free', () => {
    it('is measured between status calls, and decays slowly', async () => {
      const { store, clock } = current();
      const { free } = await fillPool(store, { slots: 20 });
      const rate = async (): Promise<number | null> =>
        (await store.getQueueStatus(REGION_POOL, [], false)).freedPerMs;
      expect(await rate()).to.equal(null);
      for (let i = 0; i < 10; i += 1) await free();
      clock.advance(999);
      expect(await rate()).to.equal(null);
      clock.advance(4_001);
      expect(await rate()).to.equal(0.002);
      clock.advance(30_000);
      expect(await rate()).to.equal(0.001);
      clock.advance(500);
      await free();
      expect(await rate()).to.equal(0.001);
    });

    it('does not count slots that disappear with their host', async () => {
      const { store, clock } = current();
      await fillPool(store, { slots: 20 });
      await store.getQueueStatus(REGION_POOL, [], false);
      expect(await store.removeHost(REGION_POOL, 'host-a', 'broker-a.1')).to.have.length(20);
      clock.advance(8_000);
      expect((await store.getQueueStatus(REGION_POOL, [], false)).freedPerMs).to.equal(0);
    });

    it('does not count withdrawn offers', async () => {
      const { store, clock } = current();
      const { free } = await fillPool(store);
      await store.getQueueStatus(REGION_POOL, [], false);
      const [first, second] = await enqueueInOrder(current(), 2);
      await free();
      for (const sessionId of [first!, second!]) {
        await store.withdrawEntries(REGION_POOL, [{ sessionId, belowEpoch: 0 }], BROKER);
      }
      clock.advance(8_000);
      expect((await store.getQueueStatus(REGION_POOL, [], false)).freedPerMs).to.equal(1 / 10_000);
    });
  });
}
