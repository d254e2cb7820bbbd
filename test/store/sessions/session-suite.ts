import { expect } from 'chai';
import { ENDED_KEPT_MS } from '@duskline/server/store/fleet-store.js';
import { DEFAULT_RESUME_WINDOW_MS } from '@duskline/server/store/store-options.js';
import { REGION_POOL, metaOf, newSessionId } from '../../support/fleet/fleet-data.js';
import {
  BROKER,
  RESERVATION_MS,
  sendHeartbeat,
  getHost,
  getUtilisation,
  makeHostReady,
  reserveSlot,
  startSession,
  type CurrentFixture,
} from '../fixture.js';

/** The life of a session after its placement. */
export function sessionSuite(current: CurrentFixture): void {
  describe('updateSessionStates', () => {
    it('follows the reports of the host through the life of a session', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId, hostId } = await reserveSlot(store);
      for (const to of ['active', 'connected', 'disconnected', 'connected', 'connected'] as const) {
        const [outcome] = await store.updateSessionStates(
          REGION_POOL,
          [{ sessionId, epoch: 1, hostId: hostId!, to }],
          BROKER,
        );
        expect(outcome).to.have.nested.property('session.state', to);
      }
    });

    it('refuses impossible transitions, old epochs, other hosts and unknown sessions', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await startSession(store, { epoch: 2 });
      const change = { sessionId, epoch: 2, hostId: 'host-a', to: 'connected' as const };
      const ended = await reserveSlot(store);
      await store.endSessions(
        REGION_POOL,
        [{ sessionId: ended.sessionId, epoch: 1, reason: 'idle' }],
        BROKER,
      );
      const reserved = await reserveSlot(store);
      const outcomes = await store.updateSessionStates(
        REGION_POOL,
        [
          { ...change, epoch: 1 },
          { ...change, epoch: 3 },
          { ...change, hostId: 'host-b' },
          { ...change, sessionId: newSessionId() },
          { ...change, sessionId: ended.sessionId, epoch: 1 },
          { ...change, sessionId: reserved.sessionId, epoch: 1 },
          change,
          { ...change, to: 'active' },
        ],
        BROKER,
      );
      expect(outcomes.map((outcome) => outcome.kind)).to.deep.equal([
        'stale',
        'stale',
        'stale',
        'unknown',
        'over',
        'bad_transition',
        'changed',
        'bad_transition',
      ]);
      expect(outcomes[4]).to.deep.equal({ kind: 'over', reason: 'idle' });
    });
  });

  describe('setClientBroker', () => {
    it('notifies the broker to which the client was connected before', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store, { clientBrokerId: 'broker-b' });
      await store.setClientBroker(REGION_POOL, sessionId, 'broker-b');
      expect(await store.takeChangedSessions(REGION_POOL, 'broker-b')).to.deep.equal([]);
      await store.setClientBroker(REGION_POOL, sessionId, 'broker-c');
      expect(await store.takeChangedSessions(REGION_POOL, 'broker-c')).to.deep.equal([]);
      const [moved] = await store.takeChangedSessions(REGION_POOL, 'broker-b');
      expect(moved).to.include({ sessionId, state: 'reserved', clientBrokerId: 'broker-c' });
    });

    it('records the broker of the client, but not for a session that is over', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      expect(await store.setClientBroker(REGION_POOL, sessionId, 'broker-b')).to.include({
        clientBrokerId: 'broker-b',
      });
      await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'client_left' }], BROKER);
      expect(await store.setClientBroker(REGION_POOL, sessionId, 'broker-c')).to.include({
        clientBrokerId: 'broker-b',
        state: 'ended',
      });
      expect(await store.setClientBroker(REGION_POOL, newSessionId(), 'broker-b')).to.equal(null);
    });
  });

  describe('giveSession', () => {
    it('numbers the connections of a session by the time of the store, and a new session has no number', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      expect((await store.getSessions(REGION_POOL, [sessionId]))[0]).to.include({ seq: 0 });
      const seq = clock.wallMs();
      const meta = metaOf(sessionId);
      const given = await store.giveSession(REGION_POOL, sessionId, {
        clientBrokerId: BROKER,
        heldSeq: null,
      });
      expect(given).to.deep.include({ sessionId, state: 'reserved', seq, meta, clientBrokerId: BROKER });
      expect(await store.getSessions(REGION_POOL, [sessionId])).to.deep.equal([given]);
      // Within one millisecond, and after the clock was set back.
      expect(
        await store.giveSession(REGION_POOL, sessionId, { clientBrokerId: BROKER, heldSeq: null }),
      ).to.include({ seq: seq + 1 });
      clock.jump(-5_000);
      expect(
        await store.giveSession(REGION_POOL, sessionId, { clientBrokerId: BROKER, heldSeq: null }),
      ).to.include({ seq: seq + 2 });
      clock.advance(65_000);
      expect(
        await store.giveSession(REGION_POOL, sessionId, { clientBrokerId: BROKER, heldSeq: null }),
      ).to.include({ seq: seq + 60_000 });
    });

    it('gives the session to one of several connections that read the same number', async () => {
      const { store, another } = current();
      const stores = [store, await another()];
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      const read = await store.giveSession(REGION_POOL, sessionId, { clientBrokerId: BROKER, heldSeq: null });
      const given = await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          stores[i % 2]!.giveSession(REGION_POOL, sessionId, {
            clientBrokerId: `broker-${i}`,
            heldSeq: null,
            fromSeq: read!.seq,
          }),
        ),
      );
      expect(given.filter((session) => session !== null)).to.have.length(1);
      const [stored] = await store.getSessions(REGION_POOL, [sessionId]);
      expect(given).to.deep.include(stored);
    });

    it('keeps the number of the connection that has the session, unless another one got it meanwhile', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      const give = async (broker: string, heldSeq: number | null): Promise<number | undefined> =>
        (await store.giveSession(REGION_POOL, sessionId, { clientBrokerId: broker, heldSeq }))?.seq;
      expect(await give(BROKER, 0)).to.equal(0);
      const first = await give(BROKER, null);
      expect(await give(BROKER, first!)).to.equal(first);
      const second = await give('broker-b', null);
      expect(second).to.be.above(first!);
      const third = await give(BROKER, first!);
      expect(third).to.be.above(second!);
      expect(await give('broker-b', third!), 'on another broker it is another connection').to.be.above(
        third!,
      );
    });

    it('notifies the broker to which the client was connected before', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store, { clientBrokerId: 'broker-b' });
      await store.giveSession(REGION_POOL, sessionId, { clientBrokerId: 'broker-c', heldSeq: null });
      expect(await store.takeChangedSessions(REGION_POOL, 'broker-c')).to.deep.equal([]);
      const [moved] = await store.takeChangedSessions(REGION_POOL, 'broker-b');
      expect(moved).to.include({ sessionId, state: 'reserved', clientBrokerId: 'broker-c' });
    });

    it('changes nothing of a session that is over, and the next assignment begins without a number', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      await store.giveSession(REGION_POOL, sessionId, { clientBrokerId: 'broker-b', heldSeq: null });
      await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'client_left' }], BROKER);
      const given = await store.giveSession(REGION_POOL, sessionId, {
        clientBrokerId: 'broker-c',
        heldSeq: null,
      });
      expect(given).to.include({ state: 'ended', clientBrokerId: 'broker-b', seq: 0 });
      expect(
        await store.giveSession(REGION_POOL, newSessionId(), { clientBrokerId: 'broker-b', heldSeq: null }),
      ).to.equal(null);
      await reserveSlot(store, { sessionId, epoch: 2 });
      expect((await store.getSessions(REGION_POOL, [sessionId]))[0]).to.include({ epoch: 2, seq: 0 });
    });

    it('changes only the broker of a session whose end its host may reverse', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store, { clientBrokerId: 'broker-b' });
      clock.advance(RESERVATION_MS);
      await store.expireSessions(REGION_POOL, 10, BROKER);
      const given = await store.giveSession(REGION_POOL, sessionId, {
        clientBrokerId: 'broker-c',
        heldSeq: null,
      });
      expect(given).to.include({
        state: 'ended',
        reason: 'reservation_expired',
        clientBrokerId: 'broker-c',
        seq: 0,
      });
      await store.takeChangedSessions(REGION_POOL, 'broker-b');
      const returned = { sessionId, epoch: 1, state: 'active' } as const;
      await store.reconcileHost(REGION_POOL, { hostId: 'host-a', connectionId: 'broker-a.1' }, [returned]);
      const [told] = await store.takeChangedSessions(REGION_POOL, 'broker-c');
      expect(told).to.include(returned);
      expect(await store.takeChangedSessions(REGION_POOL, 'broker-b')).to.deep.equal([]);
    });

    it('records whether the session ends with its host, as the request says that has it now', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      const before = (await store.getSessions(REGION_POOL, [sessionId]))[0]!.meta!;
      for (const endsWithHost of [true, true, false, undefined, true, undefined]) {
        const given = await store.giveSession(REGION_POOL, sessionId, {
          clientBrokerId: BROKER,
          heldSeq: null,
          endsWithHost,
        });
        const [stored] = await store.getSessions(REGION_POOL, [sessionId]);
        expect(stored).to.deep.equal(given);
        if (endsWithHost !== undefined) expect(given!.meta!.endsWithHost).to.equal(endsWithHost || undefined);
        expect(given!.meta).to.include(before);
      }
      expect((await store.getSessions(REGION_POOL, [sessionId]))[0]!.meta!.endsWithHost).to.equal(true);
    });

    it('gives a session that the store knows only from its host a higher number than it had before', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      const before = await store.giveSession(REGION_POOL, sessionId, {
        clientBrokerId: BROKER,
        heldSeq: null,
      });
      clock.advance(1);
      // A region pool that knows nothing of the session stands for a store that has lost its data.
      const emptied = { region: 'us-east', pool: REGION_POOL.pool };
      await makeHostReady(store, 'host-a', { regionPool: emptied });
      const host = { hostId: 'host-a', connectionId: 'broker-a.1' };
      const { adopted } = await store.reconcileHost(emptied, host, [
        { sessionId, epoch: 1, state: 'connected' },
      ]);
      expect(adopted[0]).to.include({ sessionId, seq: 0, meta: null });
      const after = await store.giveSession(emptied, sessionId, {
        clientBrokerId: BROKER,
        heldSeq: before!.seq,
      });
      expect(after?.seq).to.be.above(before!.seq);
      expect(after).to.include({ meta: null });
    });

    it('keeps the number while the host reports states, and when the store follows the list of its host', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId, hostId } = await startSession(store);
      const given = await store.giveSession(REGION_POOL, sessionId, {
        clientBrokerId: 'broker-b',
        heldSeq: null,
      });
      const seq = given?.seq;
      const change = { sessionId, epoch: 1, hostId, to: 'connected' as const };
      const [outcome] = await store.updateSessionStates(REGION_POOL, [change], BROKER);
      expect(outcome?.kind === 'changed' && outcome.session).to.include({ state: 'connected', seq });
      const host = { hostId, connectionId: 'broker-a.1' };
      const reported = [{ sessionId, epoch: 1, state: 'disconnected' as const }];
      const { adopted } = await store.reconcileHost(REGION_POOL, host, reported);
      expect(adopted[0]).to.include({ state: 'disconnected', seq });
    });
  });

  describe('getSessions and listHostSessions', () => {
    it('return records in order, null for unknown ones, and only live sessions of the host', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const first = await reserveSlot(store);
      const second = await startSession(store);
      const stranger = newSessionId();
      const ids = [second.sessionId, stranger, first.sessionId];
      const records = await store.getSessions(REGION_POOL, ids);
      expect(records.map((record) => record?.sessionId ?? null)).to.deep.equal([
        second.sessionId,
        null,
        first.sessionId,
      ]);
      expect(await store.getSessions(REGION_POOL, [])).to.deep.equal([]);
      await store.endSessions(
        REGION_POOL,
        [{ sessionId: first.sessionId, epoch: 1, reason: 'idle' }],
        BROKER,
      );
      const held = await store.listHostSessions(REGION_POOL, 'host-a');
      expect(held.map((session) => session.sessionId)).to.deep.equal([second.sessionId]);
      expect(await store.listHostSessions(REGION_POOL, 'host-b')).to.deep.equal([]);
    });
  });

  describe('reservations that no host claims', () => {
    it('expire after their time, the oldest first and no more than the limit', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const sessions: string[] = [];
      for (let i = 0; i < 3; i += 1) {
        sessions.push((await reserveSlot(store)).sessionId);
        clock.advance(1_000);
      }
      clock.advance(RESERVATION_MS - 3_001);
      expect(await store.expireSessions(REGION_POOL, 10, BROKER)).to.deep.equal([]);
      clock.advance(1_001);
      const first = await store.expireSessions(REGION_POOL, 1, BROKER);
      expect(first.map(({ session }) => session.sessionId)).to.deep.equal([sessions[0]]);
      expect(first[0]?.session).to.include({ state: 'ended', reason: 'reservation_expired' });
      expect(first[0]?.hostConnectionId).to.equal('broker-a.1');
      const second = await store.expireSessions(REGION_POOL, 10, BROKER);
      expect(second.map(({ session }) => session.sessionId)).to.deep.equal([sessions[1]]);
      expect((await getHost(store, 'host-a')).committed).to.equal(1);
    });

    it('do not expire when they were claimed in time, or ended and were reserved again', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      await startSession(store);
      const { sessionId } = await reserveSlot(store);
      await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'client_left' }], BROKER);
      clock.advance(RESERVATION_MS / 2);
      await sendHeartbeat(store, 'host-a');
      await reserveSlot(store, { sessionId, epoch: 2 });
      clock.advance(RESERVATION_MS / 2);
      expect(await store.expireSessions(REGION_POOL, 10, BROKER)).to.deep.equal([]);
      clock.advance(RESERVATION_MS / 2);
      const ended = await store.expireSessions(REGION_POOL, 10, BROKER);
      expect(ended.map(({ session }) => session.epoch)).to.deep.equal([2]);
    });
  });

  describe('sessions that stay disconnected', () => {
    it('end when the resume window is over, which repeated reports do not extend', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const first = await startSession(store);
      const second = await startSession(store);
      const disconnect = async ({ sessionId, epoch, hostId }: typeof first): Promise<unknown> =>
        store.updateSessionStates(REGION_POOL, [{ sessionId, epoch, hostId, to: 'disconnected' }], BROKER);
      await disconnect(first);
      clock.advance(1_000);
      await disconnect(second);
      await disconnect(first);
      clock.advance(DEFAULT_RESUME_WINDOW_MS - 1_001);
      expect(await store.expireSessions(REGION_POOL, 10, BROKER)).to.deep.equal([]);
      clock.advance(1_001);
      const ended = await store.expireSessions(REGION_POOL, 1, BROKER);
      expect(ended.map(({ session }) => session.sessionId)).to.deep.equal([first.sessionId]);
      expect(ended[0]?.session).to.include({ state: 'ended', reason: 'reconnect_expired' });
      expect(ended[0]?.hostConnectionId).to.equal('broker-a.1');
      const rest = await store.expireSessions(REGION_POOL, 10, BROKER);
      expect(rest.map(({ session }) => session.sessionId)).to.deep.equal([second.sessionId]);
      expect(await getHost(store, 'host-a')).to.include({ committed: 0 });
    });

    it('continue when the player reconnects, and have the whole resume window again at the next disconnect', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId, epoch, hostId } = await startSession(store);
      const report = async (to: 'connected' | 'disconnected'): Promise<unknown> =>
        store.updateSessionStates(REGION_POOL, [{ sessionId, epoch, hostId, to }], BROKER);
      await report('disconnected');
      clock.advance(DEFAULT_RESUME_WINDOW_MS - 1);
      await report('connected');
      clock.advance(DEFAULT_RESUME_WINDOW_MS);
      expect(await store.expireSessions(REGION_POOL, 10, BROKER)).to.deep.equal([]);
      await report('disconnected');
      clock.advance(DEFAULT_RESUME_WINDOW_MS - 1);
      expect(await store.expireSessions(REGION_POOL, 10, BROKER)).to.deep.equal([]);
      clock.advance(1);
      expect(await store.expireSessions(REGION_POOL, 10, BROKER)).to.have.length(1);
    });

    it('end also when only a reconciliation reported the disconnect', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId, epoch } = await startSession(store);
      const listed = [{ sessionId, epoch, state: 'disconnected' as const }];
      const from = { hostId: 'host-a', connectionId: 'broker-a.1' };
      await store.reconcileHost(REGION_POOL, from, listed);
      clock.advance(DEFAULT_RESUME_WINDOW_MS - 1);
      await store.reconcileHost(REGION_POOL, from, listed);
      expect(await store.expireSessions(REGION_POOL, 10, BROKER)).to.deep.equal([]);
      clock.advance(1);
      expect(await store.expireSessions(REGION_POOL, 10, BROKER)).to.have.nested.property(
        '[0].session.reason',
        'reconnect_expired',
      );
    });

    it('are expired after reservations, up to the limit for each', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId, epoch, hostId } = await startSession(store);
      await store.updateSessionStates(
        REGION_POOL,
        [{ sessionId, epoch, hostId, to: 'disconnected' }],
        BROKER,
      );
      clock.advance(DEFAULT_RESUME_WINDOW_MS - RESERVATION_MS);
      await sendHeartbeat(store, 'host-a');
      const unclaimed = [(await reserveSlot(store)).sessionId, (await reserveSlot(store)).sessionId];
      clock.advance(RESERVATION_MS);
      const ended = await store.expireSessions(REGION_POOL, 1, BROKER);
      expect(ended.map(({ session }) => [session.sessionId, session.reason])).to.deep.equal([
        [unclaimed[0], 'reservation_expired'],
        [sessionId, 'reconnect_expired'],
      ]);
    });
  });

  describe('deleteEndedSessions', () => {
    it('deletes records of ended sessions after `ENDED_KEPT_MS`, and not sooner', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      const held = await startSession(store);
      await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'client_left' }], BROKER);
      clock.advance(ENDED_KEPT_MS - 1);
      expect(await store.deleteEndedSessions(REGION_POOL, 10)).to.equal(0);
      clock.advance(1);
      expect(await store.deleteEndedSessions(REGION_POOL, 10)).to.equal(1);
      expect(await store.getSessions(REGION_POOL, [sessionId])).to.deep.equal([null]);
      expect(await store.getSessions(REGION_POOL, [held.sessionId])).to.have.nested.property(
        '[0].state',
        'active',
      );
    });

    it('deletes more records in one call than a script can pass to one command', async () => {
      const { store, clock } = current();
      for (let i = 0; i < 18; i += 1) await makeHostReady(store, `host-${i}`, { slots: 500 });
      const ids = Array.from({ length: 9_000 }, () => newSessionId());
      const wanted = ids.map((sessionId) => ({
        sessionId,
        epoch: 1,
        clientBrokerId: BROKER,
        meta: { playerId: 'p', requestId: 'r', title: 't', match: '{}' },
      }));
      await store.reserve(REGION_POOL, wanted, RESERVATION_MS, BROKER);
      clock.advance(RESERVATION_MS);
      expect(await store.expireSessions(REGION_POOL, 20_000, BROKER)).to.have.length(9_000);
      clock.advance(ENDED_KEPT_MS);
      expect(await store.deleteEndedSessions(REGION_POOL, 20_000)).to.equal(9_000);
      expect(await getUtilisation(store, REGION_POOL)).to.deep.include({ sessions: 0 });
    });
  });
}
