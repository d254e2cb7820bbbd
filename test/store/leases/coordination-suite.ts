import { expect } from 'chai';
import { INBOX_KEPT_MS } from '@duskline/server/store/fleet-store.js';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { waitUntil } from '../../support/time/eventually.js';
import { REGION_POOL } from '../../support/fleet/fleet-data.js';
import { BROKER, makeHostReady, reserveSlot, startSession, type CurrentFixture } from '../fixture.js';
import { requestEntryOf } from '../requests/request-entries.js';

/** How brokers coordinate through the store: tokens, leases, inboxes and wake-ups. */
export function coordinationSuite(current: CurrentFixture): void {
  describe('getMemoryId', () => {
    it('names the same memory on every broker, whatever is stored', async () => {
      const { store, another } = current();
      const memoryId = await store.getMemoryId();
      expect(memoryId).to.be.a('string');
      await makeHostReady(store, 'host-a');
      expect(await (await another()).getMemoryId()).to.equal(memoryId);
      expect(await store.getMemoryId()).to.equal(memoryId);
    });
  });

  describe('useToken', () => {
    const TTL_MS = 60_000;

    it('returns true the first time only, on every broker', async () => {
      const { store, another } = current();
      const other = await another();
      expect(await store.useToken('player-1', 'token-1', TTL_MS)).to.equal(true);
      expect(await store.useToken('player-1', 'token-1', TTL_MS)).to.equal(false);
      expect(await other.useToken('player-1', 'token-1', TTL_MS)).to.equal(false);
    });

    it('returns true for one of many concurrent calls', async () => {
      const { store, another } = current();
      const stores = [store, await another()];
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, i) => stores[i % 2]!.useToken('player-1', 'token-1', TTL_MS)),
      );
      expect(answers.filter(Boolean)).to.have.length(1);
    });

    it('keeps the tokens of different players, and different tokens of one player, apart', async () => {
      const { store } = current();
      for (const playerId of ['player-1', 'player-2', 'token-1', 'player-1:token-1']) {
        for (const tokenId of ['token-1', 'token-2']) {
          expect(await store.useToken(playerId, tokenId, TTL_MS), `${playerId} ${tokenId}`).to.equal(true);
          expect(await store.useToken(playerId, tokenId, TTL_MS), `${playerId} ${tokenId}`).to.equal(false);
        }
      }
    });

    it('does not change the recorded requests of the player', async () => {
      const { store } = current();
      await store.recordRequests([requestEntryOf('request-1')]);
      await store.useToken('player-1', 'request-1', TTL_MS);
      expect(await store.recordRequests([requestEntryOf('request-1')])).to.have.nested.property(
        '[0].kind',
        'repeat',
      );
      expect(await store.recordRequests([requestEntryOf('request-2')])).to.have.nested.property(
        '[0].live.requestId',
        'request-1',
      );
    });

    it('remembers a used token for its time to live, and no longer', async () => {
      const { store, clock } = current();
      // Redis forgets by its own clock, whatever the test's says: so short a time passes for both.
      const shortMs = 40;
      expect(await store.useToken('player-1', 'lasting', TTL_MS)).to.equal(true);
      expect(await store.useToken('player-1', 'passing', shortMs)).to.equal(true);
      clock.advance(shortMs);
      await waitUntil(() => store.useToken('player-1', 'passing', TTL_MS));
      expect(await store.useToken('player-1', 'lasting', TTL_MS)).to.equal(false);
      expect(await store.useToken('player-1', 'passing', TTL_MS)).to.equal(false);
    });

    it('remembers every token that has not expired, among many that have', async () => {
      const { store, clock } = current();
      for (let i = 0; i < 100; i += 1) {
        const ttlMs = i % 2 === 0 ? TTL_MS : 1;
        expect(await store.useToken('player-1', `token-${i}`, ttlMs)).to.equal(true);
        clock.advance(2);
      }
      for (let i = 0; i < 100; i += 2) {
        expect(await store.useToken('player-1', `token-${i}`, TTL_MS), `token-${i}`).to.equal(false);
      }
    });
  });

  describe('a lease', () => {
    it('is held by one broker, extended by renewing, and available again when it expires or is released', async () => {
      const { store, clock } = current();
      expect(await store.acquireLease('eu-central', 'broker-a', 5_000)).to.equal(true);
      expect(await store.acquireLease('eu-central', 'broker-b', 5_000)).to.equal(false);
      expect(await store.acquireLease('eu-west', 'broker-b', 5_000)).to.equal(true);
      clock.advance(4_000);
      expect(await store.acquireLease('eu-central', 'broker-a', 5_000)).to.equal(true);
      clock.advance(4_999);
      expect(await store.acquireLease('eu-central', 'broker-b', 5_000)).to.equal(false);
      clock.advance(1);
      expect(await store.acquireLease('eu-central', 'broker-b', 5_000)).to.equal(true);
      await store.releaseLease('eu-central', 'broker-a');
      expect(await store.acquireLease('eu-central', 'broker-a', 5_000)).to.equal(false);
      await store.releaseLease('eu-central', 'broker-b');
      expect(await store.acquireLease('eu-central', 'broker-a', 5_000)).to.equal(true);
    });
  });

  describe('the inbox of changed sessions', () => {
    it('receives a change once at the brokers of both ends, except the calling broker', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { connectionId: 'broker-b.3' });
      const { sessionId } = await reserveSlot(store, { clientBrokerId: 'broker-c' });
      const change = { sessionId, epoch: 1, hostId: 'host-a', to: 'active' as const };
      await store.updateSessionStates(REGION_POOL, [change], 'broker-b');
      await store.updateSessionStates(REGION_POOL, [{ ...change, to: 'connected' }], 'broker-b');
      expect(await store.takeChangedSessions(REGION_POOL, BROKER)).to.deep.equal([]);
      for (const broker of ['broker-b', 'broker-c']) {
        const mail = await store.takeChangedSessions(REGION_POOL, broker);
        expect(mail.map((session) => [session.sessionId, session.state])).to.deep.equal([
          [sessionId, 'connected'],
        ]);
        expect(await store.takeChangedSessions(REGION_POOL, broker)).to.deep.equal([]);
      }
    });

    it('receives an end at the brokers of both ends when a third broker decided it', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { connectionId: 'broker-b.3' });
      const { sessionId } = await reserveSlot(store, { clientBrokerId: 'broker-c' });
      await store.takeChangedSessions(REGION_POOL, 'broker-b');
      await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'operator' }], BROKER);
      for (const broker of ['broker-b', 'broker-c']) {
        expect(await store.takeChangedSessions(REGION_POOL, broker)).to.have.nested.property(
          '[0].reason',
          'operator',
        );
      }
    });

    it('is found for a broker whose name contains dots', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { connectionId: 'broker-1.example.7' });
      const { sessionId } = await reserveSlot(store);
      const mail = await store.takeChangedSessions(REGION_POOL, 'broker-1.example');
      expect(mail.map((session) => session.sessionId)).to.deep.equal([sessionId]);
    });

    it('is deleted when its broker does not read it within `INBOX_KEPT_MS`', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a', { connectionId: 'broker-b.3' });
      await reserveSlot(store);
      clock.advance(INBOX_KEPT_MS);
      await store.deleteEndedSessions(REGION_POOL, 10);
      clock.advance(1);
      await reserveSlot(store);
      expect(await store.takeChangedSessions(REGION_POOL, 'broker-b')).to.have.length(1);
      await makeHostReady(store, 'host-a', { connectionId: 'broker-b.3' });
      await reserveSlot(store);
      clock.advance(INBOX_KEPT_MS + 1);
      await store.deleteEndedSessions(REGION_POOL, 10);
      expect(await store.takeChangedSessions(REGION_POOL, 'broker-b')).to.deep.equal([]);
    });
  });

  describe('a wake-up', () => {
    it('reaches the broker it is addressed to, and no other', async () => {
      const { store, another } = current();
      const other = await another();
      const heard: string[] = [];
      const arrived = new Promise<RegionPool>((resolve) => {
        void other.onWakeUp('broker-b', (where) => {
          heard.push('broker-b');
          resolve(where);
        });
      });
      await other.onWakeUp('broker-c', () => heard.push('broker-c'));
      // Twice in one turn is one nudge.
      store.sendWakeUp('broker-b', REGION_POOL);
      store.sendWakeUp('broker-b', REGION_POOL);
      store.sendWakeUp('broker-d', REGION_POOL);
      expect(await arrived).to.deep.equal(REGION_POOL);
      await other.ping();
      expect(heard).to.deep.equal(['broker-b']);
    });
  });

  describe('recountHosts', () => {
    it('repairs nothing in a consistent fleet', async () => {
      const { store } = current();
      for (let i = 0; i < 5; i += 1) await makeHostReady(store, `host-${i}`);
      for (let i = 0; i < 9; i += 1) await startSession(store);
      const before = await store.listHosts(REGION_POOL);
      expect(await store.recountHosts(REGION_POOL, null)).to.deep.equal({ next: null, repaired: [] });
      expect(await store.listHosts(REGION_POOL)).to.deep.equal(before);
    });
  });
}
