import { expect } from 'chai';
import type { HeldState } from '@duskline/protocol/vocabulary';
import type { ReportedSession, SessionRecord } from '@duskline/server/store/fleet-store.js';
import { ENDED_KEPT_MS } from '@duskline/server/store/fleet-store.js';
import { REGION_POOL, newSessionId, registration, reservation } from '../../support/fleet/fleet-data.js';
import {
  BROKER,
  RESERVATION_MS,
  sendHeartbeat,
  getHost,
  makeHostReady,
  reserveSlot,
  startSession,
  type CurrentFixture,
} from '../fixture.js';

const HOST = { hostId: 'host-a', connectionId: 'broker-a.1' };

function idsOf(sessions: readonly SessionRecord[]): string[] {
  return sessions.map(({ sessionId }) => sessionId);
}

function held(sessionId: string, epoch = 1, state: HeldState = 'connected'): ReportedSession {
  return { sessionId, epoch, state };
}

/** How store and host agree on sessions. */
export function reconcileSuite(current: CurrentFixture): void {
  describe('reconcileHost', () => {
    it('changes nothing when host and store agree', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const session = await startSession(store);
      expect(await sendHeartbeat(store, 'host-a', { sessions: [session] })).to.equal('ok');
      expect(await store.reconcileHost(REGION_POOL, HOST, [session])).to.deep.equal({
        outcome: 'ok',
        ended: [],
        rejected: [],
        adopted: [],
        returned: [],
        arriving: [],
      });
    });

    it('ends sessions that the host no longer has, but not reservations it has not claimed yet', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const gone = await startSession(store);
      const reserved = await reserveSlot(store);
      expect(await sendHeartbeat(store, 'host-a')).to.equal('differs');
      const { ended } = await store.reconcileHost(REGION_POOL, HOST, []);
      expect(ended.map(({ session }) => [session.sessionId, session.reason])).to.deep.equal([
        [gone.sessionId, 'host_lost'],
      ]);
      expect(await store.getSessions(REGION_POOL, [reserved.sessionId])).to.have.nested.property(
        '[0].state',
        'reserved',
      );
      expect(await getHost(store, 'host-a')).to.include({ committed: 1 });
      expect(await sendHeartbeat(store, 'host-a')).to.equal('ok');
    });

    it('adopts sessions that the store does not know, and records states it missed', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const reserved = await reserveSlot(store);
      const unknown = newSessionId();
      const reported = [held(reserved.sessionId, 1, 'active'), held(unknown, 5)];
      const { adopted, rejected } = await store.reconcileHost(REGION_POOL, HOST, reported);
      expect([idsOf(adopted), rejected]).to.deep.equal([[reserved.sessionId, unknown], []]);
      const [first, second] = await store.getSessions(REGION_POOL, [reserved.sessionId, unknown]);
      expect(first).to.include({ state: 'active', epoch: 1 });
      expect(first?.meta).not.to.equal(null);
      expect(second).to.include({ state: 'connected', epoch: 5, meta: null, clientBrokerId: '' });
      expect(await getHost(store, 'host-a')).to.include({ committed: 2 });
      expect(await sendHeartbeat(store, 'host-a', { sessions: reported })).to.equal('ok');
    });

    it('keeps an adopted reservation from expiring', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      await store.reconcileHost(REGION_POOL, HOST, [held(sessionId)]);
      clock.advance(RESERVATION_MS + 1);
      expect(await store.expireSessions(REGION_POOL, 10, BROKER)).to.deep.equal([]);
    });

    it('rejects a session that is over, with the reason of its end', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const session = await startSession(store);
      await store.endSessions(REGION_POOL, [{ ...session, reason: 'operator' }], BROKER);
      const { rejected, adopted } = await store.reconcileHost(REGION_POOL, HOST, [session]);
      expect(rejected).to.deep.equal([{ sessionId: session.sessionId, epoch: 1, reason: 'operator' }]);
      expect(idsOf(adopted)).to.deep.equal([]);
      expect((await getHost(store, 'host-a')).committed).to.equal(0);
    });

    it('revives a session whose reservation only expired, and keeps its record from then on', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      clock.advance(RESERVATION_MS);
      expect(await store.expireSessions(REGION_POOL, 10, BROKER)).to.have.length(1);
      const running = held(newSessionId());
      const { adopted, returned } = await store.reconcileHost(REGION_POOL, HOST, [held(sessionId), running]);
      expect(idsOf(adopted)).to.deep.equal([sessionId, running.sessionId]);
      expect(returned).to.deep.equal([adopted[0]]);
      clock.advance(ENDED_KEPT_MS);
      expect(await store.deleteEndedSessions(REGION_POOL, 10)).to.equal(0);
      expect(await store.getSessions(REGION_POOL, [sessionId])).to.have.nested.property(
        '[0].state',
        'connected',
      );
    });

    it('does not revive an expired session when another session has its slot', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const { sessionId } = await reserveSlot(store);
      clock.advance(RESERVATION_MS);
      await store.expireSessions(REGION_POOL, 10, BROKER);
      await sendHeartbeat(store, 'host-a');
      await reserveSlot(store);
      const { rejected } = await store.reconcileHost(REGION_POOL, HOST, [held(sessionId)]);
      expect(rejected).to.deep.equal([{ sessionId, epoch: 1, reason: 'reservation_expired' }]);
      expect((await getHost(store, 'host-a')).committed).to.equal(1);
    });

    it('rejects sessions beyond the slots of the host', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 2 });
      const known = await startSession(store);
      const strangers = [newSessionId(), newSessionId()].map((id) => held(id));
      const { adopted, rejected } = await store.reconcileHost(REGION_POOL, HOST, [...strangers, known]);
      expect(idsOf(adopted)).to.deep.equal([strangers[0]!.sessionId]);
      expect(rejected).to.deep.equal([{ sessionId: strangers[1]!.sessionId, epoch: 1, reason: 'error' }]);
      expect((await getHost(store, 'host-a')).committed).to.equal(2);
    });

    it('rejects an older epoch and adopts a newer one', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const session = await startSession(store, { epoch: 3 });
      const old = await store.reconcileHost(REGION_POOL, HOST, [held(session.sessionId, 2)]);
      expect(old.rejected).to.deep.equal([{ sessionId: session.sessionId, epoch: 2, reason: 'superseded' }]);
      const newer = await store.reconcileHost(REGION_POOL, HOST, [held(session.sessionId, 4)]);
      expect(idsOf(newer.adopted)).to.deep.equal([session.sessionId]);
      expect(await store.getSessions(REGION_POOL, [session.sessionId])).to.have.nested.property(
        '[0].epoch',
        4,
      );
      expect((await getHost(store, 'host-a')).committed).to.equal(1);
    });

    it('keeps a session that two hosts report on the host with the newer epoch', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      await makeHostReady(store, 'host-b', { measured: 900_000 });
      const session = await startSession(store, { epoch: 2 });
      const other = { hostId: 'host-b', connectionId: 'broker-a.1' };
      for (const epoch of [1, 2]) {
        const { rejected } = await store.reconcileHost(REGION_POOL, other, [held(session.sessionId, epoch)]);
        expect(rejected).to.deep.equal([{ sessionId: session.sessionId, epoch, reason: 'superseded' }]);
      }
      const { adopted } = await store.reconcileHost(REGION_POOL, other, [held(session.sessionId, 3)]);
      expect(idsOf(adopted)).to.deep.equal([session.sessionId]);
      expect((await getHost(store, 'host-a')).committed).to.equal(0);
      expect((await getHost(store, 'host-b')).committed).to.equal(1);
      const { rejected } = await store.reconcileHost(REGION_POOL, HOST, [session]);
      expect(rejected).to.deep.equal([{ sessionId: session.sessionId, epoch: 2, reason: 'superseded' }]);
    });

    it('returns `unknown` for a host that is not registered', async () => {
      expect((await current().store.reconcileHost(REGION_POOL, HOST, [])).outcome).to.equal('unknown');
    });
  });

  describe('a store that lost its data', () => {
    it('assigns no slot of a host before the host has reported its sessions', async () => {
      const { store } = current();
      const running = [held(newSessionId()), held(newSessionId())];
      await store.registerHost(REGION_POOL, registration('host-a', { slots: 2 }));
      expect(await sendHeartbeat(store, 'host-a', { sessions: running })).to.equal('differs');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      await store.reconcileHost(REGION_POOL, HOST, running);
      expect(await sendHeartbeat(store, 'host-a', { sessions: running })).to.equal('ok');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      expect(await getHost(store, 'host-a')).to.include({ state: 'ready', committed: 2 });
    });

    it('ends reservations, the newest first, to make room for running sessions', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 3 });
      const reserved: string[] = [];
      for (let i = 0; i < 3; i += 1) reserved.push((await reserveSlot(store)).sessionId);
      reserved.sort();
      const running = [held(newSessionId()), held(newSessionId()), held(reserved[2]!, 1, 'active')];
      const { ended, adopted, rejected } = await store.reconcileHost(REGION_POOL, HOST, running);
      expect(ended.map(({ session }) => session.sessionId)).to.deep.equal([reserved[1], reserved[0]]);
      expect(idsOf(adopted)).to.deep.equal(running.map((session) => session.sessionId));
      expect(rejected).to.deep.equal([]);
      expect((await getHost(store, 'host-a')).committed).to.equal(3);
    });

    it('restores the player of an adopted session from the broker of its client', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const lost = reservation(newSessionId());
      const host = { hostId: 'host-a', connectionId: 'broker-a.1' };
      await store.reconcileHost(REGION_POOL, host, [
        { sessionId: lost.sessionId, epoch: 1, state: 'connected' },
      ]);
      expect(await store.restoreSessions(REGION_POOL, [{ ...lost, epoch: 2 }])).to.have.nested.property(
        '[0].meta',
        null,
      );
      const [restored] = await store.restoreSessions(REGION_POOL, [lost]);
      expect(restored).to.deep.include({ state: 'connected', epoch: 1, meta: lost.meta });
      expect(restored).to.include({ clientBrokerId: lost.clientBrokerId });
      const other = { ...lost, clientBrokerId: 'broker-z', meta: { ...lost.meta, playerId: 'thief' } };
      expect(await store.restoreSessions(REGION_POOL, [other, reservation(newSessionId())])).to.deep.equal([
        restored,
        null,
      ]);
    });

    it('adopts an assignment that is newer than a recorded end', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const session = await startSession(store);
      await store.endSessions(REGION_POOL, [{ ...session, reason: 'operator' }], BROKER);
      const { adopted } = await store.reconcileHost(REGION_POOL, HOST, [held(session.sessionId, 2)]);
      expect(idsOf(adopted)).to.deep.equal([session.sessionId]);
    });
  });
}
