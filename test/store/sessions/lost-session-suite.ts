import { expect } from 'chai';
import { LOST_FIRST_MS, MAX_LOST_FIRST, type Reservation } from '@duskline/server/store/fleet-store.js';
import {
  REGION_POOL,
  metaOf,
  newSessionId,
  registration,
  reservation,
} from '../../support/fleet/fleet-data.js';
import {
  BROKER,
  RESERVATION_MS,
  enqueue,
  enqueueInOrder,
  getHost,
  makeHostReady,
  queuePositions,
  reserveSlot,
  sendHeartbeat,
  startSession,
  type CurrentFixture,
} from '../fixture.js';

const BACK = { hostId: 'host-a', connectionId: 'broker-a.2' };

/** Sessions that lost their host come before the queue and before new sessions, for a limited time. */
export function lostSessionSuite(current: CurrentFixture): void {
  /** Fills `host-a` with sessions that run. Returns their ids. */
  async function fill(slots: number, changes: Partial<Reservation> = {}): Promise<string[]> {
    const { store } = current();
    await makeHostReady(store, 'host-a', { slots });
    const ids: string[] = [];
    for (let i = 0; i < slots; i += 1) ids.push((await startSession(store, changes)).sessionId);
    return ids;
  }

  /** `host-a` registers again, without sessions. */
  async function comeBack(slots: number): Promise<void> {
    const { store } = current();
    await store.registerHost(REGION_POOL, registration('host-a', { ...BACK, slots }));
    await sendHeartbeat(store, 'host-a', BACK);
    await store.reconcileHost(REGION_POOL, BACK, []);
  }

  async function loseHost(hostId = 'host-a'): Promise<void> {
    const { store } = current();
    const { heartbeatAtMs } = await getHost(store, hostId);
    for (const order of ['missing', 'lost'] as const)
      await store.markSilentHosts(REGION_POOL, [{ hostId, heartbeatAtMs, order }], BROKER);
  }

  const placeAgain = async (sessionId: string): Promise<string> =>
    (await reserveSlot(current().store, { sessionId, epoch: 2 })).outcome.kind;
  const placeNew = async (): Promise<string> => (await reserveSlot(current().store)).outcome.kind;
  const end = (sessionId: string, epoch: number): Promise<unknown> =>
    current().store.endSessions(REGION_POOL, [{ sessionId, epoch, reason: 'client_left' }], BROKER);

  describe('sessions that lost their host', () => {
    it('get the slots of the host that returns, before entries that wait; those keep their places', async () => {
      const { store } = current();
      const lost = await fill(2);
      const waiting = await enqueueInOrder(current(), 2);
      await comeBack(2);
      expect(await queuePositions(store, waiting)).to.deep.equal([0, 1]);
      expect(await placeNew()).to.equal('full');
      expect(await placeAgain(lost[1]!)).to.equal('reserved');
      expect(await placeAgain(lost[0]!)).to.equal('reserved');
      expect(await queuePositions(store, waiting)).to.deep.equal([0, 1]);
      await end(lost[0]!, 2);
      expect(await queuePositions(store, waiting)).to.deep.equal(['offered', 0]);
    });

    it('leave the other slots of the host to the queue at once', async () => {
      const { store } = current();
      const [lost] = await fill(1);
      const waiting = await enqueueInOrder(current(), 2);
      await comeBack(2);
      expect(await queuePositions(store, waiting)).to.deep.equal(['offered', 0]);
      expect(await placeAgain(lost!)).to.equal('reserved');
    });

    it('are placed in the order in which their brokers ask when the host has fewer slots; the rest find none', async () => {
      const { store } = current();
      const lost = await fill(3);
      const waiting = await enqueueInOrder(current(), 1);
      await comeBack(1);
      expect(await placeAgain(lost[2]!)).to.equal('reserved');
      expect(await placeAgain(lost[0]!)).to.equal('full');
      expect(await queuePositions(store, waiting)).to.deep.equal([0]);
      // Its turn is over: the next slot is not for it.
      await end(lost[2]!, 2);
      expect(await placeAgain(lost[0]!)).to.equal('full');
      expect(await placeAgain(lost[1]!)).to.equal('reserved');
      await end(lost[1]!, 2);
      expect(await queuePositions(store, waiting)).to.deep.equal(['offered']);
    });

    it('get a slot that another host frees at that moment, before entries that wait', async () => {
      const { store } = current();
      const [lost] = await fill(1);
      await makeHostReady(store, 'host-b', { slots: 1 });
      const busy = await startSession(store);
      const waiting = await enqueueInOrder(current(), 1);
      await loseHost();
      await end(busy.sessionId, 1);
      expect(await queuePositions(store, waiting)).to.deep.equal([0]);
      expect((await reserveSlot(store, { sessionId: lost!, epoch: 2 })).hostId).to.equal('host-b');
    });

    it('get the slots that are free, before new sessions', async () => {
      const { store } = current();
      const lost = await fill(2);
      await makeHostReady(store, 'host-b', { slots: 3 });
      await loseHost();
      expect(await placeNew()).to.equal('reserved');
      expect(await placeNew()).to.equal('full');
      for (const sessionId of lost) expect(await placeAgain(sessionId)).to.equal('reserved');
    });

    it('come first within a call, too', async () => {
      const { store } = current();
      const lost = await fill(2);
      await makeHostReady(store, 'host-b', { slots: 3 });
      await loseHost();
      const wanted = [newSessionId(), newSessionId(), lost[0]!, newSessionId(), lost[1]!];
      const { outcomes } = await store.reserve(
        REGION_POOL,
        wanted.map((sessionId) => reservation(sessionId, { epoch: 2 })),
        RESERVATION_MS,
        BROKER,
      );
      const kinds = outcomes.map(({ kind }) => kind);
      expect(kinds).to.deep.equal(['reserved', 'full', 'reserved', 'full', 'reserved']);
    });

    it('come before moves', async () => {
      const { store } = current();
      const [lost] = await fill(1);
      await makeHostReady(store, 'host-b', { slots: 1 });
      const mover = reservation(newSessionId(), { epoch: 2 });
      const requirements = { excludedHostId: null, maxCongestion: 1_000_000 };
      const move = async (): Promise<string> =>
        (await store.reserveTargetSlot(REGION_POOL, mover, requirements, 3_000, BROKER)).kind;
      await loseHost();
      expect(await move()).to.equal('full');
      expect(await placeAgain(lost!)).to.equal('reserved');
      await end(lost!, 2);
      expect(await move()).to.equal('reserved');
    });

    it('hold up the queue for a limited time when no broker places them again', async () => {
      const { store, clock } = current();
      const lost = await fill(2);
      const waiting = await enqueueInOrder(current(), 3);
      await comeBack(2);
      clock.advance(LOST_FIRST_MS - 1);
      await store.expireSessions(REGION_POOL, 100, BROKER);
      expect(await queuePositions(store, waiting)).to.deep.equal([0, 1, 2]);
      clock.advance(1);
      await store.expireSessions(REGION_POOL, 100, BROKER);
      expect(await queuePositions(store, waiting)).to.deep.equal(['offered', 'offered', 0]);
      expect(await placeAgain(lost[0]!)).to.equal('full');
    });

    for (const [why, changes] of [
      ['that end with their host', { meta: { ...metaOf('one'), endsWithHost: true } }],
      ['whose clients no broker has', { clientBrokerId: '' }],
    ] as const) {
      it(`${why} do not hold up the queue`, async () => {
        const { store } = current();
        await fill(1, changes);
        const waiting = await enqueueInOrder(current(), 2);
        await comeBack(1);
        expect(await queuePositions(store, waiting)).to.deep.equal(['offered', 0]);
      });
    }

    it('hold up the queue no longer when their request is withdrawn, or their host has them after all', async () => {
      const { store } = current();
      const lost = await fill(2);
      const waiting = await enqueueInOrder(current(), 2);
      await comeBack(2);
      await store.withdrawEntries(REGION_POOL, [{ sessionId: lost[0]!, belowEpoch: 3 }], BROKER);
      expect(await queuePositions(store, waiting)).to.deep.equal(['offered', 0]);
      await store.reconcileHost(REGION_POOL, BACK, [{ sessionId: lost[1]!, epoch: 1, state: 'active' }]);
      await end(lost[1]!, 1);
      expect(await queuePositions(store, waiting)).to.deep.equal(['offered', 'offered']);
    });

    it('before a client claimed them come before the queue as well', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const { sessionId } = await reserveSlot(store);
      const waiting = await enqueueInOrder(current(), 1);
      await loseHost();
      await makeHostReady(store, 'host-b', { slots: 1 });
      expect(await queuePositions(store, waiting)).to.deep.equal([0]);
      expect((await reserveSlot(store, { sessionId, epoch: 2 })).hostId).to.equal('host-b');
    });

    it('no longer come first when their request waits', async () => {
      const { store } = current();
      const [lost] = await fill(1);
      const waiting = await enqueueInOrder(current(), 1);
      await comeBack(1);
      await enqueue(store, lost!, { epoch: 2 });
      expect(await queuePositions(store, [...waiting, lost!])).to.deep.equal(['offered', 0]);
    });

    it('come first up to a number, beyond which the queue is served', async () => {
      const { store } = current();
      const slots = MAX_LOST_FIRST / 2 + 10;
      for (const hostId of ['host-a', 'host-b']) await makeHostReady(store, hostId, { slots });
      const all = Array.from({ length: 2 * slots }, () => reservation(newSessionId()));
      await store.reserve(REGION_POOL, all, RESERVATION_MS, BROKER);
      const waiting = await enqueueInOrder(current(), 3);
      await loseHost();
      await loseHost('host-b');
      for (const hostId of ['host-c', 'host-d'])
        await makeHostReady(store, hostId, { slots: MAX_LOST_FIRST / 2 + 1 });
      expect(await queuePositions(store, waiting)).to.deep.equal(['offered', 'offered', 0]);
    });

    it('do not come first when their host refused them', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const { sessionId } = await reserveSlot(store);
      const waiting = await enqueueInOrder(current(), 1);
      const failed = { hostId: 'host-a', sessionId, epoch: 1, reason: 'refused' } as const;
      await store.failReservation(REGION_POOL, failed, BROKER);
      await makeHostReady(store, 'host-b', { slots: 1 });
      expect(await queuePositions(store, waiting)).to.deep.equal(['offered']);
    });
  });
}
