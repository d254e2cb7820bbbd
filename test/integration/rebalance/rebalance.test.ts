import { expect } from 'chai';
import { waitUntil } from '../../support/time/eventually.js';
import { IDLE_LOAD } from '../../support/fleet/test-broker.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import {
  TestFleet,
  keepSendingHeartbeats,
  play,
  queueUp,
  acceptOffer,
  type PlayerPeer,
} from '../../support/fleet/test-fleet.js';

/** Frequent rounds. */
const LIMITS = { heartbeatIntervalMs: 100, moveStepMs: 1_000 };

interface Playing {
  readonly player: PlayerPeer;
  readonly sessionId: unknown;
}

/** Starts a session whose client accepts moves. */
async function playOn(fleet: TestFleet, host: Peer, playerId: string, rtt: object): Promise<Playing> {
  const player = await fleet.player(playerId, { broker: 1 });
  play(player, 'r1', { rtt, canMove: true });
  const { sessionId } = await player.next('matched');
  await host.next('prepare', (frame) => frame['sessionId'] === sessionId);
  for (const state of ['active', 'connected']) host.send({ type: 'session', sessionId, epoch: 1, state });
  await player.next('session', (frame) => frame['state'] === 'connected');
  return { player, sessionId };
}

/** Sends heartbeats of a host with its sessions and its load, until the returned function is called. */
function serve(host: Peer, sessions: Map<unknown, object>, load: () => number = () => 0): () => void {
  return keepSendingHeartbeats(
    host,
    () => [...sessions.values()],
    () => ({ ...IDLE_LOAD, gpu: load() }),
  );
}

function held(sessionId: unknown, movable = true): object {
  return { sessionId, epoch: 1, state: 'connected', movable };
}

/** Carries out a move for both hosts and the client. Returns the `moving` frame. */
async function goAlong(source: Peer, target: Peer, { player, sessionId }: Playing): Promise<Frame> {
  await source.next('checkpoint', (frame) => frame['sessionId'] === sessionId);
  source.send({ type: 'checkpoint', sessionId, epoch: 1, state: 'AAAA' });
  await target.next('restore', (frame) => frame['sessionId'] === sessionId);
  target.send({ type: 'restored', sessionId, epoch: 2 });
  const moving = await player.next('moving');
  target.send({ type: 'session', sessionId, epoch: 2, state: 'active', restored: true });
  await target.next('moved', (frame) => frame['sessionId'] === sessionId);
  return moving;
}

/** Observes what the brokers of the fleet do in rounds of rebalancing from now on. */
function watchRounds(fleet: TestFleet): { countOf(region: string): number; readonly closures: unknown[] } {
  const counts = new Map<string, number>();
  const closures: unknown[] = [];
  for (const store of fleet.stores) {
    const { listQueuedEntries, addClosure, removeClosure } = store;
    // Each round reads the queues of its region.
    store.listQueuedEntries = (regionPool, limit) => {
      counts.set(regionPool.region, (counts.get(regionPool.region) ?? 0) + 1);
      return listQueuedEntries.call(store, regionPool, limit);
    };
    store.addClosure = (regionPool, hostId, closure) => {
      closures.push({ add: closure, ...regionPool, hostId });
      return addClosure.call(store, regionPool, hostId, closure);
    };
    store.removeClosure = (regionPool, hostId, closure) => {
      closures.push({ remove: closure, ...regionPool, hostId });
      return removeClosure.call(store, regionPool, hostId, closure);
    };
  }
  return { countOf: (region) => counts.get(region) ?? 0, closures };
}

for (const [where, brokers] of [
  ['on one broker', 1],
  ['on two brokers', 2],
] as const) {
  describe(`Rebalancing ${where}`, function () {
    this.timeout(15_000);
    let fleet: TestFleet;
    const stops: (() => void)[] = [];
    beforeEach(async () => {
      fleet = await TestFleet.start({ brokers, limits: LIMITS });
    });
    afterEach(async () => {
      for (const stop of stops.splice(0)) stop();
      await fleet.stop();
    });

    const closuresOf = async (hostId: string): Promise<readonly string[] | undefined> => {
      const { regions } = await fleet.broker(0).broker.status();
      const hosts = regions.flatMap(({ pools }) => pools.flatMap(({ hostList }) => hostList));
      return hosts.find((host) => host.hostId === hostId)?.closures;
    };

    it('relieves a hot host: it is excluded from new sessions and its movable session moves away, until it is cool again', async () => {
      const hot = await fleet.host({ hostId: 'h1', slots: 4 });
      const one = await playOn(fleet, hot, 'alice', { near: 12 });
      let load = 0.95;
      stops.push(serve(hot, new Map([[one.sessionId, held(one.sessionId)]]), () => load));
      const cool = await fleet.host({ hostId: 'h2', slots: 4 }, 1);
      stops.push(keepSendingHeartbeats(cool));
      expect(await goAlong(hot, cool, one)).to.deep.include({ epoch: 2, region: 'near' });
      await waitUntil(async () => (await closuresOf('h1'))?.includes('hot') === true);
      await waitUntil(async () => (await fleet.broker(0).broker.operations.moves(10)).length === 1);
      const [entry] = await fleet.broker(0).broker.operations.moves(10);
      expect(entry).to.deep.include({ cause: 'hot_host', outcome: 'moved', failure: null });
      expect(entry?.reason).to.contain('the load of its host is');
      load = 0.1;
      await waitUntil(async () => (await closuresOf('h1'))?.length === 0);
    });

    it('never moves a session that is not movable, however high the load', async () => {
      const hot = await fleet.host({ hostId: 'h1', slots: 4 });
      const one = await playOn(fleet, hot, 'alice', { near: 12 });
      stops.push(serve(hot, new Map([[one.sessionId, held(one.sessionId, false)]]), () => 0.99));
      await fleet.host({ hostId: 'h2', slots: 4 });
      await waitUntil(async () => (await closuresOf('h1'))?.includes('hot') === true);
      expect(hot.unread.map(({ type }) => type)).not.to.include('checkpoint');
      expect(await fleet.broker(0).broker.operations.moves(10)).to.deep.equal([]);
    });

    it('leaves a host closed that an operator closed while it was hot', async () => {
      const hot = await fleet.host({ hostId: 'h1', slots: 4 });
      let load = 0.95;
      stops.push(serve(hot, new Map(), () => load));
      await waitUntil(async () => (await closuresOf('h1'))?.includes('hot') === true);
      const target = { region: 'near', pool: 'console-x', hostId: 'h1' };
      await fleet.broker(0).broker.operations.cordon(target, { operatorId: 'ops', from: '127.0.0.1' });
      load = 0.1;
      const other = await fleet.host({ hostId: 'h2', slots: 4 });
      stops.push(serve(other, new Map(), () => (load === 0.1 ? 0.95 : 0)));
      await waitUntil(async () => (await closuresOf('h2'))?.includes('hot') === true);
      expect(await closuresOf('h1')).to.deep.equal(['cordoned']);
    });

    it('keeps a hot host excluded while a player waits in another region for the same pool', async () => {
      const hot = await fleet.host({ hostId: 'h1', slots: 4 });
      stops.push(serve(hot, new Map(), () => 0.97));
      await waitUntil(async () => (await closuresOf('h1'))?.includes('hot') === true);
      await fleet.fullHost({ hostId: 'h2', region: 'next', slots: 1 }, 1);
      const bob = await fleet.player('bob', { broker: 1 });
      await queueUp(bob, 'r1', { rtt: { next: 10, near: 20 } });
      const rounds = watchRounds(fleet);
      await waitUntil(() => rounds.countOf('next') >= 10 && rounds.countOf('near') >= 10);
      expect(rounds.closures).to.deep.equal([]);
      expect(await closuresOf('h1')).to.deep.equal(['hot']);
      expect(bob.unread.filter(({ type }) => type === 'offer')).to.deep.equal([]);
    });

    it('plans no move of a drain to a hot host', async () => {
      const hot = await fleet.host({ hostId: 'h1', slots: 4 });
      stops.push(serve(hot, new Map(), () => 0.95));
      await waitUntil(async () => (await closuresOf('h1'))?.includes('hot') === true);
      const drained = await fleet.host({ hostId: 'h2', region: 'next', slots: 4 });
      const one = await playOn(fleet, drained, 'alice', { near: 20, next: 12 });
      stops.push(serve(drained, new Map([[one.sessionId, held(one.sessionId)]])));
      const target = { region: 'next', pool: null, hostId: null };
      const order = {
        target,
        mode: 'move',
        atDeadline: 'keep',
        deadlineMs: 60_000,
        yesEverything: true,
      } as const;
      const { operations } = fleet.broker(0).broker;
      await waitUntil(async () => (await operations.previewDrain(order)).notMovable === 0);
      expect(await operations.previewDrain(order)).to.deep.include({ sessions: 1, fits: [], noRoom: 1 });
    });

    it('offers a slot that becomes free on a host that returned nearly full within a second', async () => {
      const slots = 4;
      const host = await fleet.fullHost({ hostId: 'h1', slots });
      const bob = await fleet.player('bob', { broker: 1 });
      await queueUp(bob, 'r1', { rtt: { near: 10 } });
      host.terminate();
      const back = await fleet.host({ hostId: 'h1', slots }, 1);
      stops.push(serve(back, new Map(), () => 0.2));
      const rounds = watchRounds(fleet);
      await waitUntil(() => rounds.countOf('near') >= 10);
      const startedAt = performance.now();
      await host.free(back);
      expect(await bob.next('offer')).to.include({ region: 'near' });
      expect(performance.now() - startedAt).to.be.below(1_000);
      expect(rounds.closures).to.deep.equal([]);
    });

    it('frees a slot for a player who can be served nowhere else', async () => {
      const near = await fleet.host({ hostId: 'h1', slots: 1 });
      const one = await playOn(fleet, near, 'alice', { near: 12, next: 20 });
      stops.push(serve(near, new Map([[one.sessionId, held(one.sessionId)]])));
      const next = await fleet.host({ hostId: 'h2', region: 'next', slots: 4 }, 1);
      const bob = await fleet.player('bob');
      await queueUp(bob, 'r1', { rtt: { near: 10 } });
      expect(await goAlong(near, next, one)).to.include({ region: 'next', rttMs: 20 });
      expect(await acceptOffer(bob)).to.deep.include({
        region: 'near',
        host: { hostId: 'h1', endpoint: 'ws://127.0.0.1:1/stream/h1' },
      });
    });

    it('moves no second session for a player while the move of the first one runs', async () => {
      const near = await fleet.host({ hostId: 'h1', slots: 2 });
      const one = await playOn(fleet, near, 'alice', { near: 12, next: 20 });
      const two = await playOn(fleet, near, 'carol', { near: 12, next: 20 });
      const sessions = [one, two].map(({ sessionId }) => [sessionId, held(sessionId)] as const);
      stops.push(serve(near, new Map(sessions)));
      const next = await fleet.host({ hostId: 'h2', region: 'next', slots: 8 }, 1);
      stops.push(serve(next, new Map()));
      const bob = await fleet.player('bob');
      await queueUp(bob, 'r1', { rtt: { near: 10 } });
      const { sessionId } = await near.next('checkpoint');
      const rounds = watchRounds(fleet);
      await waitUntil(() => rounds.countOf('near') >= 5);
      expect(near.unread.filter(({ type }) => type === 'checkpoint')).to.deep.equal([]);
      near.send({ type: 'checkpoint', sessionId, epoch: 1, state: 'AAAA' });
      await next.next('restore');
      next.send({ type: 'restored', sessionId, epoch: 2 });
      next.send({ type: 'session', sessionId, epoch: 2, state: 'active', restored: true });
      expect(await acceptOffer(bob)).to.include({ region: 'near' });
      expect(near.unread.filter(({ type }) => type === 'checkpoint')).to.deep.equal([]);
    });

    it('frees a slot by two moves in a row', async () => {
      const near = await fleet.host({ hostId: 'h1', slots: 1 });
      const one = await playOn(fleet, near, 'alice', { near: 12, next: 20 });
      const next = await fleet.host({ hostId: 'h2', region: 'next', slots: 1 }, 1);
      const two = await playOn(fleet, next, 'carol', { next: 12, far: 50 });
      stops.push(serve(near, new Map([[one.sessionId, held(one.sessionId)]])));
      stops.push(serve(next, new Map([[two.sessionId, held(two.sessionId)]])));
      const far = await fleet.host({ hostId: 'h3', region: 'far', slots: 4 });
      const bob = await fleet.player('bob');
      await queueUp(bob, 'r1', { rtt: { near: 10 } });
      expect(await goAlong(next, far, two)).to.include({ region: 'far' });
      expect(await goAlong(near, next, one)).to.include({ region: 'next' });
      expect(await acceptOffer(bob)).to.include({ region: 'near' });
    });

    it('moves an unclaimed reservation rather than a running session', async () => {
      const near = await fleet.host({ hostId: 'h1', slots: 2 });
      const one = await playOn(fleet, near, 'alice', { near: 12, next: 20 });
      stops.push(serve(near, new Map([[one.sessionId, held(one.sessionId)]])));
      const dave = await fleet.player('dave', { broker: 1 });
      play(dave, 'r1', { rtt: { near: 12, next: 20 } });
      const { sessionId } = await dave.next('matched');
      const next = await fleet.host({ hostId: 'h2', region: 'next', slots: 4 }, 1);
      const bob = await fleet.player('bob');
      await queueUp(bob, 'r1', { rtt: { near: 10 } });
      expect(await dave.next('matched')).to.deep.include({ sessionId, epoch: 2, region: 'next' });
      expect(await next.next('prepare')).to.include({ sessionId, epoch: 2 });
      expect(await acceptOffer(bob)).to.include({ region: 'near' });
      next.send({ type: 'session', sessionId, epoch: 2, state: 'active' });
      expect(await dave.next('session')).to.include({ epoch: 2, state: 'active' });
      expect(near.unread.map(({ type }) => type)).not.to.include('checkpoint');
    });
  });
}
