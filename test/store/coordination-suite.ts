import { expect } from 'chai';
import { REQUEST_KEPT_MS, REQUESTS_PER_PLAYER, INBOX_KEPT_MS } from '@duskline/server/store/fleet-store.js';
import type { RequestEntry } from '@duskline/server/store/fleet-store.js';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { waitUntil } from '../support/time/eventually.js';
import { REGION_POOL, newSessionId } from '../support/fleet/fleet-data.js';
import { BROKER, makeHostReady, reserveSlot, startSession, type CurrentFixture } from './fixture.js';

function requestEntryOf(requestId: string, changes: Partial<RequestEntry> = {}): RequestEntry {
  return { playerId: 'player-1', requestId, sessionId: newSessionId(), regionPool: REGION_POOL, ...changes };
}

/** How brokers coordinate through the store: requests, leases, inboxes and wake-ups. */
export function coordinationSuite(current: CurrentFixture): void {
  describe('recordRequests', () => {
    it('returns `new` for the first of equal requests, and its record for the repeats', async () => {
      const { store, clock } = current();
      const first = requestEntryOf('request-1');
      expect(
        await store.recordRequests([first, requestEntryOf('request-1'), requestEntryOf('request-2')]),
      ).to.deep.equal([
        { kind: 'new' },
        {
          kind: 'repeat',
          record: { sessionId: first.sessionId, epoch: 1, regionPool: REGION_POOL, ageMs: 0 },
        },
        {
          kind: 'new',
          previous: {
            requestId: 'request-1',
            sessionId: first.sessionId,
            epoch: 1,
            regionPool: REGION_POOL,
            ageMs: 0,
          },
        },
      ]);
      clock.advance(1_500);
      const [repeat] = await store.recordRequests([requestEntryOf('request-1')]);
      expect(repeat).to.have.nested.property('record.ageMs', 1_500);
      const other = requestEntryOf('request-1', { playerId: 'player-2' });
      expect(await store.recordRequests([other])).to.have.nested.property('[0].kind', 'new');
    });

    it('does not confuse a request id with the id of a region, a pool or a session', async () => {
      const { store } = current();
      const first = requestEntryOf('request-1');
      await store.recordRequests([first]);
      const lookAlikes = [
        '1',
        REGION_POOL.region,
        REGION_POOL.pool,
        first.sessionId,
        'request-',
        'request-11',
      ];
      for (const requestId of lookAlikes) {
        expect(await store.recordRequests([requestEntryOf(requestId)]), requestId).to.have.nested.property(
          '[0].kind',
          'new',
        );
      }
      for (const requestId of ['request-1', ...lookAlikes]) {
        expect(await store.recordRequests([requestEntryOf(requestId)]), requestId).to.have.nested.property(
          '[0].kind',
          'repeat',
        );
      }
    });

    it('returns the outcomes of many players in the order of the call', async () => {
      const { store } = current();
      const claims = Array.from({ length: 50 }, (_, i) => requestEntryOf('r', { playerId: `player-${i}` }));
      await store.recordRequests(claims);
      const again = await store.recordRequests(
        claims.map((claim) => ({ ...claim, sessionId: newSessionId() })),
      );
      expect(
        again.map((outcome) => (outcome.kind === 'repeat' ? outcome.record.sessionId : null)),
      ).to.deep.equal(claims.map((claim) => claim.sessionId));
    });

    it(`keeps ${REQUESTS_PER_PLAYER} requests of a player, each for a day`, async () => {
      const { store, clock } = current();
      for (let i = 0; i <= REQUESTS_PER_PLAYER; i += 1)
        await store.recordRequests([requestEntryOf(`request-${i}`)]);
      expect(await store.recordRequests([requestEntryOf('request-1')])).to.have.nested.property(
        '[0].kind',
        'repeat',
      );
      expect(await store.recordRequests([requestEntryOf('request-0')])).to.have.nested.property(
        '[0].kind',
        'new',
      );
      clock.advance(REQUEST_KEPT_MS);
      expect(await store.recordRequests([requestEntryOf('request-2')])).to.have.nested.property(
        '[0].kind',
        'new',
      );
    });

    it('returns `new` again for a request that was deleted', async () => {
      const { store } = current();
      await store.recordRequests([requestEntryOf('request-1'), requestEntryOf('request-2')]);
      await store.deleteRequest('player-1', 'request-1');
      await store.deleteRequest('player-1', 'request-3');
      await store.deleteRequest('player-9', 'request-1');
      expect(await store.recordRequests([requestEntryOf('request-1')])).to.have.nested.property(
        '[0].kind',
        'new',
      );
      expect(await store.recordRequests([requestEntryOf('request-2')])).to.have.nested.property(
        '[0].kind',
        'repeat',
      );
    });
  });

  describe('findRequests', () => {
    it('returns the records of several players in the order of the call, and `null` for unknown requests', async () => {
      const { store, clock } = current();
      const requests = Array.from({ length: 20 }, (_, i) => requestEntryOf('r', { playerId: `player-${i}` }));
      await store.recordRequests(requests);
      clock.advance(1_500);
      const unknown = { playerId: 'player-3', requestId: 'other' };
      const found = await store.findRequests([unknown, ...requests, { ...unknown, playerId: 'nobody' }]);
      expect(found).to.deep.equal([
        null,
        ...requests.map(({ sessionId }) => ({ sessionId, epoch: 1, regionPool: REGION_POOL, ageMs: 1_500 })),
        null,
      ]);
    });

    it('records nothing, so that many look-ups make no player forget a request', async () => {
      const { store } = current();
      await store.recordRequests([requestEntryOf('request-1')]);
      const { playerId } = requestEntryOf('request-1');
      for (let i = 0; i <= REQUESTS_PER_PLAYER; i += 1) {
        expect(await store.findRequests([{ playerId, requestId: `unknown-${i}` }])).to.deep.equal([null]);
      }
      expect(await store.findRequests([{ playerId, requestId: 'request-1' }])).to.have.nested.property(
        '[0].epoch',
        1,
      );
    });

    it('no longer finds a request after a day', async () => {
      const { store, clock } = current();
      await store.recordRequests([requestEntryOf('request-1')]);
      clock.advance(REQUEST_KEPT_MS);
      expect(await store.findRequests([requestEntryOf('request-1')])).to.deep.equal([null]);
    });
  });

  describe('startAttempt', () => {
    it('lets one of two brokers take a request over, under a higher epoch', async () => {
      const { store, clock } = current();
      const claim = requestEntryOf('request-1');
      await store.recordRequests([claim, requestEntryOf('request-2')]);
      clock.advance(5_000);
      expect(await store.startAttempt(claim, 1)).to.equal(2);
      expect(await store.startAttempt(claim, 1)).to.equal(null);
      expect(await store.recordRequests([requestEntryOf('request-1')])).to.deep.equal([
        {
          kind: 'repeat',
          record: { sessionId: claim.sessionId, epoch: 2, regionPool: REGION_POOL, ageMs: 0 },
        },
      ]);
      expect(await store.startAttempt(claim, 2)).to.equal(3);
    });

    it('records a request that was deleted meanwhile, within the limit of requests per player', async () => {
      const { store } = current();
      for (let i = 0; i < REQUESTS_PER_PLAYER; i += 1)
        await store.recordRequests([requestEntryOf(`request-${i}`)]);
      expect(await store.startAttempt(requestEntryOf('late'), 4)).to.equal(5);
      expect(await store.recordRequests([requestEntryOf('request-0')])).to.have.nested.property(
        '[0].kind',
        'new',
      );
      expect(await store.recordRequests([requestEntryOf('late')])).to.have.nested.property(
        '[0].record.epoch',
        5,
      );
    });
  });

  describe('allocateEpoch and commitEpoch', () => {
    it('allocate an epoch for each attempt that no other attempt receives', async () => {
      const { store } = current();
      const claim = requestEntryOf('request-1');
      await store.recordRequests([claim]);
      expect(await store.allocateEpoch(claim, 1)).to.deep.equal({ epoch: 2, fromEpoch: 1 });
      expect(await store.allocateEpoch(claim, 1)).to.deep.equal({ epoch: 3, fromEpoch: 1 });
      expect(await store.allocateEpoch(claim, 7)).to.deep.equal({ epoch: 8, fromEpoch: 1 });
      expect(await store.recordRequests([claim])).to.have.nested.property('[0].record.epoch', 1);
      expect(await store.startAttempt(claim, 1)).to.equal(9);
      expect(await store.startAttempt(claim, 9)).to.equal(10);
      expect(await store.allocateEpoch(claim, 1)).to.deep.equal({ epoch: 11, fromEpoch: 10 });
    });

    it('let one of two attempts commit, however often it repeats the call, and record its region pool', async () => {
      const { store, clock } = current();
      const claim = requestEntryOf('request-1');
      await store.recordRequests([claim, requestEntryOf('request-2')]);
      const [one, two] = [await store.allocateEpoch(claim, 1), await store.allocateEpoch(claim, 1)];
      const there = { ...claim, regionPool: { ...REGION_POOL, region: 'us-east' } };
      clock.advance(5_000);
      expect(await store.commitEpoch(there, two)).to.equal(true);
      expect(await store.commitEpoch(there, two)).to.equal(true);
      expect(await store.commitEpoch(claim, two)).to.equal(false);
      expect(await store.commitEpoch(claim, one)).to.equal(false);
      const { sessionId } = claim;
      expect(await store.recordRequests([claim])).to.deep.equal([
        { kind: 'repeat', record: { sessionId, epoch: 3, regionPool: there.regionPool, ageMs: 0 } },
      ]);
    });

    it('refuse to commit an attempt when the request was taken over since', async () => {
      const { store } = current();
      const claim = requestEntryOf('request-1');
      await store.recordRequests([claim]);
      const drawn = await store.allocateEpoch(claim, 1);
      expect(await store.startAttempt(claim, 1)).to.equal(3);
      expect(await store.commitEpoch(claim, drawn)).to.equal(false);
    });

    it('keep the age, the order and the region pool of a request, also when the region pool changes', async () => {
      const { store, clock } = current();
      const claim = requestEntryOf('request-1');
      await store.recordRequests([claim]);
      await store.recordRequests([requestEntryOf('request-2')]);
      clock.advance(5_000);
      await store.allocateEpoch(claim, 1);
      await store.setRequestPool({ ...claim, regionPool: { ...REGION_POOL, region: 'us-east' } });
      expect(await store.allocateEpoch(claim, 1)).to.deep.equal({ epoch: 3, fromEpoch: 1 });
      expect(await store.recordRequests([claim])).to.have.nested.property('[0].record.ageMs', 5_000);
      expect(await store.recordRequests([requestEntryOf('request-3')])).to.have.nested.property(
        '[0].previous.requestId',
        'request-2',
      );
    });

    it('record a request that the store has lost', async () => {
      const { store } = current();
      const claim = requestEntryOf('request-1');
      const drawn = await store.allocateEpoch(claim, 4);
      expect(drawn).to.deep.equal({ epoch: 5, fromEpoch: 4 });
      expect(await store.recordRequests([claim])).to.have.nested.property('[0].record.epoch', 4);
      expect(await store.commitEpoch(claim, drawn)).to.equal(true);
      expect(await store.commitEpoch(requestEntryOf('request-2'), drawn)).to.equal(true);
      expect(await store.recordRequests([requestEntryOf('request-2')])).to.have.nested.property(
        '[0].record.epoch',
        5,
      );
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
        '[0].kind',
        'new',
      );
    });

    it('remembers a used token for its time to live, and no longer', async () => {
      const { store, clock } = current();
      // Redis expires keys by its own clock and not by the clock of the test, so both must pass this time.
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
        const changed = await store.takeChangedSessions(REGION_POOL, broker);
        expect(changed.map((session) => [session.sessionId, session.state])).to.deep.equal([
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
      const changed = await store.takeChangedSessions(REGION_POOL, 'broker-1.example');
      expect(changed.map((session) => session.sessionId)).to.deep.equal([sessionId]);
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
      const wokenUp: string[] = [];
      const arrived = new Promise<RegionPool>((resolve) => {
        void other.onWakeUp('broker-b', (where) => {
          wokenUp.push('broker-b');
          resolve(where);
        });
      });
      await other.onWakeUp('broker-c', () => wokenUp.push('broker-c'));
      // Two wake-ups in one turn of the event loop are sent as one.
      store.sendWakeUp('broker-b', REGION_POOL);
      store.sendWakeUp('broker-b', REGION_POOL);
      store.sendWakeUp('broker-d', REGION_POOL);
      expect(await arrived).to.deep.equal(REGION_POOL);
      await other.ping();
      expect(wokenUp).to.deep.equal(['broker-b']);
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
