import { expect } from 'chai';
import type { HeldState } from '@duskline/protocol/vocabulary';
import { REGION_POOL, registration } from '../../support/fleet/fleet-data.js';
import {
  enqueueInOrder,
  getHost,
  makeHostReady,
  queuePositions,
  reserveSlot,
  sendHeartbeat,
  startSession,
  type CurrentFixture,
} from '../fixture.js';

const HOST = { hostId: 'host-a', connectionId: 'broker-a.2' };

/** Hosts that register again: after a crash, with fewer slots, at another endpoint. */
export function returningHostSuite(current: CurrentFixture): void {
  /** The host registers again, with these slots and sessions; its first heartbeat follows. */
  async function comeBack(slots: number, sessions: readonly Held[] = []): Promise<string> {
    const { store } = current();
    await store.registerHost(REGION_POOL, registration('host-a', { connectionId: HOST.connectionId, slots }));
    return sendHeartbeat(store, 'host-a', { connectionId: HOST.connectionId, sessions });
  }
  interface Held {
    readonly sessionId: string;
    readonly epoch: number;
    readonly state: HeldState;
  }

  describe('a host that returns without its sessions', () => {
    it('is ready once it is reconciled: the sessions that it lost may be placed on it again', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 2 });
      const lost = await startSession(store);
      expect(await comeBack(2)).to.equal('differs');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      const { ended } = await store.reconcileHost(REGION_POOL, HOST, []);
      expect(ended.map(({ session }) => session.sessionId)).to.deep.equal([lost.sessionId]);
      expect(await getHost(store, 'host-a')).to.include({ state: 'ready', committed: 0 });
      const again = await reserveSlot(store, { sessionId: lost.sessionId, epoch: 2 });
      expect(again.hostId).to.equal('host-a');
    });

    it('serves the queue in the step that reconciles it, if no broker can place its sessions again', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      await startSession(store, { clientBrokerId: '' });
      const waiting = await enqueueInOrder(current(), 2);
      await comeBack(1);
      await store.reconcileHost(REGION_POOL, HOST, []);
      expect(await queuePositions(store, waiting)).to.deep.equal(['offered', 0]);
    });

    it('stays joining while it holds sessions that it has to end', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      await makeHostReady(store, 'host-b', { slots: 1 });
      const first = await startSession(store);
      const moved = { sessionId: first.sessionId, epoch: 1, state: 'connected' } as const;
      await store.endSessions(REGION_POOL, [{ ...moved, reason: 'client_left' }], 'broker-a');
      expect(await comeBack(1, [moved])).to.equal('differs');
      const { rejected } = await store.reconcileHost(REGION_POOL, HOST, [moved]);
      expect(rejected).to.have.length(1);
      expect((await getHost(store, 'host-a')).state).to.equal('joining');
      expect(await sendHeartbeat(store, 'host-a', { connectionId: HOST.connectionId })).to.equal('ok');
      expect((await getHost(store, 'host-a')).state).to.equal('ready');
    });
  });

  describe('a host that returns with fewer slots', () => {
    it('loses the newest reservations that do not fit, when it is reconciled', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 4 });
      const reserved: string[] = [];
      for (let i = 0; i < 4; i += 1) reserved.push((await reserveSlot(store)).sessionId);
      reserved.sort();
      const returned = registration('host-a', { connectionId: HOST.connectionId, slots: 2 });
      expect(await store.registerHost(REGION_POOL, returned)).to.include({ exceedsSlots: true });
      expect(await sendHeartbeat(store, 'host-a', { connectionId: HOST.connectionId })).to.equal('ok');
      const { ended, rejected } = await store.reconcileHost(REGION_POOL, HOST, []);
      expect(ended.map(({ session }) => [session.sessionId, session.reason])).to.deep.equal([
        [reserved[3], 'host_lost'],
        [reserved[2], 'host_lost'],
      ]);
      expect(rejected).to.deep.equal([]);
      expect(await getHost(store, 'host-a')).to.include({ state: 'ready', slots: 2, committed: 2 });
      expect(await sendHeartbeat(store, 'host-a', { connectionId: HOST.connectionId })).to.equal('ok');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
    });

    it('keeps its running sessions before reservations', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 2 });
      const { sessionId } = await startSession(store);
      const reserved = await reserveSlot(store);
      const running = { sessionId, epoch: 1, state: 'active' } as const;
      await comeBack(1, [running]);
      const { ended } = await store.reconcileHost(REGION_POOL, HOST, [running]);
      expect(ended.map(({ session }) => session.sessionId)).to.deep.equal([reserved.sessionId]);
      expect(await getHost(store, 'host-a')).to.include({ committed: 1 });
    });

    it('withdraws offers that do not fit: their players return to their positions in the queue', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const { sessionId } = await startSession(store);
      const waiting = await enqueueInOrder(current(), 2);
      await makeHostReady(store, 'host-a', {
        slots: 2,
        connectionId: HOST.connectionId,
        sessions: [{ sessionId, epoch: 1, state: 'active' }],
      });
      expect(await queuePositions(store, waiting)).to.deep.equal(['offered', 0]);
      const running = { sessionId, epoch: 1, state: 'active' } as const;
      await comeBack(1, [running]);
      await store.reconcileHost(REGION_POOL, HOST, [running]);
      expect(await queuePositions(store, waiting)).to.deep.equal([0, 1]);
    });
  });

  describe('a host that registers', () => {
    it('has another endpoint only if the store knew it at a different one', async () => {
      const { store } = current();
      const at = (endpoint: string) =>
        store.registerHost(
          REGION_POOL,
          registration('host-a', { endpoint, connectionId: HOST.connectionId }),
        );
      expect(await at('wss://one.example')).to.include({ endpointChanged: false });
      expect(await at('wss://one.example')).to.include({ endpointChanged: false });
      expect(await at('wss://two.example')).to.include({ endpointChanged: true });
      await store.removeHost(REGION_POOL, 'host-a', HOST.connectionId);
      expect(await at('wss://three.example')).to.include({ endpointChanged: false });
    });
  });
}
