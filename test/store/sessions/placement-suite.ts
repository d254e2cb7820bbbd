import { expect } from 'chai';
import { REGION_POOL, newSessionId, reservation } from '../../support/fleet/fleet-data.js';
import {
  BROKER,
  RESERVATION_MS,
  SUSPECT_AFTER_MS,
  sendHeartbeat,
  getHost,
  makeHostReady,
  reserveSlot,
  startSession,
  type CurrentFixture,
} from '../fixture.js';

/** Choosing hosts, reserving slots and freeing them. */
export function placementSuite(current: CurrentFixture): void {
  describe('reserve', () => {
    it('chooses the least congested host, and the first by name among equals', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-b');
      await makeHostReady(store, 'host-a');
      await makeHostReady(store, 'host-0', { measured: 300_000 });
      const hosts = [];
      for (let i = 0; i < 5; i += 1) hosts.push((await reserveSlot(store)).hostId);
      expect(hosts).to.deep.equal(['host-a', 'host-b', 'host-a', 'host-b', 'host-0']);
    });

    it('orders host names byte by byte, including dashes and digits', async () => {
      const { store } = current();
      for (const name of ['host-10', 'host1', 'host-1', 'h', 'host-1-a']) {
        await makeHostReady(store, name, { slots: 1 });
      }
      const wanted = Array.from({ length: 5 }, () => reservation(newSessionId()));
      const { outcomes } = await store.reserve(REGION_POOL, wanted, RESERVATION_MS, BROKER);
      expect(
        outcomes.map((outcome) => (outcome.kind === 'reserved' ? outcome.hostId : outcome.kind)),
      ).to.deep.equal(['h', 'host-1', 'host-1-a', 'host-10', 'host1']);
    });

    it('gives a batch exactly the outcomes of the single calls', async () => {
      const { store } = current();
      const pools = ['batch', 'single'].map((pool) => ({ region: REGION_POOL.region, pool }));
      const loads = [0, 500_000, 120_000, 120_000, 990_000, 1_400_000, 250_000];
      for (const spot of pools) {
        for (const [i, measured] of loads.entries()) {
          await makeHostReady(store, `host-${i}`, { regionPool: spot, measured, slots: 3 + (i % 4) });
        }
      }
      const wanted = Array.from({ length: 40 }, () => reservation(newSessionId()));
      const batch = (await store.reserve(pools[0]!, wanted, RESERVATION_MS, BROKER)).outcomes;
      const single = [];
      for (const one of wanted) {
        single.push(...(await store.reserve(pools[1]!, [one], RESERVATION_MS, BROKER)).outcomes);
      }
      expect(batch).to.deep.equal(single);
      expect(batch.filter((outcome) => outcome.kind === 'full')).to.have.length(10);
      expect(await store.listHosts(pools[0]!)).to.deep.equal(await store.listHosts(pools[1]!));
    });

    it('fills every slot once and then returns `full`', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 2 });
      await makeHostReady(store, 'host-b', { slots: 1 });
      const wanted = Array.from({ length: 4 }, () => reservation(newSessionId()));
      const { outcomes, utilisation } = await store.reserve(REGION_POOL, wanted, RESERVATION_MS, BROKER);
      expect(outcomes.map((outcome) => outcome.kind)).to.deep.equal([
        'reserved',
        'reserved',
        'reserved',
        'full',
      ]);
      expect(utilisation).to.deep.equal({ sessions: 3, slots: 3 });
      expect((await reserveSlot(store)).outcome.kind).to.equal('full');
    });

    it('returns `full` when there is no host at all', async () => {
      expect((await reserveSlot(current().store)).outcome).to.deep.equal({ kind: 'full' });
    });

    it('accepts a batch larger than one script call', async () => {
      const { store } = current();
      for (let i = 0; i < 6; i += 1) await makeHostReady(store, `host-${i}`, { slots: 100 });
      const wanted = Array.from({ length: 601 }, () => reservation(newSessionId()));
      const { outcomes } = await store.reserve(REGION_POOL, wanted, RESERVATION_MS, BROKER);
      expect(outcomes.filter((outcome) => outcome.kind === 'reserved')).to.have.length(600);
      expect(outcomes.at(-1)).to.deep.equal({ kind: 'full' });
      const orders = wanted.map(({ sessionId }) => ({ sessionId, epoch: 1, reason: 'client_left' as const }));
      const released = await store.endSessions(REGION_POOL, orders, BROKER);
      expect(released.map((outcome) => outcome.kind)).to.deep.equal([
        ...Array<string>(600).fill('ended'),
        'unknown',
      ]);
    });

    it('spreads a burst evenly between two heartbeats', async () => {
      const { store } = current();
      for (let i = 0; i < 10; i += 1)
        await makeHostReady(store, `host-${i}`, { slots: 20, measured: i * 1_000 });
      const wanted = Array.from({ length: 100 }, () => reservation(newSessionId()));
      await store.reserve(REGION_POOL, wanted, RESERVATION_MS, BROKER);
      const counts = (await store.listHosts(REGION_POOL)).map((host) => host.committed);
      expect(Math.max(...counts)).to.equal(10);
      expect(Math.min(...counts)).to.equal(10);
    });

    it('counts a new session as ramping load until the measured load includes it', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a', { slots: 10, measured: 200_000 });
      await startSession(store);
      expect(await getHost(store, 'host-a')).to.include({
        committed: 1,
        measured: 200_000,
        ramping: 100_000,
      });
      clock.advance(5_000);
      await sendHeartbeat(store, 'host-a', { measured: 250_000 });
      expect(await getHost(store, 'host-a')).to.include({ measured: 250_000, ramping: 66_666 });
      clock.advance(10_000);
      await sendHeartbeat(store, 'host-a', { measured: 300_000 });
      expect(await getHost(store, 'host-a')).to.include({ measured: 300_000, ramping: 33_333 });
    });

    it('skips a silent host, also before a sweep has marked it', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-a');
      await makeHostReady(store, 'host-b', { measured: 900_000 });
      clock.advance(SUSPECT_AFTER_MS);
      await sendHeartbeat(store, 'host-b', { measured: 900_000 });
      expect((await reserveSlot(store)).hostId).to.equal('host-a');
      clock.advance(1);
      expect((await reserveSlot(store)).hostId).to.equal('host-b');
      expect((await getHost(store, 'host-a')).state).to.equal('suspect');
    });

    it('marks a host as silent only when it comes to that host in the order of choice', async () => {
      const { store, clock } = current();
      await makeHostReady(store, 'host-b', { measured: 900_000 });
      clock.advance(SUSPECT_AFTER_MS + 1);
      await makeHostReady(store, 'host-a', { slots: 10 });
      const wanted = Array.from({ length: 5 }, () => reservation(newSessionId()));
      await store.reserve(REGION_POOL, wanted, RESERVATION_MS, BROKER);
      expect((await getHost(store, 'host-b')).state).to.equal('ready');
    });

    it('gives a session one slot, however often it is requested', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const wanted = reservation(newSessionId());
      const { outcomes } = await store.reserve(REGION_POOL, [wanted, wanted], RESERVATION_MS, BROKER);
      expect(outcomes.map((outcome) => outcome.kind)).to.deep.equal(['reserved', 'existing']);
      const again = (await reserveSlot(store, wanted)).outcome;
      expect(again).to.deep.include({ kind: 'existing' });
      expect(again).to.have.nested.property('session.meta.match', wanted.meta.match);
      expect((await getHost(store, 'host-a')).committed).to.equal(1);
    });

    it('returns `over` for an ended session, unless the request has a newer epoch', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'operator' }], BROKER);
      expect((await reserveSlot(store, { sessionId })).outcome).to.deep.equal({
        kind: 'over',
        reason: 'operator',
      });
      expect((await reserveSlot(store, { sessionId, epoch: 2 })).hostId).to.equal('host-a');
      expect(await store.getSessions(REGION_POOL, [sessionId])).to.have.nested.property('[0].epoch', 2);
    });
  });

  describe('endSessions', () => {
    it('frees the slot, removes the ramping load and returns the record', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 1 });
      const { sessionId } = await reserveSlot(store);
      const order = { sessionId, epoch: 1, reason: 'client_left' as const };
      const [outcome] = await store.endSessions(REGION_POOL, [order], BROKER);
      expect(outcome).to.deep.include({ kind: 'ended', hostConnectionId: 'broker-a.1' });
      expect(outcome).to.have.property('session').that.includes({ state: 'ended', reason: 'client_left' });
      expect(await getHost(store, 'host-a')).to.include({ committed: 0, ramping: 0 });
      expect((await reserveSlot(store)).hostId).to.equal('host-a');
    });

    it('changes nothing for an old epoch, another host, an unknown session, or a session already over', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { slots: 2 });
      const { sessionId } = await reserveSlot(store, { epoch: 3 });
      const stranger = newSessionId();
      const base = { sessionId, epoch: 3, reason: 'client_left' as const };
      const outcomes = await store.endSessions(
        REGION_POOL,
        [
          { ...base, epoch: 2 },
          { ...base, epoch: 4 },
          { ...base, hostId: 'host-b' },
          { ...base, sessionId: stranger },
          { ...base, hostId: 'host-a' },
          { ...base, reason: 'error' },
        ],
        BROKER,
      );
      const kinds = outcomes.map((outcome) => outcome.kind);
      expect(kinds).to.deep.equal(['stale', 'stale', 'stale', 'unknown', 'ended', 'over']);
      expect(outcomes.at(-1)).to.deep.equal({ kind: 'over', reason: 'client_left' });
      expect(await getHost(store, 'host-a')).to.include({ committed: 0 });
    });

    it('does not end a newer assignment of the same session', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a');
      const { sessionId } = await reserveSlot(store);
      await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'error' }], BROKER);
      await reserveSlot(store, { sessionId, epoch: 2 });
      const late = { sessionId, epoch: 1, reason: 'client_left' as const };
      expect(await store.endSessions(REGION_POOL, [late], BROKER)).to.deep.equal([{ kind: 'stale' }]);
      expect((await getHost(store, 'host-a')).committed).to.equal(1);
    });
  });
}
