import { toStoreMs } from '@duskline/server/domain/store-time.js';
import { expect } from 'chai';
import type { SilentHostMark } from '@duskline/server/store/fleet-store.js';
import { REGION_POOL, registration } from '../../support/fleet/fleet-data.js';
import {
  BROKER,
  SUSPECT_AFTER_MS,
  sendHeartbeat,
  getHost,
  getUtilisation,
  makeHostReady,
  reserveSlot,
  startSession,
  type CurrentFixture,
} from '../fixture.js';

/** The life of hosts: registering, sending heartbeats, falling silent, leaving. */
export function hostSuite(current: CurrentFixture): void {
  async function order(hostId: string, what: SilentHostMark['order']): Promise<readonly string[]> {
    const { store } = current();
    const { heartbeatAtMs } = await getHost(store, hostId);
    const ended = await store.markSilentHosts(REGION_POOL, [{ hostId, heartbeatAtMs, order: what }], BROKER);
    return ended.map(({ session }) => session.sessionId);
  }

  describe('a host', () => {
    it('accepts sessions only after its first heartbeat', async () => {
      const { store } = current();
      await store.registerHost(REGION_POOL, registration('host-a'));
      expect(await getHost(store, 'host-a')).to.include({ state: 'joining', committed: 0 });
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      expect(await getUtilisation(store, REGION_POOL)).to.deep.equal({ sessions: 0, slots: 0 });
      expect(await sendHeartbeat(store, 'host-a')).to.equal('ok');
      expect((await reserveSlot(store)).hostId).to.equal('host-a');
      expect(await getUtilisation(store, REGION_POOL)).to.deep.equal({ sessions: 1, slots: 4 });
    });

    it('is `unknown` until it registers', async () => {
      expect(await sendHeartbeat(current().store, 'host-a')).to.equal('unknown');
    });

    it('is accepted only on its newest connection', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await startSession(store);
      await store.registerHost(REGION_POOL, registration('host-a', { connectionId: 'broker-b.7' }));
      expect(await sendHeartbeat(store, 'host-a')).to.equal('replaced');
      const from = { hostId: 'host-a', connectionId: 'broker-a.1' };
      expect((await store.reconcileHost(REGION_POOL, from, [])).outcome).to.equal('replaced');
      expect(await store.removeHost(REGION_POOL, 'host-a', 'broker-a.1')).to.deep.equal([]);
      expect(await getHost(store, 'host-a')).to.include({ state: 'joining', committed: 1 });
      const sessions = [{ sessionId, epoch: 1, state: 'active' as const }];
      expect(await sendHeartbeat(store, 'host-a', { connectionId: 'broker-b.7', sessions })).to.equal('ok');
      expect((await getHost(store, 'host-a')).state).to.equal('ready');
    });

    it('keeps its sessions when it registers again, also with fewer slots', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 3 });
      const sessions = [await startSession(store), await startSession(store)];
      await makeHostReady(store, 'host-a', { slots: 1, connectionId: 'broker-a.2', sessions });
      expect(await getHost(store, 'host-a')).to.include({ state: 'ready', slots: 1, committed: 2 });
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      expect(await getUtilisation(store, REGION_POOL)).to.deep.equal({ sessions: 2, slots: 1 });
    });

    it('is returned by getEndpoints with its endpoint and connection', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      expect(await store.getEndpoints(REGION_POOL, ['host-b', 'host-a'])).to.deep.equal([
        null,
        { connectionId: 'broker-a.1', endpoint: 'quic://host-a.example:443' },
      ]);
      expect(await store.getEndpoints(REGION_POOL, [])).to.deep.equal([]);
    });

    it('ends its sessions with host_ended when it leaves', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await startSession(store);
      const ended = await store.removeHost(REGION_POOL, 'host-a', 'broker-a.1');
      expect(ended.map(({ session }) => [session.sessionId, session.reason])).to.deep.equal([
        [sessionId, 'host_ended'],
      ]);
      expect(await store.listHosts(REGION_POOL)).to.deep.equal([]);
      expect(await getUtilisation(store, REGION_POOL)).to.deep.equal({ sessions: 0, slots: 0 });
      expect(await store.removeHost(REGION_POOL, 'host-a', 'broker-a.1')).to.deep.equal([]);
    });
  });

  describe('a silent host', () => {
    it('is listed once its last heartbeat is older than the limit, the longest silent first', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-b');
      await makeHostReady(store, 'host-a');
      clock.advance(1_000);
      await makeHostReady(store, 'host-c');
      clock.advance(SUSPECT_AFTER_MS - 1_000);
      expect(await store.findSilentHosts(REGION_POOL, SUSPECT_AFTER_MS, 10)).to.deep.equal({
        hosts: 3,
        silent: [],
      });
      clock.advance(1);
      const { hosts, silent } = await store.findSilentHosts(REGION_POOL, SUSPECT_AFTER_MS, 10);
      expect(hosts).to.equal(3);
      expect(silent.map((host) => host.hostId)).to.deep.equal(['host-a', 'host-b']);
      expect(silent[0]).to.include({ state: 'ready', silentMs: SUSPECT_AFTER_MS + 1, missingForMs: null });
      expect((await store.findSilentHosts(REGION_POOL, SUSPECT_AFTER_MS, 1)).silent).to.have.length(1);
    });

    it('becomes suspect, and ready again with its next heartbeat', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const held = await startSession(store);
      await order('host-a', 'suspect');
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
      expect(await getUtilisation(store, REGION_POOL)).to.deep.equal({ sessions: 1, slots: 0 });
      expect(await sendHeartbeat(store, 'host-a', { sessions: [held] })).to.equal('ok');
      expect((await reserveSlot(store)).hostId).to.equal('host-a');
    });

    it('is lost only when an earlier sweep has marked it as missing', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await startSession(store);
      clock.advance(11_000);
      expect(await order('host-a', 'lost')).to.deep.equal([]);
      expect(await store.listHosts(REGION_POOL)).to.have.length(1);
      await order('host-a', 'missing');
      clock.advance(2_000);
      await order('host-a', 'missing');
      const { silent } = await store.findSilentHosts(REGION_POOL, SUSPECT_AFTER_MS, 10);
      expect(silent[0]).to.include({ silentMs: 13_000, missingForMs: 2_000 });
      expect(await order('host-a', 'lost')).to.deep.equal([sessionId]);
      expect(await store.listHosts(REGION_POOL)).to.deep.equal([]);
      expect(await getUtilisation(store, REGION_POOL)).to.deep.equal({ sessions: 0, slots: 0 });
      const [session] = await store.getSessions(REGION_POOL, [sessionId]);
      expect(session).to.include({ state: 'ended', reason: 'host_lost' });
      expect(await sendHeartbeat(store, 'host-a')).to.equal('unknown');
    });

    it('keeps its state when it sent a heartbeat after the sweep observed it', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      const { heartbeatAtMs } = await getHost(store, 'host-a');
      clock.advance(11_000);
      await order('host-a', 'missing');
      clock.advance(2_000);
      await sendHeartbeat(store, 'host-a');
      for (const late of ['suspect', 'missing', 'lost'] as const) {
        await store.markSilentHosts(REGION_POOL, [{ hostId: 'host-a', heartbeatAtMs, order: late }], BROKER);
      }
      expect((await getHost(store, 'host-a')).state).to.equal('ready');
      clock.advance(11_000);
      expect(await order('host-a', 'lost')).to.deep.equal([]);
      expect(await store.listHosts(REGION_POOL)).to.have.length(1);
    });

    it('is ignored when the store does not know it', async () => {
      const { store } = current();
      const orders = [{ hostId: 'host-a', heartbeatAtMs: toStoreMs(1), order: 'lost' as const }];
      expect(await store.markSilentHosts(REGION_POOL, orders, BROKER)).to.deep.equal([]);
    });
  });
}
