import { expect } from 'chai';
import { CLOSURES } from '@duskline/server/domain/closure.js';
import { REGION_POOL, newSessionId } from '../../support/fleet/fleet-data.js';
import {
  BROKER,
  GRACE_MS,
  RESERVATION_MS,
  enqueueInOrder,
  enqueue,
  getHost,
  getUtilisation,
  makeHostReady,
  reserveSlot,
  startSession,
  type CurrentFixture,
} from '../fixture.js';

/** Hosts and region pools that operators close to new sessions, and open again. */
export function closureSuite(current: CurrentFixture): void {
  describe('a closed host', () => {
    it('accepts no new session from the moment it is closed, and keeps the sessions it has', async () => {
      const { store, another } = current();
      await makeHostReady(store, 'host-a');
      await makeHostReady(store, 'host-b');
      const held = [await startSession(store), await startSession(store)];
      const elsewhere = await another();
      await elsewhere.addClosure(REGION_POOL, 'host-a', 'cordoned');
      expect(await getHost(store, 'host-a')).to.include({
        state: 'ready',
        committed: 1,
      });
      expect((await getHost(store, 'host-a')).closures).to.deep.equal(['cordoned']);
      for (let i = 0; i < 3; i += 1) expect((await reserveSlot(store)).hostId).to.equal('host-b');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      expect(await getUtilisation(store, REGION_POOL)).to.deep.equal({ sessions: 5, slots: 4 });
      const own = held.find(({ hostId }) => hostId === 'host-a')!;
      expect((await store.getSessions(REGION_POOL, [own.sessionId]))[0]).to.include({ state: 'active' });
    });

    it('is offered to no waiting player when one of its sessions ends, and accepts sessions again once it is opened', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const { sessionId } = await reserveSlot(store);
      await store.addClosure(REGION_POOL, 'host-a', 'draining');
      await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'client_left' }], BROKER);
      const waiting = newSessionId();
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      expect((await enqueue(store, waiting)).kind).to.equal('waiting');
      await store.removeClosure(REGION_POOL, 'host-a', 'draining');
      expect((await store.getSessions(REGION_POOL, [waiting]))[0]).to.include({
        state: 'offered',
        hostId: 'host-a',
      });
    });

    it('stays closed when it registers again, also after it left', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      await store.addClosure(REGION_POOL, 'host-a', 'cordoned');
      await makeHostReady(store, 'host-a', { connectionId: 'broker-b.2' });
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      await store.removeHost(REGION_POOL, 'host-a', 'broker-b.2');
      await makeHostReady(store, 'host-a', { connectionId: 'broker-b.3' });
      expect((await getHost(store, 'host-a')).closures).to.deep.equal(['cordoned']);
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
    });

    it('can be closed before it registers for the first time', async () => {
      const { store } = current();
      await store.addClosure(REGION_POOL, 'host-a', 'cordoned');
      await makeHostReady(store, 'host-a');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
    });

    it('loses its open offers, and their players return to their positions in the queue', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const { sessionId } = await reserveSlot(store);
      const [first = '', second = ''] = await enqueueInOrder(current(), 2);
      await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'client_left' }], BROKER);
      await store.addClosure(REGION_POOL, 'host-a', 'draining');
      const order = { sessionId: first, fromEpoch: 1, toEpoch: 2, clientBrokerId: BROKER };
      expect((await store.acceptOffer(REGION_POOL, order, RESERVATION_MS)).kind).to.equal('gone');
      const { entries } = await store.getQueueStatus(REGION_POOL, [first, second], true);
      expect(entries.map((status) => status.kind === 'waiting' && status.ahead)).to.deep.equal([0, 1]);
      await makeHostReady(store, 'host-b', { slots: 1 });
      expect((await store.getSessions(REGION_POOL, [first]))[0]).to.include({
        state: 'offered',
        hostId: 'host-b',
      });
    });
  });

  for (const [what, hostId] of [
    ['a host', 'host-a'],
    ['a region pool', null],
  ] as const) {
    describe(`${what} with several closures`, () => {
      it('stays closed until each of them is removed, in any order', async () => {
        const { store, another } = current();
        const elsewhere = await another();
        await makeHostReady(store, 'host-a');
        for (const order of [CLOSURES, [...CLOSURES].reverse()]) {
          for (const closure of order) await store.addClosure(REGION_POOL, hostId, closure);
          expect(await elsewhere.getClosures(REGION_POOL, hostId)).to.deep.equal(CLOSURES);
          for (const closure of order) {
            expect((await reserveSlot(store)).outcome.kind).to.equal(hostId === null ? 'closed' : 'full');
            await elsewhere.removeClosure(REGION_POOL, hostId, closure);
            expect(await store.getClosures(REGION_POOL, hostId)).not.to.include(closure);
          }
          expect((await reserveSlot(store)).outcome.kind).to.equal('reserved');
        }
      });

      it('changes nothing when a closure is added twice, or removed without being there', async () => {
        const { store } = current();
        await makeHostReady(store, 'host-a');
        await store.addClosure(REGION_POOL, hostId, 'draining');
        await store.addClosure(REGION_POOL, hostId, 'draining');
        await store.removeClosure(REGION_POOL, hostId, 'cordoned');
        expect(await store.getClosures(REGION_POOL, hostId)).to.deep.equal(['draining']);
        await store.removeClosure(REGION_POOL, hostId, 'draining');
        await store.removeClosure(REGION_POOL, hostId, 'draining');
        expect(await store.getClosures(REGION_POOL, hostId)).to.deep.equal([]);
        expect((await reserveSlot(store)).outcome.kind).to.equal('reserved');
      });
    });
  }

  describe('a closed region pool', () => {
    it('refuses new sessions from every broker with `closed`, also after another host becomes ready', async () => {
      const { store, another } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      await (await another()).addClosure(REGION_POOL, null, 'draining');
      expect(await store.getClosures(REGION_POOL, null)).to.deep.equal(['draining']);
      expect((await reserveSlot(store)).outcome.kind).to.equal('closed');
      expect((await enqueue(store, newSessionId())).kind).to.equal('closed');
      expect((await reserveSlot(store, { sessionId })).outcome.kind).to.equal('existing');
      await makeHostReady(store, 'host-b');
      expect((await reserveSlot(store)).outcome.kind).to.equal('closed');
      await store.removeClosure(REGION_POOL, null, 'draining');
      expect(await store.getClosures(REGION_POOL, null)).to.deep.equal([]);
      expect((await reserveSlot(store)).hostId).to.equal('host-b');
    });

    it('removes every waiting player and every offer from its queue', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const held = await reserveSlot(store);
      const ids = [newSessionId(), newSessionId()];
      for (const id of ids) await enqueue(store, id, { clientBrokerId: 'broker-b' });
      await store.endSessions(
        REGION_POOL,
        [{ sessionId: held.sessionId, epoch: 1, reason: 'client_left' }],
        BROKER,
      );
      await store.takeChangedSessions(REGION_POOL, 'broker-b');
      await store.addClosure(REGION_POOL, null, 'draining');
      const { entries, length } = await store.getQueueStatus(REGION_POOL, ids, true);
      expect(entries).to.deep.equal([{ kind: 'unknown' }, { kind: 'unknown' }]);
      expect(length).to.equal(0);
      expect(await getHost(store, 'host-a')).to.include({ committed: 0 });
      clock.advance(GRACE_MS + 1);
      expect(await store.expireUnattendedEntries(REGION_POOL, GRACE_MS, 10, BROKER)).to.deep.equal([]);
    });

    it('does not affect its running sessions and reservations', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const held = await startSession(store);
      const reserved = await reserveSlot(store);
      await store.addClosure(REGION_POOL, null, 'cordoned');
      const claim = { sessionId: reserved.sessionId, epoch: 1, hostId: 'host-a', to: 'active' as const };
      expect((await store.updateSessionStates(REGION_POOL, [claim], BROKER))[0]?.kind).to.equal('changed');
      const order = { sessionId: held.sessionId, epoch: 1, reason: 'client_left' as const };
      expect((await store.endSessions(REGION_POOL, [order], BROKER))[0]?.kind).to.equal('ended');
    });
  });
}
