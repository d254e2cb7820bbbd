import { expect } from 'chai';
import type { AcceptOfferOutcome, EndedSession, FleetStore } from '@duskline/server/store/fleet-store.js';
import { DEFAULT_OFFER_MS } from '@duskline/server/store/store-options.js';
import { REGION_POOL, newSessionId, registration } from '../../support/fleet/fleet-data.js';
import {
  BROKER,
  GRACE_MS,
  RESERVATION_MS,
  sendHeartbeat,
  enqueue,
  fillPool,
  getHost,
  getUtilisation,
  makeHostReady,
  reserveSlot,
  queuePositions,
  type CurrentFixture,
} from '../fixture.js';

const HOST = { hostId: 'host-a', connectionId: 'broker-a.1' };

/** Slots that are offered to the entries at the head of the queue. */
export function offerSuite(current: CurrentFixture): void {
  /** Offers the only slot of host-a to an entry, with `others` entries behind it. */
  async function offerOne(
    others = 0,
    clientBrokerId = BROKER,
  ): Promise<{ store: FleetStore; ids: string[]; sessionId: string }> {
    const { store, clock } = current();
    const ids = Array.from({ length: others + 1 }, newSessionId);
    await makeHostReady(store, 'host-a', { slots: 1 });
    for (const id of ids) {
      await enqueue(store, id, { clientBrokerId });
      clock.advance(10);
    }
    return { store, ids, sessionId: ids[0]! };
  }

  function accept(sessionId: string, fromEpoch: number, toEpoch: number): Promise<AcceptOfferOutcome> {
    const offer = { sessionId, fromEpoch, toEpoch, clientBrokerId: 'broker-c' };
    return current().store.acceptOffer(REGION_POOL, offer, RESERVATION_MS);
  }

  /** Runs one sweep of the region pool. */
  async function expire(limit = 10): Promise<readonly EndedSession[]> {
    const { store } = current();
    const missed = await store.findExpiredOffers(REGION_POOL, limit);
    return [
      ...(await store.expireOffers(REGION_POOL, missed, BROKER)),
      ...(await store.expireUnattendedEntries(REGION_POOL, GRACE_MS, limit, BROKER)),
    ];
  }

  describe('acceptOffer', () => {
    it('turns the offer into a reservation under a new epoch, on the same host', async () => {
      const { store, sessionId } = await offerOne();
      const { clock } = current();
      clock.advance(5_000);
      const outcome = await accept(sessionId, 1, 2);
      const [session] = await store.getSessions(REGION_POOL, [sessionId]);
      expect(outcome).to.deep.equal({ kind: 'accepted', session, hostConnectionId: 'broker-a.1' });
      expect(session).to.include({
        state: 'reserved',
        epoch: 2,
        hostId: 'host-a',
        clientBrokerId: 'broker-c',
        reservedAtMs: clock.wallMs(),
      });
      expect(session?.meta).not.to.equal(null);
      expect(await getHost(store, 'host-a')).to.include({ committed: 1 });
      clock.advance(DEFAULT_OFFER_MS);
      expect(await expire()).to.deep.equal([]);
      const change = { sessionId, epoch: 2, hostId: 'host-a', to: 'active' as const };
      expect(await store.updateSessionStates(REGION_POOL, [change], BROKER)).to.have.nested.property(
        '[0].kind',
        'changed',
      );
    });

    it('returns the same outcome when it is repeated, also when the host has claimed the session meanwhile', async () => {
      const { store, sessionId } = await offerOne();
      const first = await accept(sessionId, 1, 2);
      current().clock.advance(100);
      expect(await accept(sessionId, 1, 2)).to.deep.equal(first);
      const change = { sessionId, epoch: 2, hostId: 'host-a', to: 'active' as const };
      await store.updateSessionStates(REGION_POOL, [change], BROKER);
      expect(await accept(sessionId, 1, 2)).to.have.nested.property('session.state', 'active');
      expect(await accept(sessionId, 1, 3)).to.deep.equal({ kind: 'gone' });
    });

    it('accepts the offer of the given epoch only, and only while the offer stands', async () => {
      const { store, ids, sessionId } = await offerOne(1);
      expect(await accept(sessionId, 2, 3)).to.deep.equal({ kind: 'gone' });
      expect(await accept(ids[1]!, 1, 2)).to.deep.equal({ kind: 'gone' });
      expect(await accept(newSessionId(), 1, 2)).to.deep.equal({ kind: 'gone' });
      expect(await queuePositions(store, ids)).to.deep.equal(['offered', 0]);
      await store.withdrawEntries(REGION_POOL, [{ sessionId, belowEpoch: 0 }], BROKER);
      expect(await accept(sessionId, 1, 2)).to.deep.equal({ kind: 'gone' });
    });

    it('creates a reservation that expires like any other', async () => {
      const { sessionId } = await offerOne();
      const { store, clock } = current();
      await accept(sessionId, 1, 2);
      clock.advance(RESERVATION_MS - 1);
      expect(await store.expireSessions(REGION_POOL, 10, BROKER)).to.deep.equal([]);
      clock.advance(1);
      const ended = await store.expireSessions(REGION_POOL, 10, BROKER);
      expect(ended.map(({ session }) => [session.epoch, session.reason])).to.deep.equal([
        [2, 'reservation_expired'],
      ]);
    });
  });

  describe('an offer that nobody accepts', () => {
    it('goes to the next player, its own player goes to the back of the queue, and a second miss ends the session', async () => {
      const { store, ids, sessionId } = await offerOne(2);
      const { clock } = current();
      const arrivedAtMs = clock.wallMs() - 30;
      clock.advance(DEFAULT_OFFER_MS - 31);
      expect(await expire()).to.deep.equal([]);
      expect(await queuePositions(store, ids)).to.deep.equal(['offered', 0, 1]);
      clock.advance(1);
      await sendHeartbeat(store, 'host-a');
      expect(await expire()).to.deep.equal([]);
      expect(await queuePositions(store, ids)).to.deep.equal([1, 'offered', 0]);
      const { entries } = await store.getQueueStatus(REGION_POOL, [sessionId], true);
      expect(entries).to.deep.equal([
        { kind: 'waiting', ahead: 1, arrivedAtMs, clientBrokerId: BROKER, title: 'meadow', missed: true },
      ]);
      expect(await accept(sessionId, 1, 2)).to.deep.equal({ kind: 'gone' });

      await store.withdrawEntries(
        REGION_POOL,
        ids.slice(1).map((id) => ({ sessionId: id, belowEpoch: 0 })),
        BROKER,
      );
      expect(await queuePositions(store, [sessionId])).to.deep.equal(['offered']);
      clock.advance(DEFAULT_OFFER_MS);
      const ended = await expire();
      expect(ended).to.have.length(1);
      expect(ended[0]).to.have.property('hostConnectionId', 'broker-a.1');
      expect(ended[0]?.session).to.include({
        sessionId,
        state: 'ended',
        reason: 'reservation_expired',
        epoch: 1,
        hostId: '',
      });
      expect(await getHost(store, 'host-a')).to.include({ committed: 0 });
      expect(await enqueue(store, sessionId)).to.deep.equal({ kind: 'over', reason: 'reservation_expired' });
    });

    it('is listed as expired until it is withdrawn, the oldest first', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a', { slots: 2 });
      const [first, second, accepted] = [newSessionId(), newSessionId(), newSessionId()];
      await enqueue(store, first);
      clock.advance(1);
      await enqueue(store, second);
      await makeHostReady(store, 'host-b', { slots: 1 });
      await enqueue(store, accepted);
      await accept(accepted, 1, 2);
      clock.advance(DEFAULT_OFFER_MS - 1);
      expect(await store.findExpiredOffers(REGION_POOL, 10)).to.deep.equal([first]);
      clock.advance(1);
      for (let time = 0; time < 2; time += 1) {
        expect(await store.findExpiredOffers(REGION_POOL, 10)).to.deep.equal([first, second]);
        expect(await store.findExpiredOffers(REGION_POOL, 1)).to.deep.equal([first]);
      }
      await store.expireOffers(REGION_POOL, [second, accepted], BROKER);
      expect(await store.findExpiredOffers(REGION_POOL, 10)).to.deep.equal([first]);
    });

    it('is withdrawn only after its time', async () => {
      const { store, sessionId } = await offerOne();
      current().clock.advance(DEFAULT_OFFER_MS - 11);
      expect(await store.expireOffers(REGION_POOL, [sessionId, newSessionId()], BROKER)).to.deep.equal([]);
      expect(await queuePositions(store, [sessionId])).to.deep.equal(['offered']);
    });

    it('ends the session when the player missed an offer in another queue before', async () => {
      const { store, sessionId } = await offerOne();
      for (let time = 0; time < 2; time += 1)
        await store.recordMissedOffers(REGION_POOL, [sessionId, newSessionId()]);
      expect(await queuePositions(store, [sessionId])).to.deep.equal(['offered']);
      current().clock.advance(DEFAULT_OFFER_MS);
      const ended = await expire();
      expect(ended.map(({ session }) => [session.sessionId, session.reason])).to.deep.equal([
        [sessionId, 'reservation_expired'],
      ]);
      expect(await queuePositions(store, [sessionId])).to.deep.equal(['ended']);
    });

    it('is remembered by the queue as missed, also when the entry is enqueued in another region pool', async () => {
      const { store } = current();
      await fillPool(store);
      const [reported, enqueuedAsMissed] = [newSessionId(), newSessionId()];
      const missed = async (): Promise<unknown[]> => {
        const { entries } = await store.getQueueStatus(REGION_POOL, [reported, enqueuedAsMissed], true);
        return entries.map((status) => status.kind === 'waiting' && status.missed);
      };
      await enqueue(store, reported);
      await enqueue(store, enqueuedAsMissed, { missed: true });
      expect(await missed()).to.deep.equal([false, true]);
      await store.recordMissedOffers(REGION_POOL, [reported]);
      await enqueue(store, enqueuedAsMissed);
      expect(await missed()).to.deep.equal([true, true]);
    });

    it('is made again at once when nobody else waits', async () => {
      const { store, sessionId } = await offerOne();
      current().clock.advance(DEFAULT_OFFER_MS);
      await sendHeartbeat(store, 'host-a');
      expect(await expire()).to.deep.equal([]);
      expect(await queuePositions(store, [sessionId])).to.deep.equal(['offered']);
      expect(await getHost(store, 'host-a')).to.include({ committed: 1 });
    });

    it('is withdrawn no faster than the limit per call allows', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a', { slots: 3 });
      const ids = Array.from({ length: 3 }, newSessionId).sort();
      for (const id of ids) {
        await enqueue(store, id);
        clock.advance(1);
      }
      clock.advance(DEFAULT_OFFER_MS);
      await expire(2);
      // The host is silent, so that the withdrawn slots are not offered again.
      expect(await queuePositions(store, ids)).to.deep.equal([0, 1, 'offered']);
    });

    it('ends the entry when no broker has polled it for the grace period', async () => {
      const { store, sessionId } = await offerOne();
      current().clock.advance(GRACE_MS);
      const ended = await expire();
      expect(ended.map(({ session }) => [session.sessionId, session.reason])).to.deep.equal([
        [sessionId, 'reconnect_expired'],
      ]);
      expect(await getHost(store, 'host-a')).to.include({ committed: 0 });
      expect(await getUtilisation(store, REGION_POOL)).to.deep.include({ sessions: 0 });
    });

    it('keeps its entry while the offer stands, although no broker polls it', async () => {
      const { store, clock } = current();
      const { free } = await fillPool(store);
      const sessionId = newSessionId();
      await enqueue(store, sessionId);
      clock.advance(GRACE_MS);
      await sendHeartbeat(store, 'host-a');
      await free();
      expect(await expire()).to.deep.equal([]);
      expect(await queuePositions(store, [sessionId])).to.deep.equal(['offered']);
    });
  });

  describe('an offer whose host is removed or lost', () => {
    it('is made again on another host, in the old order', async () => {
      const { store, ids } = await offerOne(1);
      expect(await store.removeHost(REGION_POOL, 'host-a', 'broker-a.1')).to.deep.equal([]);
      expect(await queuePositions(store, ids)).to.deep.equal([0, 1]);
      await makeHostReady(store, 'host-b', { slots: 1 });
      expect(await queuePositions(store, ids)).to.deep.equal(['offered', 0]);
      expect(await store.getSessions(REGION_POOL, ids.slice(0, 1))).to.have.nested.property(
        '[0].hostId',
        'host-b',
      );
    });

    it('does not count as missed', async () => {
      const { store, sessionId } = await offerOne();
      const { clock } = current();
      const { heartbeatAtMs } = await getHost(store, 'host-a');
      for (const order of ['missing', 'lost'] as const) {
        expect(
          await store.markSilentHosts(REGION_POOL, [{ hostId: 'host-a', heartbeatAtMs, order }], BROKER),
        ).to.deep.equal([]);
      }
      expect(await queuePositions(store, [sessionId])).to.deep.equal([0]);
      await makeHostReady(store, 'host-b');
      clock.advance(DEFAULT_OFFER_MS);
      await sendHeartbeat(store, 'host-b');
      expect(await expire()).to.deep.equal([]);
      expect(await queuePositions(store, [sessionId])).to.deep.equal(['offered']);
    });

    it('stands when the host registers again', async () => {
      const { store, sessionId } = await offerOne();
      await store.registerHost(REGION_POOL, registration('host-a', { slots: 1, connectionId: 'broker-b.5' }));
      expect(await sendHeartbeat(store, 'host-a', { connectionId: 'broker-b.5' })).to.equal('ok');
      expect(await queuePositions(store, [sessionId])).to.deep.equal(['offered']);
      expect(await accept(sessionId, 1, 2)).to.include({ kind: 'accepted', hostConnectionId: 'broker-b.5' });
    });

    it('is withdrawn, like reservations and in one order with them, when the host reports running sessions that the store had lost', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 3 });
      const [first, second, third] = Array.from({ length: 3 }, newSessionId).sort() as [
        string,
        string,
        string,
      ];
      await reserveSlot(store, { sessionId: first });
      await reserveSlot(store, { sessionId: second });
      await enqueue(store, third);
      const lost = Array.from({ length: 2 }, () => ({
        sessionId: newSessionId(),
        epoch: 1,
        state: 'connected' as const,
      }));
      const { adopted, ended } = await store.reconcileHost(REGION_POOL, HOST, lost);
      expect(adopted.map(({ sessionId }) => sessionId)).to.deep.equal(lost.map(({ sessionId }) => sessionId));
      expect(ended.map(({ session }) => session.sessionId)).to.deep.equal([second]);
      expect(await queuePositions(store, [first, second, third])).to.deep.equal(['reserved', 'ended', 0]);
      expect(await getHost(store, 'host-a')).to.include({ committed: 3 });
    });
  });
}
