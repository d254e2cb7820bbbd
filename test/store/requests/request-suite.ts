import { expect } from 'chai';
import { REQUEST_KEPT_MS, REQUESTS_PER_PLAYER } from '@duskline/server/store/fleet-store.js';
import { REGION_POOL, newSessionId } from '../../support/fleet/fleet-data.js';
import type { CurrentFixture } from '../fixture.js';
import { PLAYER, recordOver, requestEntryOf } from './request-entries.js';

/** The record of each player's requests, and the epochs of their attempts. */
export function requestSuite(current: CurrentFixture): void {
  describe('recordRequests', () => {
    it('returns `new` for the first of equal requests, and its record for the repeats', async () => {
      const { store, clock } = current();
      const first = requestEntryOf('request-1');
      const { sessionId } = first;
      const record = {
        state: 'live',
        replacedBy: null,
        sessionId,
        epoch: 1,
        regionPool: REGION_POOL,
        ageMs: 0,
      };
      const { state: _state, replacedBy: _by, ...live } = { ...record, requestId: 'request-1' };
      expect(
        await store.recordRequests([first, requestEntryOf('request-1'), requestEntryOf('request-2')]),
      ).to.deep.equal([{ kind: 'new' }, { kind: 'repeat', record }, { kind: 'live', live }]);
      clock.advance(1_500);
      const [repeat] = await store.recordRequests([requestEntryOf('request-1')]);
      expect(repeat).to.have.nested.property('record.ageMs', 1_500);
      const other = requestEntryOf('request-1', { playerId: 'player-2' });
      expect(await store.recordRequests([other])).to.have.nested.property('[0].kind', 'new');
    });

    it('does not confuse a request id with the id of a region, a pool or a session', async () => {
      const { store } = current();
      const first = requestEntryOf('request-1');
      await recordOver(store, first);
      const lookAlikes = [
        '1',
        REGION_POOL.region,
        REGION_POOL.pool,
        first.sessionId,
        'request-',
        'request-11',
      ];
      for (const requestId of lookAlikes) {
        const entry = requestEntryOf(requestId);
        expect(await store.recordRequests([entry]), requestId).to.have.nested.property('[0].kind', 'new');
        await store.clearLiveRequests([{ ...entry, epoch: 1 }]);
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
      const requests = Array.from({ length: 50 }, (_, i) => requestEntryOf('r', { playerId: `player-${i}` }));
      await store.recordRequests(requests);
      const again = await store.recordRequests(
        requests.map((request) => ({ ...request, sessionId: newSessionId() })),
      );
      expect(
        again.map((outcome) => (outcome.kind === 'repeat' ? outcome.record.sessionId : null)),
      ).to.deep.equal(requests.map(({ sessionId }) => sessionId));
    });

    it(`keeps ${REQUESTS_PER_PLAYER} requests of a player, each for a day`, async () => {
      const { store, clock } = current();
      for (let i = 0; i <= REQUESTS_PER_PLAYER; i += 1)
        await recordOver(store, requestEntryOf(`request-${i}`));
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
      await recordOver(store, requestEntryOf('request-1'));
      await recordOver(store, requestEntryOf('request-2'));
      await store.deleteRequest(PLAYER, 'request-1');
      await store.deleteRequest(PLAYER, 'request-3');
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
        ...requests.map(({ sessionId }) => {
          return {
            state: 'live',
            replacedBy: null,
            sessionId,
            epoch: 1,
            regionPool: REGION_POOL,
            ageMs: 1_500,
          };
        }),
        null,
      ]);
    });

    it('records nothing, so that many look-ups make no player forget a request', async () => {
      const { store } = current();
      await recordOver(store, requestEntryOf('request-1'));
      for (let i = 0; i <= REQUESTS_PER_PLAYER; i += 1) {
        const key = { playerId: PLAYER, requestId: `unknown-${i}` };
        expect(await store.findRequests([key])).to.deep.equal([null]);
      }
      expect(await store.findRequests([requestEntryOf('request-1')])).to.have.nested.property('[0].epoch', 1);
    });

    it('no longer finds a request after a day', async () => {
      const { store, clock } = current();
      await store.recordRequests([requestEntryOf('request-1')]);
      clock.advance(REQUEST_KEPT_MS);
      expect(await store.findRequests([requestEntryOf('request-1')])).to.deep.equal([null]);
    });
  });

  describe('startAttempt', () => {
    it('lets one of two brokers continue a request, under a higher epoch', async () => {
      const { store, clock } = current();
      const request = requestEntryOf('request-1');
      await store.recordRequests([request]);
      clock.advance(5_000);
      expect(await store.startAttempt(request, 1)).to.equal(2);
      expect(await store.startAttempt(request, 1)).to.equal(null);
      const record = {
        state: 'live',
        replacedBy: null,
        sessionId: request.sessionId,
        epoch: 2,
        regionPool: REGION_POOL,
        ageMs: 0,
      };
      expect(await store.recordRequests([requestEntryOf('request-1')])).to.deep.equal([
        { kind: 'repeat', record },
      ]);
      expect(await store.startAttempt(request, 2)).to.equal(3);
    });

    it('raises a later epoch on demand, so that each of many brokers succeeds', async () => {
      const { store, another } = current();
      const stores = [store, await another()];
      const request = requestEntryOf('request-1');
      await store.recordRequests([request]);
      await store.allocateEpoch(request, 3);
      const epochs = await Promise.all(
        Array.from({ length: 20 }, (_, i) => stores[i % 2]!.startAttempt(request, 1, true)),
      );
      expect(epochs.toSorted((a, b) => a! - b!)).to.deep.equal(Array.from({ length: 20 }, (_, i) => 5 + i));
      expect(await store.startAttempt(request, 99, true), 'an epoch that it never had').to.equal(null);
      await store.replaceLiveRequest(requestEntryOf('request-2'), null);
      expect(await store.startAttempt(request, 1, true), 'a request that was replaced').to.equal(null);
    });

    it('records a request that was deleted meanwhile, within the limit of requests per player', async () => {
      const { store } = current();
      for (let i = 0; i < REQUESTS_PER_PLAYER; i += 1)
        await recordOver(store, requestEntryOf(`request-${i}`));
      const late = requestEntryOf('late');
      expect(await store.startAttempt(late, 4)).to.equal(5);
      expect(await store.findRequests([requestEntryOf('request-0')])).to.deep.equal([null]);
      expect(await store.recordRequests([requestEntryOf('late')])).to.have.nested.property(
        '[0].record.epoch',
        5,
      );
      await store.clearLiveRequests([{ ...late, epoch: 5 }]);
      expect(await store.recordRequests([requestEntryOf('request-0')])).to.have.nested.property(
        '[0].kind',
        'new',
      );
    });
  });

  describe('allocateEpoch and commitEpoch', () => {
    it('allocate an epoch for each attempt that no other attempt receives', async () => {
      const { store } = current();
      const request = requestEntryOf('request-1');
      await store.recordRequests([request]);
      expect(await store.allocateEpoch(request, 1)).to.deep.equal({ epoch: 2, fromEpoch: 1 });
      expect(await store.allocateEpoch(request, 1)).to.deep.equal({ epoch: 3, fromEpoch: 1 });
      expect(await store.allocateEpoch(request, 7)).to.deep.equal({ epoch: 8, fromEpoch: 1 });
      expect(await store.recordRequests([request])).to.have.nested.property('[0].record.epoch', 1);
      expect(await store.startAttempt(request, 1)).to.equal(9);
      expect(await store.startAttempt(request, 9)).to.equal(10);
      expect(await store.allocateEpoch(request, 1)).to.deep.equal({ epoch: 11, fromEpoch: 10 });
    });

    it('let one of two attempts commit, however often it repeats the call, and record its region pool', async () => {
      const { store, clock } = current();
      const request = requestEntryOf('request-1');
      await store.recordRequests([request]);
      const [one, two] = [await store.allocateEpoch(request, 1), await store.allocateEpoch(request, 1)];
      const there = { ...request, regionPool: { ...REGION_POOL, region: 'us-east' } };
      clock.advance(5_000);
      expect(await store.commitEpoch(there, two)).to.equal(true);
      expect(await store.commitEpoch(there, two)).to.equal(true);
      expect(await store.commitEpoch(request, two)).to.equal(false);
      expect(await store.commitEpoch(request, one)).to.equal(false);
      const { sessionId } = request;
      const record = {
        state: 'live',
        replacedBy: null,
        sessionId,
        epoch: 3,
        regionPool: there.regionPool,
        ageMs: 0,
      };
      expect(await store.recordRequests([request])).to.deep.equal([{ kind: 'repeat', record }]);
    });

    it('refuse to commit an attempt when another broker has continued the request since', async () => {
      const { store } = current();
      const request = requestEntryOf('request-1');
      await store.recordRequests([request]);
      const allocated = await store.allocateEpoch(request, 1);
      expect(await store.startAttempt(request, 1)).to.equal(3);
      expect(await store.commitEpoch(request, allocated)).to.equal(false);
    });

    it('keep the age of a request, and that it is live, also when the region pool changes', async () => {
      const { store, clock } = current();
      const request = requestEntryOf('request-1');
      await store.recordRequests([request]);
      clock.advance(5_000);
      await store.allocateEpoch(request, 1);
      const regionPool = { ...REGION_POOL, region: 'us-east' };
      await store.setRequestPool({ ...request, regionPool });
      expect(await store.allocateEpoch(request, 1)).to.deep.equal({ epoch: 3, fromEpoch: 1 });
      expect(await store.recordRequests([request])).to.have.nested.property('[0].record.ageMs', 5_000);
      const { sessionId, requestId } = request;
      expect(await store.recordRequests([requestEntryOf('request-2')])).to.deep.equal([
        { kind: 'live', live: { requestId, sessionId, epoch: 1, regionPool, ageMs: 5_000 } },
      ]);
    });

    it('keep the order of requests, so that the oldest is forgotten first', async () => {
      const { store } = current();
      const oldest = requestEntryOf('oldest');
      await recordOver(store, oldest);
      for (let i = 1; i < REQUESTS_PER_PLAYER; i += 1)
        await recordOver(store, requestEntryOf(`request-${i}`));
      await store.allocateEpoch(oldest, 1);
      await store.setRequestPool({ ...oldest, regionPool: { ...REGION_POOL, region: 'us-east' } });
      await store.recordRequests([requestEntryOf('newest')]);
      expect(await store.findRequests([oldest])).to.deep.equal([null]);
    });

    it('record a request that the store has lost', async () => {
      const { store } = current();
      const request = requestEntryOf('request-1');
      const allocated = await store.allocateEpoch(request, 4);
      expect(allocated).to.deep.equal({ epoch: 5, fromEpoch: 4 });
      expect(await store.recordRequests([request])).to.have.nested.property('[0].record.epoch', 4);
      expect(await store.commitEpoch(request, allocated)).to.equal(true);
      const other = requestEntryOf('request-2', { playerId: 'player-2' });
      expect(await store.commitEpoch(other, allocated)).to.equal(true);
      expect(await store.recordRequests([other])).to.have.nested.property('[0].record.epoch', 5);
    });
  });
}
