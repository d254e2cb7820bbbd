import { expect } from 'chai';
import type { EndedSession, RecordedEnd } from '@duskline/server/store/fleet-store.js';
import { ENDED_KEPT_MS } from '@duskline/server/store/fleet-store.js';
import { REGION_POOL, newSessionId } from '../../support/fleet/fleet-data.js';
import {
  BROKER,
  enqueueInOrder,
  fillPool,
  getHost,
  getUtilisation,
  makeHostReady,
  queuePositions,
  reserveSlot,
  startSession,
  type CurrentFixture,
} from '../fixture.js';

const HOST = { hostId: 'host-a', connectionId: 'broker-a.1' };

/** Ends of sessions that a store may have lost. */
export function recordedEndSuite(current: CurrentFixture): void {
  const record = (sessionId: string, change: Partial<RecordedEnd> = {}): Promise<readonly EndedSession[]> =>
    current().store.recordEnds(
      REGION_POOL,
      [{ sessionId, epoch: 1, hostId: 'host-a', reason: 'client_left', ...change }],
      BROKER,
    );

  describe('recordEnds', () => {
    it('records the end of a session that the store does not know, so that its host may not bring it back', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const sessionId = newSessionId();
      const [ended] = await record(sessionId);
      expect(ended?.session).to.include({
        sessionId,
        epoch: 1,
        state: 'ended',
        reason: 'client_left',
        hostId: 'host-a',
      });
      expect(ended?.hostConnectionId).to.equal('broker-a.1');
      const { adopted, rejected } = await store.reconcileHost(REGION_POOL, HOST, [
        { sessionId, epoch: 1, state: 'connected' },
      ]);
      expect(adopted).to.deep.equal([]);
      expect(rejected).to.deep.equal([{ sessionId, epoch: 1, reason: 'client_left' }]);
      expect(await getUtilisation(store, REGION_POOL)).to.deep.equal({ sessions: 0, slots: 4 });
    });

    it('records it also while the store does not know the host', async () => {
      const { store } = current();
      const [ended] = await record(newSessionId());
      expect(ended?.hostConnectionId).to.equal(null);
      expect(await store.listHosts(REGION_POOL)).to.deep.equal([]);
    });

    it('ends a session that its host has brought back, frees its slot, and notifies its brokers', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { connectionId: 'broker-b.1' });
      const sessionId = newSessionId();
      const from = { hostId: 'host-a', connectionId: 'broker-b.1' };
      await store.reconcileHost(REGION_POOL, from, [{ sessionId, epoch: 1, state: 'connected' }]);
      expect(await getHost(store, 'host-a')).to.include({ committed: 1 });
      const [ended] = await record(sessionId);
      expect(ended?.session).to.include({ state: 'ended', reason: 'client_left' });
      expect(await getHost(store, 'host-a')).to.include({ committed: 0 });
      const changed = await store.takeChangedSessions(REGION_POOL, 'broker-b');
      expect(changed.map((session) => session.sessionId)).to.deep.equal([sessionId]);
    });

    it('offers the freed slot to the queue', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const { sessionId } = await startSession(store);
      const waiting = await enqueueInOrder(current(), 1);
      await record(sessionId);
      expect(await queuePositions(store, waiting)).to.deep.equal(['offered']);
    });

    it('changes nothing for an end that is recorded, a session with a higher epoch, or an offer', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await startSession(store, { epoch: 2 });
      expect(await record(sessionId)).to.deep.equal([]);
      expect((await store.getSessions(REGION_POOL, [sessionId]))[0]).to.include({
        state: 'active',
        epoch: 2,
      });
      expect(await record(sessionId, { epoch: 2, reason: 'superseded' })).to.have.length(1);
      expect(await record(sessionId, { epoch: 2 })).to.deep.equal([]);
      expect((await store.getSessions(REGION_POOL, [sessionId]))[0]).to.include({ reason: 'superseded' });
      await store.removeHost(REGION_POOL, 'host-a', 'broker-a.1');
      const { free } = await fillPool(store);
      const [waiting = ''] = await enqueueInOrder(current(), 1);
      await free();
      expect(await record(waiting)).to.deep.equal([]);
      expect(await queuePositions(store, [waiting])).to.deep.equal(['offered']);
    });

    it('does not stand in the way of a new assignment, and is forgotten like other ends', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const sessionId = newSessionId();
      await record(sessionId);
      expect((await reserveSlot(store, { sessionId })).outcome.kind).to.equal('over');
      expect((await reserveSlot(store, { sessionId, epoch: 2 })).outcome.kind).to.equal('reserved');
      const other = newSessionId();
      await record(other);
      clock.advance(ENDED_KEPT_MS + 1);
      await store.deleteEndedSessions(REGION_POOL, 10);
      expect(await store.getSessions(REGION_POOL, [other])).to.deep.equal([null]);
    });
  });
}
