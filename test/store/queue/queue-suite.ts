import { toStoreMs } from '@duskline/server/domain/store-time.js';
import { expect } from 'chai';
import { DEFAULT_RESUME_WINDOW_MS } from '@duskline/server/store/store-options.js';
import { REGION_POOL, newSessionId, registration } from '../../support/fleet/fleet-data.js';
import {
  BROKER,
  MAX_QUEUE,
  RESERVATION_MS,
  SUSPECT_AFTER_MS,
  sendHeartbeat,
  enqueueInOrder,
  enqueue,
  fillPool,
  getHost,
  makeHostReady,
  reserveSlot,
  startSession,
  queuePositions,
  newQueueEntry,
  type CurrentFixture,
} from '../fixture.js';

/** Waiting for a slot: the order of entries, and who gets an offer. */
export function queueSuite(current: CurrentFixture): void {
  describe('a queue', () => {
    it('serves the first in line, in the same call that frees the slot', async () => {
      const { store } = current();
      const { free } = await fillPool(store, { slots: 2 });
      const ids = await enqueueInOrder(current(), 3);
      expect(await queuePositions(store, [...ids, newSessionId()])).to.deep.equal([0, 1, 2, 'unknown']);
      await free();
      expect(await queuePositions(store, ids)).to.deep.equal(['offered', 0, 1]);
      await free();
      expect(await queuePositions(store, ids)).to.deep.equal(['offered', 'offered', 0]);
      expect(await store.getSessions(REGION_POOL, ids.slice(0, 1))).to.have.nested.property(
        '[0].hostId',
        'host-a',
      );
      expect(await getHost(store, 'host-a')).to.include({ committed: 2 });
    });

    it('applies a head start against players who arrived that much earlier, and no more', async () => {
      const { store } = current();
      await fillPool(store);
      const ids = await enqueueInOrder(current(), 4);
      const vip = newSessionId();
      await enqueue(store, vip, { headStartMs: 2_500 });
      expect(await queuePositions(store, [...ids, vip])).to.deep.equal([0, 1, 3, 4, 2]);
    });

    it('orders players who arrived at the same time by session id', async () => {
      const { store } = current();
      await fillPool(store);
      const ids = Array.from({ length: 5 }, newSessionId);
      const entries = ids.map((id) => newQueueEntry(id));
      await store.enqueue(REGION_POOL, entries, MAX_QUEUE, BROKER);
      expect(await queuePositions(store, ids.sort())).to.deep.equal([0, 1, 2, 3, 4]);
    });

    it('orders a player who waited in another region pool before by the time of the first arrival', async () => {
      const { store, clock } = current();
      await fillPool(store);
      const arrivedAtMs = toStoreMs(clock.wallMs());
      clock.advance(1_000);
      const others = await enqueueInOrder(current(), 2);
      const lost = newSessionId();
      expect(await enqueue(store, lost, { arrivedAtMs })).to.deep.equal({ kind: 'waiting', arrivedAtMs });
      expect(await queuePositions(store, [lost, ...others])).to.deep.equal([0, 1, 2]);
    });

    it('keeps the broker of the latest attempt of a player who waits or has an offer', async () => {
      const { store } = current();
      const { free } = await fillPool(store);
      const id = newSessionId();
      const brokers: string[] = [];
      const note = async (): Promise<void> => {
        const { entries } = await store.getQueueStatus(REGION_POOL, [id], false);
        const [status] = entries;
        if (status?.kind === 'waiting') brokers.push(status.clientBrokerId);
        if (status?.kind === 'session') brokers.push(status.session.clientBrokerId);
      };
      for (const [epoch, clientBrokerId] of [
        [2, 'broker-a'],
        [3, 'broker-b'],
        [2, 'broker-c'],
      ] as const) {
        await enqueue(store, id, { epoch, clientBrokerId });
        await note();
      }
      await free();
      for (const [epoch, clientBrokerId] of [
        [5, 'broker-d'],
        [4, 'broker-e'],
      ] as const) {
        expect(await enqueue(store, id, { epoch, clientBrokerId })).to.include({ kind: 'existing' });
        await note();
      }
      expect(brokers).to.deep.equal(['broker-a', 'broker-b', 'broker-b', 'broker-d', 'broker-d']);
    });

    it('offers free slots at once, to as many players as there are slots', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a', { slots: 2 });
      const entries = Array.from({ length: 3 }, (_, i) =>
        newQueueEntry(newSessionId(), { arrivedAtMs: toStoreMs(clock.wallMs() - i) }),
      );
      const outcomes = await store.enqueue(REGION_POOL, entries, MAX_QUEUE, BROKER);
      expect(outcomes.map(({ kind }) => kind)).to.deep.equal(['waiting', 'existing', 'existing']);
      expect(outcomes[1]).to.have.nested.property('session.state', 'offered');
      expect(outcomes[1]).to.have.nested.property('session.meta.title', 'meadow');
    });

    it('lets no new reservation take a slot ahead of the queue', async () => {
      const { store } = current();
      const { free } = await fillPool(store, { slots: 2 });
      const ids = await enqueueInOrder(current(), 2);
      const [known] = await store.listHostSessions(REGION_POOL, 'host-a');
      expect((await reserveSlot(store, { sessionId: known!.sessionId })).outcome.kind).to.equal('existing');
      await free();
      expect((await reserveSlot(store)).outcome).to.deep.equal({ kind: 'full' });
      expect((await reserveSlot(store, { sessionId: ids[0]! })).outcome).to.have.nested.property(
        'session.state',
        'offered',
      );
      expect((await reserveSlot(store, { sessionId: ids[1]! })).outcome).to.deep.equal({ kind: 'full' });
      expect(await queuePositions(store, ids)).to.deep.equal(['offered', 0]);
    });

    it('is served by hosts that become ready, the least congested first, and not by a silent host', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-0', { slots: 1 });
      const { sessionId } = await reserveSlot(store);
      const ids = await enqueueInOrder(current(), 3);
      clock.advance(SUSPECT_AFTER_MS);
      await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'idle' }], BROKER);
      expect(await queuePositions(store, ids)).to.deep.equal([0, 1, 2]);
      expect((await getHost(store, 'host-0')).state).to.equal('suspect');
      await store.registerHost(REGION_POOL, registration('host-a', { slots: 1 }));
      await store.registerHost(REGION_POOL, registration('host-b', { slots: 1 }));
      expect(await queuePositions(store, ids)).to.deep.equal([0, 1, 2]);
      await store.recordHeartbeats(REGION_POOL, [
        { hostId: 'host-a', connectionId: 'broker-a.1', measured: 500_000, digest: 0 },
        { hostId: 'host-b', connectionId: 'broker-a.1', measured: 100_000, digest: 0 },
      ]);
      const sessions = await store.getSessions(REGION_POOL, ids);
      expect(sessions.map((session) => session?.hostId)).to.deep.equal(['host-b', 'host-a', undefined]);
      await sendHeartbeat(store, 'host-0');
      expect(await queuePositions(store, ids)).to.deep.equal(['offered', 'offered', 'offered']);
    });

    it('receives a slot freed by reconciliation, withdrawal, an expired reservation or an expired resume window', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a', { slots: 4 });
      const gone = await startSession(store, { clientBrokerId: '' });
      const away = await startSession(store);
      const change = { ...away, to: 'disconnected' as const };
      await store.updateSessionStates(REGION_POOL, [change], BROKER);
      clock.advance(DEFAULT_RESUME_WINDOW_MS - RESERVATION_MS);
      await sendHeartbeat(store, 'host-a');
      const unclaimed = await reserveSlot(store);
      const superseded = await reserveSlot(store);
      const ids = await enqueueInOrder(current(), 4);
      const from = { hostId: 'host-a', connectionId: 'broker-a.1' };
      await store.reconcileHost(REGION_POOL, from, [{ ...away, state: 'disconnected' }]);
      expect(await queuePositions(store, [gone.sessionId, ...ids])).to.deep.equal([
        'ended',
        'offered',
        0,
        1,
        2,
      ]);
      await store.withdrawEntries(REGION_POOL, [{ sessionId: superseded.sessionId, belowEpoch: 2 }], BROKER);
      expect(await queuePositions(store, ids)).to.deep.equal(['offered', 'offered', 0, 1]);
      clock.advance(RESERVATION_MS - 4_000);
      await sendHeartbeat(store, 'host-a');
      await store.expireSessions(REGION_POOL, 10, BROKER);
      expect(await queuePositions(store, [unclaimed.sessionId, away.sessionId])).to.deep.equal([
        'ended',
        'ended',
      ]);
      expect(await queuePositions(store, ids)).to.deep.equal(['offered', 'offered', 'offered', 'offered']);
    });

    it('has a length limit, and keeps players who already wait when the limit is reached', async () => {
      const { store } = current();
      const { free } = await fillPool(store);
      const ask = (sessionId: string) =>
        store.enqueue(REGION_POOL, [newQueueEntry(sessionId)], 2, BROKER).then(([outcome]) => outcome!.kind);
      const ids = Array.from({ length: 3 }, newSessionId);
      const kinds = [];
      for (const id of ids) kinds.push(await ask(id));
      expect(kinds).to.deep.equal(['waiting', 'waiting', 'queue_full']);
      expect(await ask(ids[1]!)).to.equal('waiting');
      expect((await store.getQueueStatus(REGION_POOL, [], false)).length).to.equal(2);
      await free();
      // An entry with an offer does not count as waiting.
      expect((await store.getQueueStatus(REGION_POOL, [], false)).length).to.equal(1);
      expect(await ask(ids[2]!)).to.equal('waiting');
    });

    it('keeps the position of a player who is enqueued again, and records the new epoch and broker', async () => {
      const { store, clock } = current();
      const { free } = await fillPool(store);
      const arrivedAtMs = toStoreMs(clock.wallMs());
      const [first, second] = await enqueueInOrder(current(), 2);
      const again = await enqueue(store, first!, { epoch: 4, arrivedAtMs: toStoreMs(clock.wallMs()) });
      expect(again).to.deep.equal({ kind: 'waiting', arrivedAtMs });
      await enqueue(store, first!, { epoch: 4, clientBrokerId: 'broker-b' });
      await free();
      const [offered] = await store.getSessions(REGION_POOL, [first!]);
      expect(offered).to.include({ state: 'offered', epoch: 4, clientBrokerId: 'broker-b' });
      // Enqueued again, the entry keeps its offer, which now belongs to the client's new broker.
      const existing = await enqueue(store, first!, { epoch: 5, clientBrokerId: 'broker-c' });
      expect(existing).to.have.property('kind', 'existing');
      expect(existing)
        .to.have.property('session')
        .that.includes({ state: 'offered', epoch: 4, clientBrokerId: 'broker-c' });
      expect(await queuePositions(store, [second!])).to.deep.equal([0]);
    });

    it('does not enqueue a live session, nor one that is over', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 2 });
      const active = await startSession(store);
      const { sessionId } = await startSession(store, { epoch: 2 });
      await store.endSessions(REGION_POOL, [{ sessionId, epoch: 2, reason: 'idle' }], BROKER);
      await reserveSlot(store);
      expect(await enqueue(store, active.sessionId, { epoch: 9 })).to.have.nested.property(
        'session.state',
        'active',
      );
      expect(await enqueue(store, sessionId, { epoch: 2 })).to.deep.equal({ kind: 'over', reason: 'idle' });
      expect(await enqueue(store, sessionId, { epoch: 3 })).to.have.property('kind', 'waiting');
      expect(await queuePositions(store, [active.sessionId, sessionId])).to.deep.equal(['active', 0]);
    });
  });
}
