import { expect } from 'chai';
import {
  REQUESTS_PER_PLAYER,
  type FleetStore,
  type RequestEntry,
  type RequestRecord,
  type ReturnedSession,
} from '@duskline/server/store/fleet-store.js';
import { REGION_POOL, newSessionId } from '../../support/fleet/fleet-data.js';
import type { CurrentFixture } from '../fixture.js';
import { PLAYER, recordOver, requestEntryOf } from './request-entries.js';

const ELSEWHERE = { ...REGION_POOL, region: 'us-east' };

async function find(store: FleetStore, { playerId, requestId }: RequestEntry): Promise<RequestRecord> {
  const [record] = await store.findRequests([{ playerId, requestId }]);
  if (record === null || record === undefined) throw new Error(`${requestId} is not remembered`);
  return record;
}

/** One live request a player: recorded, replaced, resumed and cleared. */
export function liveRequestSuite(current: CurrentFixture): void {
  const recordBeforeEach = (request: RequestEntry): void => {
    beforeEach(() => current().store.recordRequests([request]));
  };

  describe('a live request', () => {
    const [a, b] = [requestEntryOf('a'), requestEntryOf('b')];
    recordBeforeEach(a);

    it('keeps every other request of its player from being recorded, and is named to them', async () => {
      const { store, clock } = current();
      clock.advance(1_500);
      const { sessionId } = a;
      const live = { requestId: 'a', sessionId, epoch: 1, regionPool: REGION_POOL, ageMs: 1_500 };
      expect(await store.recordRequests([b, b])).to.deep.equal([
        { kind: 'live', live },
        { kind: 'live', live },
      ]);
      expect(await store.findRequests([b])).to.deep.equal([null]);
    });

    it('of one player does not concern other players', async () => {
      const { store } = current();
      const other = { ...b, playerId: 'player-2' };
      expect(await store.recordRequests([b, other])).to.have.nested.property('[1].kind', 'new');
    });

    it('is one of many that two brokers record at once', async () => {
      const { store, another } = current();
      const stores = [store, await another()];
      const requests = Array.from({ length: 20 }, (_, i) =>
        requestEntryOf(`r-${i}`, { playerId: 'player-2' }),
      );
      const outcomes = await Promise.all(
        requests.map(async (request, i) => (await stores[i % 2]!.recordRequests([request]))[0]!.kind),
      );
      expect(outcomes.filter((kind) => kind === 'new')).to.have.length(1);
      expect(outcomes.filter((kind) => kind === 'live')).to.have.length(19);
    });

    it('is never forgotten, however many other requests the store remembers', async () => {
      const { store } = current();
      for (let i = 0; i <= REQUESTS_PER_PLAYER; i += 1) {
        await store.allocateEpoch(requestEntryOf(`other-${i}`), 1);
      }
      expect(await find(store, a)).to.include({ state: 'live' });
      expect(await store.findRequests([requestEntryOf('other-1')])).to.deep.equal([null]);
      expect(await find(store, requestEntryOf(`other-${REQUESTS_PER_PLAYER}`))).to.include({ state: 'over' });
      expect(await store.recordRequests([b])).to.have.nested.property('[0].live.requestId', 'a');
    });

    it('is followed by the next one when it is deleted', async () => {
      const { store } = current();
      await store.deleteRequest(PLAYER, 'a');
      expect(await store.findRequests([a])).to.deep.equal([null]);
      expect(await store.recordRequests([b])).to.deep.equal([{ kind: 'new' }]);
    });

    it('has the epoch and region pool of its latest attempt', async () => {
      const { store } = current();
      await store.startAttempt({ ...a, regionPool: ELSEWHERE }, 1);
      const moved = await store.allocateEpoch(a, 2);
      const expected = { requestId: 'a', epoch: 2, regionPool: ELSEWHERE };
      expect((await store.recordRequests([b]))[0])
        .to.have.property('live')
        .that.deep.includes(expected);
      await store.commitEpoch(a, moved);
      const after = { requestId: 'a', epoch: 3, regionPool: REGION_POOL };
      expect((await store.recordRequests([b]))[0])
        .to.have.property('live')
        .that.deep.includes(after);
    });

    it('keeps other requests from starting or committing an attempt', async () => {
      const { store } = current();
      const over = requestEntryOf('over', { playerId: 'player-2' });
      await recordOver(store, over);
      await store.recordRequests([{ ...b, playerId: 'player-2' }]);
      expect(await store.startAttempt(over, 1)).to.equal(null);
      expect(await store.startAttempt(requestEntryOf('unknown', { playerId: 'player-2' }), 1)).to.equal(null);
      const allocated = await store.allocateEpoch(over, 1);
      expect(await store.commitEpoch(over, allocated)).to.equal(false);
      expect(await find(store, over)).to.include({ state: 'over', epoch: 1 });
      expect(await find(store, { ...b, playerId: 'player-2' })).to.include({ state: 'live' });
    });
  });

  describe('renewLiveRequests', () => {
    const [a, b] = [requestEntryOf('a'), requestEntryOf('b')];
    recordBeforeEach(a);

    const returnedAt = (epoch: number): ReturnedSession => ({ ...a, regionPool: ELSEWHERE, epoch });

    it('makes a request live again that is over, with the epoch and the region pool of its session', async () => {
      const { store } = current();
      expect(await store.startAttempt(a, 1)).to.equal(2);
      await store.clearLiveRequests([{ ...a, epoch: 2 }]);
      expect(await store.renewLiveRequests([returnedAt(1), returnedAt(1)])).to.deep.equal(['live', 'live']);
      expect(await find(store, a)).to.include({ state: 'live', epoch: 1 });
      expect((await find(store, a)).regionPool).to.deep.equal(ELSEWHERE);
      expect(await store.recordRequests([b])).to.have.nested.property('[0].kind', 'live');
      // Epoch 2 was given.
      expect(await store.startAttempt(a, 1)).to.equal(3);
    });

    it('leaves a request alone that is live, or that a broker places again', async () => {
      const { store } = current();
      expect(await store.renewLiveRequests([returnedAt(1)])).to.deep.equal(['live']);
      expect(await store.startAttempt(a, 1)).to.equal(2);
      expect(await store.renewLiveRequests([returnedAt(1)])).to.deep.equal(['placed_again']);
      expect(await find(store, a)).to.include({ state: 'live', epoch: 2 });
    });

    it('changes nothing when another request is live, or has replaced this one', async () => {
      const { store } = current();
      await store.clearLiveRequests([{ ...a, epoch: 1 }]);
      await store.recordRequests([b]);
      expect(await store.renewLiveRequests([returnedAt(1)])).to.deep.equal(['replaced']);
      expect(await find(store, b)).to.include({ state: 'live' });
      await store.clearLiveRequests([{ ...b, epoch: 1 }]);
      expect(await store.renewLiveRequests([returnedAt(1)])).to.deep.equal(['live']);
      expect(await store.replaceLiveRequest(b, { sessionId: a.sessionId, epoch: 1 })).to.have.property(
        'kind',
        'repeat',
      );
      const c = requestEntryOf('c');
      await store.replaceLiveRequest(c, { sessionId: a.sessionId, epoch: 1 });
      await store.clearLiveRequests([{ ...c, epoch: 1 }]);
      expect(await store.renewLiveRequests([returnedAt(1)])).to.deep.equal(['replaced']);
      expect(await find(store, a)).to.include({ state: 'replaced' });
    });

    it('knows nothing of a session of which no request is remembered', async () => {
      const { store } = current();
      const other = { ...returnedAt(1), playerId: 'player-2' };
      expect(await store.renewLiveRequests([other])).to.deep.equal(['unknown']);
      expect(await store.renewLiveRequests([{ ...returnedAt(1), sessionId: newSessionId() }])).to.deep.equal([
        'replaced',
      ]);
    });
  });

  describe('clearLiveRequests', () => {
    const [a, b] = [requestEntryOf('a'), requestEntryOf('b')];
    recordBeforeEach(a);

    it('ends a live request, which stays remembered', async () => {
      const { store, clock } = current();
      clock.advance(1_500);
      expect(await store.clearLiveRequests([{ ...a, epoch: 1 }])).to.deep.equal([true]);
      const { sessionId } = a;
      const record = {
        state: 'over',
        replacedBy: null,
        sessionId,
        epoch: 1,
        regionPool: REGION_POOL,
        ageMs: 1_500,
      };
      expect(await store.recordRequests([{ ...a, sessionId: newSessionId() }])).to.deep.equal([
        { kind: 'repeat', record },
      ]);
      expect(await store.recordRequests([b])).to.deep.equal([{ kind: 'new' }]);
    });

    it('may be repeated, also when the next request is live', async () => {
      const { store } = current();
      const ended = { ...a, epoch: 1 };
      expect(await store.clearLiveRequests([ended, ended])).to.deep.equal([true, false]);
      await store.recordRequests([b]);
      expect(await store.clearLiveRequests([ended])).to.deep.equal([false]);
      expect(await find(store, b)).to.include({ state: 'live' });
    });

    it('leaves a request with a newer attempt, another session or an unknown player as it is', async () => {
      const { store } = current();
      await store.startAttempt(a, 1);
      const others = [
        { ...a, epoch: 1 },
        { ...a, sessionId: newSessionId(), epoch: 9 },
        { ...a, playerId: 'player-9', epoch: 9 },
      ];
      expect(await store.clearLiveRequests(others)).to.deep.equal([false, false, false]);
      expect(await find(store, a)).to.include({ state: 'live', epoch: 2 });
      expect(await store.clearLiveRequests([{ ...a, epoch: 3 }])).to.deep.equal([true]);
    });

    it('lets the request start another attempt, and be live again', async () => {
      const { store } = current();
      await store.clearLiveRequests([{ ...a, epoch: 1 }]);
      expect(await store.startAttempt(a, 1)).to.equal(2);
      expect(await find(store, a)).to.include({ state: 'live', epoch: 2 });
    });
  });

  describe('replaceLiveRequest', () => {
    const [a, b, c] = [requestEntryOf('a'), requestEntryOf('b'), requestEntryOf('c')];
    recordBeforeEach(a);
    const live = { sessionId: a.sessionId, epoch: 1 };

    it('puts a request in the place of the live one, which no broker can continue', async () => {
      const { store } = current();
      const allocated = await store.allocateEpoch(a, 3);
      const before = {
        requestId: 'a',
        sessionId: a.sessionId,
        epoch: 5,
        regionPool: a.regionPool,
        ageMs: 0,
      };
      expect(await store.replaceLiveRequest(b, live)).to.deep.equal({ kind: 'replaced', before });
      expect(await find(store, b)).to.include({ state: 'live', epoch: 1, sessionId: b.sessionId });
      const replaced = { state: 'replaced', replacedBy: 'b', epoch: 5, sessionId: a.sessionId };
      expect(await find(store, a)).to.include(replaced);
      expect(await store.recordRequests([a])).to.have.nested.property('[0].record.state', 'replaced');
      expect(await store.startAttempt(a, 5)).to.equal(null);
      expect(await store.commitEpoch(a, allocated)).to.equal(false);
      await store.clearLiveRequests([{ ...b, epoch: 1 }]);
      expect(await store.startAttempt(a, 5), 'nothing is live').to.equal(null);
    });

    it('succeeds for one of many requests that expect the same, on two brokers', async () => {
      const { store, another } = current();
      const stores = [store, await another()];
      const requests = Array.from({ length: 20 }, (_, i) => requestEntryOf(`r-${i}`));
      const outcomes = await Promise.all(
        requests.map((request, i) => stores[i % 2]!.replaceLiveRequest(request, live)),
      );
      const won = outcomes.findIndex(({ kind }) => kind === 'replaced');
      for (const [i, outcome] of outcomes.entries()) {
        if (i === won) continue;
        expect(outcome).to.have.nested.property('live.requestId', `r-${won}`);
      }
    });

    it('succeeds for each of many requests that expect nothing, one after the other, on two brokers', async () => {
      const { store, another } = current();
      const stores = [store, await another()];
      const requests = Array.from({ length: 20 }, (_, i) => requestEntryOf(`r-${i}`));
      const outcomes = await Promise.all(
        requests.map((request, i) => stores[i % 2]!.replaceLiveRequest(request, null)),
      );
      const replaced = outcomes.map((outcome) =>
        outcome.kind === 'replaced' ? outcome.before.requestId : outcome.kind,
      );
      expect(new Set(replaced).size, 'each replaces another one').to.equal(20);
      const last = requests.find(({ requestId }) => !replaced.includes(requestId))!;
      expect(await find(store, last)).to.include({ state: 'live', sessionId: last.sessionId });
    });

    it('replaces a request that has the expected session by now', async () => {
      const { store } = current();
      await store.resumeLiveRequest(c, live, false);
      const outcome = await store.replaceLiveRequest(b, live);
      expect(outcome).to.have.nested.property('before.requestId', 'c');
      expect(await find(store, c)).to.include({ state: 'replaced', replacedBy: 'b' });
    });

    it('changes nothing when the live request has another session or epoch', async () => {
      const { store } = current();
      await store.startAttempt(a, 1);
      for (const expected of [live, { sessionId: c.sessionId, epoch: 2 }]) {
        const outcome = await store.replaceLiveRequest(b, expected);
        expect(outcome.kind === 'live' ? outcome.live : outcome).to.include({ requestId: 'a', epoch: 2 });
      }
      expect(await store.findRequests([b])).to.deep.equal([null]);
      expect(await find(store, a)).to.include({ state: 'live' });
    });

    it('records the request as `new` when nothing is live', async () => {
      const { store } = current();
      await store.clearLiveRequests([{ ...a, epoch: 1 }]);
      expect(await store.replaceLiveRequest(b, live)).to.deep.equal({ kind: 'new' });
      expect(await store.replaceLiveRequest(b, live), 'repeated').to.deep.equal({ kind: 'new' });
      expect(await find(store, a)).to.include({ state: 'over', epoch: 1 });
    });

    it('returns the record of a request that was recorded before', async () => {
      const { store } = current();
      await store.replaceLiveRequest(b, live);
      const other = { ...b, sessionId: newSessionId() };
      const outcome = await store.replaceLiveRequest(other, live);
      expect(outcome).to.deep.include({ kind: 'repeat' });
      expect(outcome).to.have.nested.property('record.sessionId', b.sessionId);
      await store.replaceLiveRequest(c, { sessionId: b.sessionId, epoch: 1 });
      expect(await store.replaceLiveRequest(b, live)).to.have.nested.property('record.state', 'replaced');
    });

    it('returns the same when it is repeated', async () => {
      const { store } = current();
      const first = await store.replaceLiveRequest(b, live);
      expect(await store.replaceLiveRequest(b, live)).to.deep.equal(first);
      expect(await find(store, b)).to.include({ state: 'live', epoch: 1 });
    });

    it('leaves a mark that deletion does not remove', async () => {
      const { store } = current();
      await store.replaceLiveRequest(b, live);
      await store.deleteRequest(PLAYER, 'a');
      await store.setRequestPool({ ...a, regionPool: ELSEWHERE });
      await store.allocateEpoch(a, 9);
      expect(await find(store, a)).to.include({ state: 'replaced', replacedBy: 'b' });
    });
  });

  describe('resumeLiveRequest', () => {
    const [a, b] = [requestEntryOf('a', { regionPool: ELSEWHERE }), requestEntryOf('b')];
    recordBeforeEach(a);
    const live = { sessionId: a.sessionId, epoch: 1 };

    it('gives the session with its epoch, region pool and age to another request', async () => {
      const { store, clock } = current();
      clock.advance(1_500);
      const { sessionId } = a;
      const at = { sessionId, epoch: 1, regionPool: ELSEWHERE, ageMs: 1_500 };
      const record = { state: 'live', replacedBy: null, ...at };
      expect(await store.resumeLiveRequest(b, live, false)).to.deep.equal({ kind: 'resumed', record });
      expect(await store.findRequests([b])).to.deep.equal([record]);
      expect(await store.findRequests([a])).to.deep.equal([{ ...at, state: 'replaced', replacedBy: 'b' }]);
      expect(await store.startAttempt(a, 1)).to.equal(null);
    });

    it('raises the epoch of a request that waits, and makes it new', async () => {
      const { store, clock } = current();
      await store.allocateEpoch(a, 3);
      clock.advance(1_500);
      const outcome = await store.resumeLiveRequest(b, live, true);
      expect(outcome).to.have.property('record').that.includes({ state: 'live', epoch: 5, ageMs: 0 });
      expect(await store.startAttempt(b, 5)).to.equal(6);
    });

    it('keeps the epochs of the session apart, whichever request is named', async () => {
      const { store } = current();
      expect(await store.allocateEpoch(a, 1)).to.deep.equal({ epoch: 2, fromEpoch: 1 });
      await store.resumeLiveRequest(b, live, false);
      const later = await store.allocateEpoch(a, 1);
      expect(later).to.deep.equal({ epoch: 3, fromEpoch: 1 });
      const resumed = { ...b, sessionId: a.sessionId };
      expect(await store.allocateEpoch(resumed, 1)).to.deep.equal({ epoch: 4, fromEpoch: 1 });
      expect(await store.commitEpoch(a, later)).to.equal(true);
      await store.setRequestPool({ ...a, regionPool: REGION_POOL });
      expect(await find(store, b)).to.deep.include({ state: 'live', epoch: 3, regionPool: REGION_POOL });
      await store.clearLiveRequests([{ ...a, epoch: 3 }]);
      expect(await store.allocateEpoch(a, 1)).to.deep.equal({ epoch: 5, fromEpoch: 3 });
    });

    it('succeeds for each of many requests that expect the same session, one after the other, on two brokers', async () => {
      const { store, another } = current();
      const stores = [store, await another()];
      const requests = Array.from({ length: 20 }, (_, i) => requestEntryOf(`r-${i}`));
      const outcomes = await Promise.all(
        requests.map((request, i) => stores[i % 2]!.resumeLiveRequest(request, live, false)),
      );
      for (const outcome of outcomes)
        expect(outcome).to.have.property('record').that.includes({ sessionId: a.sessionId, epoch: 1 });
      const states = (await store.findRequests(requests)).map((record) => record?.state);
      expect(states.filter((state) => state === 'live')).to.have.length(1);
    });

    it('succeeds for one of many requests that start an attempt from the same epoch, on two brokers', async () => {
      const { store, another } = current();
      const stores = [store, await another()];
      const requests = Array.from({ length: 20 }, (_, i) => requestEntryOf(`r-${i}`));
      const outcomes = await Promise.all(
        requests.map((request, i) => stores[i % 2]!.resumeLiveRequest(request, live, true)),
      );
      expect(outcomes.filter(({ kind }) => kind === 'resumed')).to.have.length(1);
      expect(outcomes.filter(({ kind }) => kind === 'live')).to.have.length(19);
    });

    it('changes nothing when nothing is live, or the live request has another session or epoch', async () => {
      const { store } = current();
      await store.startAttempt(a, 1);
      for (const expected of [live, { sessionId: b.sessionId, epoch: 2 }]) {
        const outcome = await store.resumeLiveRequest(b, expected, true);
        expect(outcome.kind === 'live' ? outcome.live : outcome).to.include({ requestId: 'a', epoch: 2 });
      }
      await store.clearLiveRequests([{ ...a, epoch: 2 }]);
      expect(await store.resumeLiveRequest(b, live, true)).to.deep.equal({ kind: 'none' });
      expect(await store.findRequests([b])).to.deep.equal([null]);
    });

    it('returns the record of a request that was recorded before', async () => {
      const { store } = current();
      const over = requestEntryOf('over', { playerId: 'player-2' });
      await recordOver(store, over);
      await store.recordRequests([{ ...b, playerId: 'player-2' }]);
      const outcome = await store.resumeLiveRequest(over, { sessionId: b.sessionId, epoch: 1 }, false);
      expect(outcome).to.have.nested.property('record.sessionId', over.sessionId);
    });

    it('returns the same when it is repeated', async () => {
      const { store } = current();
      for (const raiseEpoch of [false, true]) {
        const requestId = raiseEpoch ? 'd' : 'c';
        const first = await store.resumeLiveRequest({ ...b, requestId }, live, raiseEpoch);
        expect(first.kind).to.equal('resumed');
        expect(await store.resumeLiveRequest({ ...b, requestId }, live, raiseEpoch)).to.deep.equal(first);
      }
    });
  });
}
