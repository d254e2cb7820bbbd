import { msBetween, toStoreMs } from '@duskline/server/domain/store-time.js';
import { expect } from 'chai';
import { DEFAULT_BACK_OFF, FAILURES_KEPT_MS } from '@duskline/server/domain/host-failures.js';
import type { FailReservationOutcome, FleetStore } from '@duskline/server/store/fleet-store.js';
import { REGION_POOL, newSessionId, reservation } from '../../support/fleet/fleet-data.js';
import {
  BROKER,
  RESERVATION_MS,
  enqueueInOrder,
  getHost,
  getUtilisation,
  makeHostReady,
  queuePositions,
  reserveSlot,
  sendHeartbeat,
  startSession,
  type CurrentFixture,
} from '../fixture.js';

const { firstMs, maxMs } = DEFAULT_BACK_OFF;

function fail(store: FleetStore, sessionId: string, changes: object = {}): Promise<FailReservationOutcome> {
  const reservation = { hostId: 'host-a', sessionId, epoch: 1, reason: 'refused', ...changes } as const;
  return store.failReservation(REGION_POOL, reservation, BROKER);
}

/** Hosts that fail the sessions that are reserved on them. */
export function hostFailureSuite(current: CurrentFixture): void {
  /** Reserves a session on the only host, which refuses it. */
  async function refuseOne(): Promise<FailReservationOutcome> {
    const { store } = current();
    return fail(store, (await reserveSlot(store)).sessionId);
  }

  async function claim(sessionId: string): Promise<void> {
    const change = { sessionId, epoch: 1, hostId: 'host-a', to: 'active' } as const;
    const [outcome] = await current().store.updateSessionStates(REGION_POOL, [change], BROKER);
    expect(outcome?.kind).to.equal('changed');
  }

  /** Lets time pass, then the host sends a heartbeat. */
  async function beatAfter(ms: number): Promise<void> {
    current().clock.advance(ms);
    await sendHeartbeat(current().store, 'host-a');
  }

  describe('a host that refuses a reserved session', () => {
    it('loses the session and its slot, and gets no new session from any broker', async () => {
      const { store, another, clock } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store, { clientBrokerId: 'broker-b' });
      const outcome = await fail(await another(), sessionId);
      const failures = {
        count: 1,
        reason: 'refused',
        untilMs: clock.wallMs() + firstMs,
        countedUntilMs: clock.wallMs(),
      };
      expect(outcome).to.deep.include({ kind: 'failed', failures });
      expect(outcome.kind === 'failed' && outcome.ended.session).to.include({
        sessionId,
        state: 'ended',
        reason: 'host_lost',
      });
      expect(outcome.kind === 'failed' && outcome.ended.hostConnectionId).to.equal('broker-a.1');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      const host = await getHost(store, 'host-a');
      expect(host).to.include({ state: 'ready', committed: 0 });
      expect(host.closures).to.deep.equal(['failing']);
      expect(host.failures).to.deep.equal(failures);
      expect(await getUtilisation(store, REGION_POOL)).to.deep.equal({ sessions: 0, slots: 0 });
      const [changed] = await store.takeChangedSessions(REGION_POOL, 'broker-b');
      expect(changed).to.include({ sessionId, reason: 'host_lost' });
      expect(changed?.meta).not.to.equal(null);
    });

    it('leaves new sessions to the other hosts, although it is the emptiest', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 8 });
      await makeHostReady(store, 'host-b', { slots: 2 });
      await refuseOne();
      expect((await reserveSlot(store)).hostId).to.equal('host-b');
      expect((await reserveSlot(store)).hostId).to.equal('host-b');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
    });

    it('keeps the sessions that it runs', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const running = await startSession(store);
      await refuseOne();
      expect((await store.getSessions(REGION_POOL, [running.sessionId]))[0]).to.include({ state: 'active' });
    });

    it('gives its freed slot and its offers to nobody: their players return to their positions in the queue', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 2 });
      const held = [await reserveSlot(store), await reserveSlot(store)];
      const [first = '', second = ''] = await enqueueInOrder(current(), 2);
      const [holder, other] = held;
      const sessionId = holder!.sessionId;
      await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'client_left' }], BROKER);
      expect(await queuePositions(store, [first, second])).to.deep.equal(['offered', 0]);
      expect((await fail(store, other!.sessionId)).kind).to.equal('failed');
      expect(await queuePositions(store, [first, second])).to.deep.equal([0, 1]);
    });

    it('changes nothing when the session is not reserved there at that epoch', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 2 });
      const running = await startSession(store);
      const reserved = await reserveSlot(store);
      expect((await fail(store, running.sessionId)).kind).to.equal('not_reserved');
      expect((await fail(store, newSessionId())).kind).to.equal('not_reserved');
      expect((await fail(store, reserved.sessionId, { epoch: 2 })).kind).to.equal('not_reserved');
      expect((await fail(store, reserved.sessionId, { hostId: 'host-b' })).kind).to.equal('not_reserved');
      expect(await getHost(store, 'host-a')).to.include({ committed: 2, failures: null });
      expect((await fail(store, reserved.sessionId)).kind).to.equal('failed');
      expect((await fail(store, reserved.sessionId)).kind).to.equal('not_reserved');
    });

    it('fails once when it refuses several sessions that were reserved together', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const held = [await reserveSlot(store), await reserveSlot(store), await reserveSlot(store)];
      clock.advance(1_000);
      const outcomes = [];
      for (const { sessionId } of held) outcomes.push(await fail(store, sessionId));
      expect(
        outcomes.map((outcome) => outcome.kind === 'failed' && (outcome.failures?.count ?? null)),
      ).to.deep.equal([1, null, null]);
      expect((await getHost(store, 'host-a')).failures).to.include({ count: 1 });
    });

    it('gets sessions again after the back-off, with its next heartbeat', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      await refuseOne();
      await beatAfter(firstMs - 1);
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      await beatAfter(1);
      expect((await getHost(store, 'host-a')).closures).to.deep.equal([]);
      expect((await reserveSlot(store)).hostId).to.equal('host-a');
    });

    it('gets one session as a trial, and is excluded again until a client claims that session', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      await refuseOne();
      await beatAfter(firstMs);
      const wanted = [1, 2, 3].map(() => reservation(newSessionId()));
      const { outcomes, utilisation } = await store.reserve(REGION_POOL, wanted, RESERVATION_MS, BROKER);
      expect(outcomes.map(({ kind }) => kind)).to.deep.equal(['reserved', 'full', 'full']);
      expect(utilisation).to.deep.equal({ sessions: 1, slots: 0 });
      expect((await getHost(store, 'host-a')).closures).to.deep.equal(['failing']);
      await beatAfter(firstMs - 1);
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      await claim(wanted[0]!.sessionId);
      await beatAfter(0);
      expect(await getHost(store, 'host-a')).to.include({ failures: null, committed: 1 });
      for (let i = 0; i < 3; i += 1) expect((await reserveSlot(store)).outcome.kind).to.equal('reserved');
    });

    it('gets another trial after the back-off when the player of the trial did not come', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      await refuseOne();
      await beatAfter(firstMs);
      expect((await reserveSlot(store)).outcome.kind).to.equal('reserved');
      await beatAfter(firstMs);
      expect((await getHost(store, 'host-a')).failures).to.include({ count: 1 });
      expect((await reserveSlot(store)).outcome.kind).to.equal('reserved');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
    });

    it('is excluded twice as long after each trial that it refuses, up to the longest back-off', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const waits: number[] = [];
      for (let i = 0; i < 8; i += 1) {
        const outcome = await refuseOne();
        const failures = outcome.kind === 'failed' ? outcome.failures : null;
        const waitMs = msBetween(toStoreMs(clock.wallMs()), failures!.untilMs);
        waits.push(waitMs);
        await beatAfter(waitMs);
      }
      const expected = [1, 2, 4, 8, 16, 32].map((times) => times * firstMs);
      expect(waits).to.deep.equal([...expected, maxMs, maxMs]);
    });

    it('offers one slot as a trial to the queue, to its head', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      await refuseOne();
      const waiting = await enqueueInOrder(current(), 3);
      await beatAfter(firstMs);
      expect(await queuePositions(store, waiting)).to.deep.equal(['offered', 0, 1]);
    });

    it('is forgiven by a session that was reserved before the failure', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const before = await reserveSlot(store);
      await refuseOne();
      await claim(before.sessionId);
      expect((await getHost(store, 'host-a')).failures).to.equal(null);
      await beatAfter(0);
      expect((await getHost(store, 'host-a')).closures).to.deep.equal([]);
      for (let i = 0; i < 3; i += 1) expect((await reserveSlot(store)).hostId).to.equal('host-a');
    });

    it('is forgiven while it waits for its trial, and then gets as many sessions as it has slots', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const before = await reserveSlot(store);
      await refuseOne();
      await beatAfter(firstMs);
      await claim(before.sessionId);
      for (let i = 0; i < 3; i += 1) expect((await reserveSlot(store)).hostId).to.equal('host-a');
    });

    it('is forgiven by a claimed session of which only its list of sessions tells', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      await refuseOne();
      const held = { sessionId, epoch: 1, state: 'active' } as const;
      await store.reconcileHost(REGION_POOL, { hostId: 'host-a', connectionId: 'broker-a.1' }, [held]);
      expect((await getHost(store, 'host-a')).failures).to.equal(null);
    });

    it('stays excluded when it registers again, also after it left', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      await refuseOne();
      await makeHostReady(store, 'host-a', { connectionId: 'broker-b.2' });
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      await store.removeHost(REGION_POOL, 'host-a', 'broker-b.2');
      await makeHostReady(store, 'host-a');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      await beatAfter(firstMs);
      expect((await reserveSlot(store)).outcome.kind).to.equal('reserved');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
    });

    it('keeps the closures of operators beside its own', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      await refuseOne();
      await store.addClosure(REGION_POOL, 'host-a', 'cordoned');
      await beatAfter(firstMs);
      expect((await getHost(store, 'host-a')).closures).to.deep.equal(['cordoned']);
      await store.removeClosure(REGION_POOL, 'host-a', 'cordoned');
      expect((await reserveSlot(store)).outcome.kind).to.equal('reserved');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
    });

    it('is forgotten long after its back-off, registered or not', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      await makeHostReady(store, 'host-b');
      await store.addClosure(REGION_POOL, 'host-b', 'cordoned');
      await refuseOne();
      await store.removeHost(REGION_POOL, 'host-a', 'broker-a.1');
      clock.advance(firstMs + FAILURES_KEPT_MS);
      await store.recountHosts(REGION_POOL, null);
      await makeHostReady(store, 'host-a');
      expect((await getHost(store, 'host-a')).failures).to.include({ count: 1 });
      clock.advance(1);
      await store.recountHosts(REGION_POOL, null);
      await beatAfter(0);
      expect(await getHost(store, 'host-a')).to.include({ failures: null });
      for (let i = 0; i < 4; i += 1) expect((await reserveSlot(store)).hostId).to.equal('host-a');
    });
  });

  describe('a host that was never ready for a session', () => {
    it('is excluded after the reservation has expired, once for those that were reserved together', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const reservedAtMs = toStoreMs(clock.wallMs());
      clock.advance(RESERVATION_MS);
      await sendHeartbeat(store, 'host-a');
      const record = () => store.recordHostFailure(REGION_POOL, 'host-a', 'unanswered', reservedAtMs);
      expect(await record()).to.deep.equal({
        count: 1,
        reason: 'unanswered',
        untilMs: clock.wallMs() + firstMs,
        countedUntilMs: clock.wallMs(),
      });
      expect(await record()).to.equal(null);
      expect((await getHost(store, 'host-a')).closures).to.deep.equal(['failing']);
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      await beatAfter(firstMs);
      expect((await reserveSlot(store)).outcome.kind).to.equal('reserved');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
    });

    it('may have left: its failure counts when it returns', async () => {
      const { store, clock } = current();
      await store.recordHostFailure(REGION_POOL, 'host-a', 'unanswered', toStoreMs(clock.wallMs()));
      await makeHostReady(store, 'host-a');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
    });
  });

  describe('a pool whose hosts all refuse sessions', () => {
    it('tries each of them again after its back-off', async () => {
      const { store, clock } = current();
      const hostIds = ['host-a', 'host-b', 'host-c'];
      for (const hostId of hostIds) await makeHostReady(store, hostId, { slots: 2 });
      for (let round = 1; round <= 3; round += 1) {
        const tried: (string | null)[] = [];
        for (const _ of hostIds) {
          const { sessionId, hostId } = await reserveSlot(store);
          tried.push(hostId);
          await fail(store, sessionId, { hostId });
        }
        expect(tried.sort(), `round ${round}`).to.deep.equal(hostIds);
        expect((await reserveSlot(store)).outcome.kind).to.equal('full');
        clock.advance(firstMs * 2 ** (round - 1));
        for (const hostId of hostIds) await sendHeartbeat(store, hostId);
      }
    });
  });

  describe('a host that leaves', () => {
    it('ends its reservations with `host_lost`, so that their players get other hosts, and other sessions with `host_ended`', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const running = await startSession(store);
      const reserved = await reserveSlot(store);
      const ended = await store.removeHost(REGION_POOL, 'host-a', 'broker-a.1');
      expect(new Map(ended.map(({ session }) => [session.sessionId, session.reason]))).to.deep.equal(
        new Map([
          [running.sessionId, 'host_ended'],
          [reserved.sessionId, 'host_lost'],
        ]),
      );
    });
  });
}
