import { expect } from 'chai';
import { targetReservationIdOf } from '@duskline/server/domain/target-reservation.js';
import { FULL } from '@duskline/server/domain/congestion.js';
import { DEFAULT_OFFER_MS } from '@duskline/server/store/store-options.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import type {
  TargetHostRequirements,
  ReserveTargetOutcome,
  SessionScan,
} from '@duskline/server/store/fleet-store.js';
import { REGION_POOL, metaOf, newSessionId } from '../../support/fleet/fleet-data.js';
import {
  BROKER,
  MAX_QUEUE,
  RESERVATION_MS,
  sendHeartbeat,
  enqueue,
  enqueueInOrder,
  getHost,
  makeHostReady,
  reserveSlot,
  startSession,
  newQueueEntry,
  type CurrentFixture,
} from '../fixture.js';

const OTHER = { region: 'us-east', pool: REGION_POOL.pool };
const MOVER = 'broker-m';
const HELD_MS = 15_000;

function reserveTarget(
  store: FleetStore,
  sessionId: string,
  wish: Partial<TargetHostRequirements> & { readonly epoch?: number; readonly at?: typeof REGION_POOL } = {},
): Promise<ReserveTargetOutcome> {
  const { epoch = 2, at = REGION_POOL, excludedHostId = null, maxCongestion = FULL } = wish;
  const arrival = { sessionId, epoch, clientBrokerId: MOVER, meta: metaOf(`moved-${sessionId}`) };
  return store.reserveTargetSlot(at, arrival, { excludedHostId, maxCongestion }, HELD_MS, MOVER);
}

/** Sessions that get another host while they run. */
export function moveSuite(current: CurrentFixture): void {
  describe('reserveTargetSlot', () => {
    it('reserves a slot on the least congested host except the excluded one, and leaves the session on its host', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const { sessionId } = await startSession(store);
      await makeHostReady(store, 'host-b', { measured: 0.2 * FULL });
      await makeHostReady(store, 'host-c', { measured: 0.3 * FULL });
      expect(await reserveTarget(store, sessionId, { excludedHostId: 'host-b' })).to.include({
        kind: 'reserved',
        hostId: 'host-c',
      });
      expect((await store.getSessions(REGION_POOL, [sessionId]))[0]).to.include({
        state: 'active',
        epoch: 1,
      });
      expect(await getHost(store, 'host-c')).to.include({ committed: 1 });
      const [arrival] = await store.getSessions(REGION_POOL, [targetReservationIdOf(sessionId)]);
      expect(arrival).to.deep.include({
        state: 'arriving',
        epoch: 2,
        hostId: 'host-c',
        clientBrokerId: MOVER,
      });
    });

    it('chooses no host above the congestion limit, and no closed one', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { measured: 0.8 * FULL });
      const sessionId = newSessionId();
      expect(await reserveTarget(store, sessionId, { maxCongestion: 0.7 * FULL })).to.deep.equal({
        kind: 'full',
      });
      await store.addClosure(REGION_POOL, 'host-a', 'cordoned');
      expect(await reserveTarget(store, sessionId)).to.deep.equal({ kind: 'full' });
      await store.addClosure(REGION_POOL, null, 'draining');
      expect(await reserveTarget(store, sessionId)).to.deep.equal({ kind: 'closed' });
    });

    it('reserves one slot per session, and never again for an epoch that was used before', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const sessionId = newSessionId();
      expect((await reserveTarget(store, sessionId)).kind).to.equal('reserved');
      expect((await reserveTarget(store, sessionId, { epoch: 3 })).kind).to.equal('over');
      await store.releaseTargetSlot(REGION_POOL, sessionId, 2, MOVER);
      expect((await reserveTarget(store, sessionId)).kind).to.equal('over');
      expect((await reserveTarget(store, sessionId, { epoch: 3 })).kind).to.equal('reserved');
    });

    it('skips a host that has fallen silent, and marks it as suspect', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      clock.advance(5_000);
      await makeHostReady(store, 'host-b', { measured: 0.5 * FULL });
      expect(await reserveTarget(store, newSessionId())).to.include({ kind: 'reserved', hostId: 'host-b' });
      expect(await getHost(store, 'host-a')).to.include({ state: 'suspect' });
    });

    it('expires after its time, and notifies the broker that runs the move', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const sessionId = newSessionId();
      await reserveTarget(store, sessionId);
      clock.advance(HELD_MS + 1);
      const [ended] = await store.expireSessions(REGION_POOL, 10, BROKER);
      expect(ended?.session).to.include({
        sessionId: targetReservationIdOf(sessionId),
        state: 'ended',
        reason: 'move_failed',
      });
      expect(await getHost(store, 'host-a')).to.include({ committed: 0 });
      expect(
        (await store.takeChangedSessions(REGION_POOL, MOVER)).map((session) => session.sessionId),
      ).to.deep.equal([targetReservationIdOf(sessionId)]);
    });
  });

  describe('completeMove', () => {
    it('moves a session within its region pool in one step: new slot taken, old slot freed, client notified', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const { sessionId } = await startSession(store, { clientBrokerId: 'broker-c' });
      await makeHostReady(store, 'host-b', { slots: 1 });
      await reserveTarget(store, sessionId);
      const waiting = newSessionId();
      await enqueue(store, waiting);
      const report = {
        sessionId,
        epoch: 2,
        hostId: 'host-b',
        state: 'active',
        clientBrokerId: 'broker-c',
        seq: 0,
      } as const;
      const outcome = await store.completeMove(REGION_POOL, report, RESERVATION_MS, BROKER);
      expect(outcome.kind === 'moved' && outcome.session).to.deep.include({
        sessionId,
        epoch: 2,
        hostId: 'host-b',
        state: 'active',
        clientBrokerId: 'broker-c',
        meta: metaOf(`moved-${sessionId}`),
      });
      expect(await store.getSessions(REGION_POOL, [targetReservationIdOf(sessionId)])).to.deep.equal([null]);
      expect(
        (await store.takeChangedSessions(REGION_POOL, 'broker-c')).map(({ epoch }) => epoch),
      ).to.deep.equal([2]);
      // The waiting player gets the freed slot at once.
      expect((await store.getSessions(REGION_POOL, [waiting]))[0]).to.include({
        state: 'offered',
        hostId: 'host-a',
      });
      expect(await sendHeartbeat(store, 'host-b', { sessions: [report] })).to.equal('ok');
    });

    it('creates the session in another region pool, and leaves the old one unchanged', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await startSession(store);
      await makeHostReady(store, 'host-b', { regionPool: OTHER });
      await reserveTarget(store, sessionId, { at: OTHER });
      const report = {
        sessionId,
        epoch: 2,
        hostId: 'host-b',
        state: 'active',
        clientBrokerId: 'broker-c',
        seq: 0,
      } as const;
      const outcome = await store.completeMove(OTHER, report, RESERVATION_MS, BROKER);
      expect(outcome.kind === 'moved' && outcome.session.clientBrokerId).to.equal('broker-c');
      expect((await store.takeChangedSessions(OTHER, 'broker-c')).map(({ epoch }) => epoch)).to.deep.equal([
        2,
      ]);
      expect((await store.getSessions(REGION_POOL, [sessionId]))[0]).to.include({
        state: 'active',
        epoch: 1,
      });
      expect((await store.completeMove(OTHER, report, RESERVATION_MS, BROKER)).kind).to.equal('unknown');
    });

    for (const at of [REGION_POOL, OTHER]) {
      it(`keeps the number of a session that moves ${at === OTHER ? 'to another' : 'within its'} region pool`, async () => {
        const { store, clock } = current();
        await makeHostReady(store, 'host-a', { slots: 1 });
        const { sessionId } = await startSession(store);
        const given = await store.giveSession(REGION_POOL, sessionId, {
          clientBrokerId: 'broker-c',
          heldSeq: null,
        });
        const seq = given?.seq ?? 0;
        await makeHostReady(store, 'host-b', { regionPool: at });
        await reserveTarget(store, sessionId, { at });
        // The clock of the other region's store is behind.
        clock.jump(-3_000);
        const report = {
          sessionId,
          epoch: 2,
          hostId: 'host-b',
          state: 'active',
          clientBrokerId: '',
          seq,
        } as const;
        const outcome = await store.completeMove(at, report, RESERVATION_MS, BROKER);
        expect(outcome.kind === 'moved' && outcome.session.seq).to.equal(seq);
        expect(
          await store.giveSession(at, sessionId, { clientBrokerId: 'broker-d', heldSeq: null }),
        ).to.include({ seq: seq + 1 });
      });
    }

    it('is refused when the move was cancelled, when it has expired, and when the session has a newer assignment', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const [dropped, late, outdated] = [newSessionId(), newSessionId(), newSessionId()];
      for (const sessionId of [dropped, late, outdated]) await reserveTarget(store, sessionId);
      const report = {
        epoch: 2,
        hostId: 'host-a',
        state: 'active',
        clientBrokerId: 'broker-c',
        seq: 0,
      } as const;
      expect((await store.releaseTargetSlot(REGION_POOL, dropped, 2, MOVER))?.session.reason).to.equal(
        'move_failed',
      );
      expect(await store.releaseTargetSlot(REGION_POOL, dropped, 2, MOVER)).to.equal(null);
      await reserveSlot(store, { sessionId: outdated, epoch: 3 });
      const arrive = (sessionId: string) =>
        store.completeMove(REGION_POOL, { ...report, sessionId }, RESERVATION_MS, BROKER);
      expect(await arrive(dropped)).to.deep.equal({ kind: 'over', reason: 'move_failed' });
      expect(await arrive(outdated)).to.deep.equal({ kind: 'over', reason: 'superseded' });
      clock.advance(HELD_MS);
      expect(await arrive(late)).to.deep.equal({ kind: 'over', reason: 'move_failed' });
      expect(await getHost(store, 'host-a')).to.include({ committed: 1 });
    });

    it('is refused for another host or epoch than the reserved one', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const sessionId = newSessionId();
      await reserveTarget(store, sessionId);
      const report = {
        sessionId,
        epoch: 2,
        hostId: 'host-a',
        state: 'active',
        clientBrokerId: 'broker-c',
        seq: 0,
      } as const;
      for (const wrong of [{ hostId: 'host-b' }, { epoch: 3 }]) {
        expect(
          await store.completeMove(REGION_POOL, { ...report, ...wrong }, RESERVATION_MS, BROKER),
        ).to.deep.equal({
          kind: 'unknown',
        });
      }
    });
  });

  describe('a reservation that moves', () => {
    it('stays a reservation on the target host, for the full reservation time, and the target host is notified', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const { sessionId } = await reserveSlot(store, { clientBrokerId: 'broker-c' });
      await makeHostReady(store, 'host-b', { connectionId: 'broker-b.1' });
      clock.advance(3_000);
      await reserveTarget(store, sessionId);
      const report = {
        sessionId,
        epoch: 2,
        hostId: 'host-b',
        state: 'reserved',
        clientBrokerId: 'broker-c',
        seq: 0,
      } as const;
      expect((await store.completeMove(REGION_POOL, report, RESERVATION_MS, BROKER)).kind).to.equal('moved');
      for (const broker of ['broker-b', 'broker-c']) {
        const changed = await store.takeChangedSessions(REGION_POOL, broker);
        expect(changed.map(({ hostId, state }) => [hostId, state])).to.deep.equal([['host-b', 'reserved']]);
      }
      clock.advance(RESERVATION_MS - 1);
      expect(await store.expireSessions(REGION_POOL, 10, BROKER)).to.deep.equal([]);
      clock.advance(1);
      expect((await store.expireSessions(REGION_POOL, 10, BROKER))[0]?.session).to.include({
        sessionId,
        reason: 'reservation_expired',
      });
    });

    it('does not move when its host has claimed it meanwhile', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const { sessionId } = await startSession(store);
      await makeHostReady(store, 'host-b');
      await reserveTarget(store, sessionId);
      const report = {
        sessionId,
        epoch: 2,
        hostId: 'host-b',
        state: 'reserved',
        clientBrokerId: 'broker-c',
        seq: 0,
      } as const;
      expect(await store.completeMove(REGION_POOL, report, RESERVATION_MS, BROKER)).to.deep.equal({
        kind: 'unknown',
      });
      expect((await store.getSessions(REGION_POOL, [sessionId]))[0]).to.include({
        hostId: 'host-a',
        state: 'active',
      });
    });
  });

  describe('a heartbeat with a session that is moving to the host', () => {
    const host = { hostId: 'host-a', connectionId: 'broker-a.1' };

    it('lists the session as arriving during the move, and as rejected after the move was cancelled', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 2 });
      const sessionId = newSessionId();
      await reserveTarget(store, sessionId);
      const reported = [{ sessionId, epoch: 2, state: 'active' as const }];
      expect(await store.reconcileHost(REGION_POOL, host, reported)).to.deep.include({
        arriving: [sessionId],
        adopted: [],
        returned: [],
        rejected: [],
        ended: [],
      });
      await store.releaseTargetSlot(REGION_POOL, sessionId, 2, MOVER);
      expect(await store.reconcileHost(REGION_POOL, host, reported)).to.deep.include({
        arriving: [],
        adopted: [],
        returned: [],
        rejected: [{ sessionId, epoch: 2, reason: 'move_failed' }],
      });
    });
  });

  describe('recordMovableChanges', () => {
    it('marks a session as movable when its current host reports so, until that host reports otherwise', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await startSession(store);
      const note = { hostId: 'host-a', sessionId, epoch: 1, movable: true };
      const isMovable = async () => (await store.getSessions(REGION_POOL, [sessionId]))[0]?.movable;
      await store.recordMovableChanges(REGION_POOL, [
        { ...note, hostId: 'host-b' },
        { ...note, epoch: 2 },
        { ...note, sessionId: newSessionId() },
      ]);
      expect(await isMovable()).to.equal(false);
      await store.recordMovableChanges(REGION_POOL, [note]);
      expect(await isMovable()).to.equal(true);
      await store.updateSessionStates(REGION_POOL, [{ ...note, to: 'connected' }], BROKER);
      expect(await isMovable()).to.equal(true);
      await store.recordMovableChanges(REGION_POOL, [{ ...note, movable: false }]);
      expect(await isMovable()).to.equal(false);
    });
  });

  describe('a checkpoint', () => {
    it('is taken once, only with the right region pool, session and epoch', async () => {
      const { store, another } = current();
      const sessionId = newSessionId();
      await store.putCheckpoint(REGION_POOL, sessionId, 2, 'c3RhdGU=');
      const other = await another();
      expect(await other.takeCheckpoint(REGION_POOL, sessionId, 3)).to.equal(null);
      expect(await other.takeCheckpoint(OTHER, sessionId, 2)).to.equal(null);
      expect(await other.takeCheckpoint(REGION_POOL, sessionId, 2)).to.equal('c3RhdGU=');
      expect(await store.takeCheckpoint(REGION_POOL, sessionId, 2)).to.equal(null);
    });
  });

  describe('sendControlMessage', () => {
    it('puts messages into the inbox of a broker, in order', async () => {
      const { store, another } = current();
      for (const body of ['{"a":1}', '{"b":"|;*"}'])
        expect(await store.sendControlMessage(REGION_POOL, MOVER, body)).to.equal(true);
      expect(await (await another()).takeMessages(REGION_POOL, MOVER)).to.deep.equal([
        { kind: 'control', body: '{"a":1}' },
        { kind: 'control', body: '{"b":"|;*"}' },
      ]);
      expect(await store.takeMessages(REGION_POOL, MOVER)).to.deep.equal([]);
    });

    it('returns false when the inbox of that broker is full', async () => {
      const { store } = current();
      const body = 'x'.repeat(100_000);
      const taken = [];
      for (let i = 0; i < 3; i += 1) taken.push(await store.sendControlMessage(REGION_POOL, MOVER, body));
      expect(taken).to.deep.equal([true, true, false]);
    });
  });

  describe('scanSessions', () => {
    it('returns every session, one page at a time', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 512 });
      const ids = [];
      for (let i = 0; i < 300; i += 1) ids.push((await reserveSlot(store)).sessionId);
      const seen = new Set<string>();
      let cursor: string | null = null;
      let parts = 0;
      do {
        const scan: SessionScan = await store.scanSessions(REGION_POOL, cursor, 50);
        for (const { sessionId } of scan.sessions) seen.add(sessionId);
        cursor = scan.next;
        parts += 1;
      } while (cursor !== null);
      expect([...seen]).to.have.members(ids);
      expect(parts).to.be.greaterThan(1);
    });
  });

  describe('listQueuedEntries', () => {
    it('lists waiting players, the head of the queue first', async () => {
      const { store, clock } = current();
      const [first, second, third] = [newSessionId(), newSessionId(), newSessionId()];
      for (const [sessionId, headStartMs] of [
        [second, 0],
        [third, 0],
        [first, 10_000],
      ] as const) {
        await store.enqueue(REGION_POOL, [newQueueEntry(sessionId, { headStartMs })], MAX_QUEUE, BROKER);
        clock.advance(1_000);
      }
      const listed = await store.listQueuedEntries(REGION_POOL, 2);
      expect(listed.map(({ sessionId }) => sessionId)).to.deep.equal([first, second]);
      expect(listed[0]).to.deep.include({ epoch: 1, meta: metaOf(first) });
    });
  });

  describe('a hot host', () => {
    it('keeps its open offers: they can be accepted, and a missed one is counted', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a', { slots: 2 });
      const [first = '', second = '', third = ''] = await enqueueInOrder(current(), 3);
      await store.addClosure(REGION_POOL, 'host-a', 'hot');
      const acceptance = { sessionId: first, fromEpoch: 1, toEpoch: 2, clientBrokerId: BROKER };
      expect((await store.acceptOffer(REGION_POOL, acceptance, RESERVATION_MS)).kind).to.equal('accepted');
      clock.advance(DEFAULT_OFFER_MS);
      await sendHeartbeat(store, 'host-a');
      expect(await store.findExpiredOffers(REGION_POOL, 10)).to.deep.equal([second]);
      await store.expireOffers(REGION_POOL, [second], BROKER);
      const { entries } = await store.getQueueStatus(REGION_POOL, [third, second], true);
      expect(
        entries.map((status) => status.kind === 'waiting' && [status.ahead, status.missed]),
        'the free slot of a hot host is offered to nobody',
      ).to.deep.equal([
        [0, false],
        [1, true],
      ]);
    });

    it('loses its open offers when an operator closes it', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const [first = ''] = await enqueueInOrder(current(), 1);
      await store.addClosure(REGION_POOL, 'host-a', 'hot');
      await store.addClosure(REGION_POOL, 'host-a', 'draining');
      const { entries } = await store.getQueueStatus(REGION_POOL, [first], true);
      expect(entries[0]).to.include({ kind: 'waiting', ahead: 0 });
      expect(await getHost(store, 'host-a')).to.include({ committed: 0 });
    });

    it('is closed as hot and opened again, but never changes a closure that an operator ordered', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      await store.addClosure(REGION_POOL, 'host-a', 'hot');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      await store.addClosure(REGION_POOL, 'host-a', 'cordoned');
      await store.removeClosure(REGION_POOL, 'host-a', 'hot');
      expect(await store.getClosures(REGION_POOL, 'host-a')).to.deep.equal(['cordoned']);
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      await store.addClosure(REGION_POOL, 'host-a', 'hot');
      expect(await store.getClosures(REGION_POOL, 'host-a')).to.deep.equal(['cordoned', 'hot']);
      await store.removeClosure(REGION_POOL, 'host-a', 'cordoned');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      await store.removeClosure(REGION_POOL, 'host-a', 'hot');
      expect((await reserveSlot(store)).outcome.kind).to.equal('reserved');
    });
  });
}
