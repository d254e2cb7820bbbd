import { expect } from 'chai';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { REGION_POOL, newSessionId } from '../../support/fleet/fleet-data.js';
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
  startSession,
  queuePositions,
  type CurrentFixture,
} from '../fixture.js';

const HOST = { hostId: 'host-a', connectionId: 'broker-a.1' };

/** Registers a broker for wake-ups. Returns a function that waits for the first one. */
async function nextWakeUpOf(store: FleetStore, brokerId: string): Promise<() => Promise<RegionPool>> {
  let arrive: (regionPool: RegionPool) => void = () => undefined;
  const arrived = new Promise<RegionPool>((resolve) => {
    arrive = resolve;
  });
  await store.onWakeUp(brokerId, (regionPool) => arrive(regionPool));
  return () => arrived;
}

/** How hosts, brokers and counters treat a session that is only offered. */
export function offeredSessionSuite(current: CurrentFixture): void {
  describe('an offered session', () => {
    it('is not visible to its host until it is accepted', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { connectionId: 'broker-b.1' });
      const sessionId = newSessionId();
      await enqueue(store, sessionId, { clientBrokerId: 'broker-c' });
      await store.withdrawEntries(REGION_POOL, [{ sessionId, belowEpoch: 0 }], BROKER);
      await enqueue(store, sessionId, { clientBrokerId: 'broker-c' });
      expect(await store.takeChangedSessions(REGION_POOL, 'broker-b')).to.deep.equal([]);
      const order = { sessionId, epoch: 1, reason: 'client_left' as const };
      expect(await store.endSessions(REGION_POOL, [order], BROKER)).to.deep.equal([{ kind: 'stale' }]);
      const change = { sessionId, epoch: 1, hostId: 'host-a', to: 'active' as const };
      expect(await store.updateSessionStates(REGION_POOL, [change], 'broker-b')).to.deep.equal([
        { kind: 'bad_transition' },
      ]);
      expect(await sendHeartbeat(store, 'host-a', { connectionId: 'broker-b.1' })).to.equal('ok');
      const accepted = { sessionId, fromEpoch: 1, toEpoch: 2, clientBrokerId: 'broker-c' };
      await store.acceptOffer(REGION_POOL, accepted, RESERVATION_MS);
      const changed = await store.takeChangedSessions(REGION_POOL, 'broker-b');
      expect(changed.map(({ state, epoch }) => [state, epoch])).to.deep.equal([['reserved', 2]]);
    });

    it('is not ended when its host does not list it, and is adopted when its host reports it as running', async () => {
      const { store, clock } = current();
      const sessionId = newSessionId();
      await makeHostReady(store, 'host-a', { slots: 1 });
      await enqueue(store, sessionId);
      expect((await store.reconcileHost(REGION_POOL, HOST, [])).ended).to.deep.equal([]);
      expect(await queuePositions(store, [sessionId])).to.deep.equal(['offered']);
      const running = { sessionId, epoch: 1, state: 'active' as const };
      const { adopted } = await store.reconcileHost(REGION_POOL, HOST, [running]);
      expect(adopted.map((session) => session.sessionId)).to.deep.equal([sessionId]);
      clock.advance(GRACE_MS);
      expect(await store.expireUnattendedEntries(REGION_POOL, GRACE_MS, 10, BROKER)).to.deep.equal([]);
      expect(await queuePositions(store, [sessionId])).to.deep.equal(['active']);
      expect(await getHost(store, 'host-a')).to.include({ committed: 1 });
    });

    it('is not created for an entry that a host has reported as running', async () => {
      const { store, clock } = current();
      const { free } = await fillPool(store);
      const [running, next] = [newSessionId(), newSessionId()];
      await enqueue(store, running);
      clock.advance(1);
      await enqueue(store, next);
      const from = { hostId: 'host-b', connectionId: 'broker-b.1' };
      const sessions = [{ sessionId: running, epoch: 1, state: 'connected' as const }];
      await makeHostReady(store, 'host-b', { slots: 1, connectionId: 'broker-b.1', sessions });
      await store.reconcileHost(REGION_POOL, from, sessions);
      await free();
      expect(await queuePositions(store, [running, next])).to.deep.equal(['connected', 'offered']);
      expect((await store.getQueueStatus(REGION_POOL, [], false)).length).to.equal(0);
    });

    it('follows its client from broker to broker, also back into the queue', async () => {
      const { store } = current();
      const sessionId = newSessionId();
      await makeHostReady(store, 'host-a');
      await enqueue(store, sessionId);
      expect(await store.setClientBroker(REGION_POOL, sessionId, 'broker-d')).to.include({
        state: 'offered',
        clientBrokerId: 'broker-d',
      });
      await store.removeHost(REGION_POOL, 'host-a', 'broker-a.1');
      await makeHostReady(store, 'host-b');
      expect(await store.getSessions(REGION_POOL, [sessionId])).to.have.nested.property(
        '[0].clientBrokerId',
        'broker-d',
      );
    });

    it('is put into the inbox of its client’s broker, also when that broker is the caller, with a wake-up', async () => {
      const { store, another } = current();
      const other = await another();
      const theirWakeUp = await nextWakeUpOf(other, 'broker-q');
      const ourWakeUp = await nextWakeUpOf(store, BROKER);
      await makeHostReady(store, 'host-a', { slots: 2 });
      const theirs = newSessionId();
      const ours = newSessionId();
      await enqueue(store, theirs, { clientBrokerId: 'broker-q' });
      await enqueue(store, ours);
      for (const [broker, sessionId] of [
        ['broker-q', theirs],
        [BROKER, ours],
      ] as const) {
        const changed = await other.takeChangedSessions(REGION_POOL, broker);
        expect(changed.map((session) => [session.sessionId, session.state])).to.deep.equal([
          [sessionId, 'offered'],
        ]);
      }
      expect(await theirWakeUp()).to.deep.equal(REGION_POOL);
      expect(await ourWakeUp()).to.deep.equal(REGION_POOL);
    });

    it('counts as a live session of its host', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 2 });
      await startSession(store);
      const sessionId = newSessionId();
      await enqueue(store, sessionId);
      expect(await getUtilisation(store, REGION_POOL)).to.deep.equal({ sessions: 2, slots: 2 });
      expect(await store.listHostSessions(REGION_POOL, 'host-a')).to.have.length(2);
      expect(await store.recountHosts(REGION_POOL, null)).to.deep.equal({ next: null, repaired: [] });
    });
  });
}
