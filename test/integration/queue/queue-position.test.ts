import { expect } from 'chai';
import { DEFAULT_INTERVALS } from '@duskline/server/broker/intervals.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { waitUntil } from '../../support/time/eventually.js';
import {
  IDLE_LOAD,
  SHORT_INTERVALS,
  TEST_CONFIG,
  openHost,
  openPlayer,
  startTestBroker,
} from '../../support/fleet/test-broker.js';
import { metaOf, sessionIdOf } from '../../support/fleet/fleet-data.js';
import { ManualClock, withSystemTimers } from '../../support/time/manual-clock.js';
import {
  TestFleet,
  play,
  queueUp,
  roundTrip,
  acceptOffer,
  type TestFleetOptions,
} from '../../support/fleet/test-fleet.js';

describe('A position in the queue', function () {
  this.timeout(15_000);
  let fleet: TestFleet | undefined;
  const start = async (options: TestFleetOptions = {}): Promise<TestFleet> =>
    (fleet = await TestFleet.start(options));
  afterEach(async () => {
    await fleet?.stop();
    fleet = undefined;
  });

  it('follows the order of arrival, and every waiting player is sent each change', async () => {
    const fleet = await start({ brokers: 2 });
    const host = await fleet.fullHost({ hostId: 'h1' });
    const alice = await fleet.player('alice');
    const bob = await fleet.player('bob', { broker: 1 });
    const carol = await fleet.player('carol');
    for (const [i, player] of [alice, bob, carol].entries()) {
      const frame = await queueUp(player, 'r1');
      expect(frame).to.deep.equal({ type: 'queued', requestId: 'r1', position: i + 1, region: 'near' });
    }
    await host.free();
    for (const [i, player] of [alice, bob, carol].entries()) {
      const { sessionId, epoch } = await acceptOffer(player);
      expect(await host.next('prepare')).to.include({ sessionId, epoch, playerId: player.playerId });
      for (const other of [bob, carol].slice(i)) {
        const ahead = [bob, carol].indexOf(other) - i;
        await other.next('queued', ({ position }) => position === ahead + 1);
      }
      player.send({ type: 'end', sessionId });
      await player.next('session', ({ state }) => state === 'ended');
    }
    for (const player of [alice, bob, carol]) expect(player.unread).to.deep.equal([]);
  });

  it('is ahead of players who arrived a little earlier, for a tier with a head start', async () => {
    const fleet = await start({
      brokers: 2,
      config: `${TEST_CONFIG}\ntiers: { gold: { headStartMs: 60000 } }\n`,
    });
    const host = await fleet.fullHost({ hostId: 'h1' });
    const alice = await fleet.player('alice');
    const midas = await fleet.player('midas', { broker: 1, tier: 'gold' });
    expect(await queueUp(alice, 'r1')).to.include({ position: 1 });
    expect(await queueUp(midas, 'r1')).to.include({ position: 1 });
    expect(await alice.next('queued')).to.include({ position: 2 });
    await host.free();
    await acceptOffer(midas);
    expect(await alice.next('queued')).to.include({ position: 1 });
  });

  it('is sent at every change, at most once a second', async () => {
    const fleet = await start({ brokers: 2, intervals: DEFAULT_INTERVALS });
    await fleet.fullHost({ hostId: 'h1' });
    const others = await Promise.all(Array.from({ length: 6 }, (_, i) => fleet.player(`other-${i}`)));
    for (const other of others) await queueUp(other, 'r1');
    const alice = await fleet.player('alice', { broker: 1 });
    const times: number[] = [];
    const expectPosition = async (position: number): Promise<void> => {
      await alice.next('queued', (frame) => frame['position'] === position);
      times.push(performance.now());
    };
    play(alice, 'r1');
    await expectPosition(7);
    for (const [i, other] of others.entries()) {
      other.send({ type: 'cancel', requestId: 'r1' });
      await other.next('error', ({ code }) => code === 'CANCELLED');
      if (i === 2) await expectPosition(4);
    }
    await expectPosition(1);
    expect(alice.unread).to.deep.equal([]);
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
    for (const gap of gaps) expect(gap).to.be.within(800, 2_500);
  });

  it('counts from the first arrival in farther regions that the relaxed latency policy adds', async () => {
    const fleet = await start({ brokers: 2, config: TEST_CONFIG.replace('afterMs: 20000', 'afterMs: 1500') });
    await fleet.fullHost({ hostId: 'h1' });
    const far = await fleet.fullHost({ hostId: 'h2', region: 'far' });
    const alice = await fleet.player('alice');
    const bob = await fleet.player('bob', { broker: 1 });
    const arrivedAt = performance.now();
    await queueUp(alice, 'r1', { rtt: { near: 10, far: 80 } });
    expect(await queueUp(bob, 'r1', { rtt: { far: 10 } })).to.include({ position: 1 });
    // Alice arrived earlier, but joins this queue only when the relaxed policy allows it.
    await bob.next('queued', ({ position }) => position === 2);
    expect(performance.now() - arrivedAt).to.be.above(1_400);
    await far.free();
    expect(await acceptOffer(alice)).to.include({ region: 'far', rank: 2 });
  });

  it('comes with an estimate once slots have become free, and not before', async () => {
    const clock = new ManualClock();
    const forLong = 10_000_000;
    const rules = { suspectAfterMs: forLong, offerMs: forLong };
    const store = createMemoryStore({ ...rules, clock: withSystemTimers(clock) });
    const limits = { ...rules, lostAfterMs: forLong * 2, queueGraceMs: forLong, sweepIntervalMs: 20 };
    const duskline = await startTestBroker({ store, limits, intervals: SHORT_INTERVALS });
    try {
      const sessions = Array.from({ length: 20 }, (_, i) => ({
        sessionId: sessionIdOf(i),
        epoch: 1,
        state: 'connected',
      }));
      const host = await openHost(duskline.url, { hostId: 'h1', slots: 20, sessions });
      // After the first heartbeat the broker reconciles the host, which is ready then.
      host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
      await waitUntil(async () => {
        const { regions } = await duskline.broker.status();
        const found = regions[0]?.pools[0]?.hostList[0];
        return found?.state === 'ready' && found.sessions === 20;
      });
      const regionPool = { region: 'near', pool: 'console-x' };
      const others = Array.from({ length: 40 }, (_, i) => sessionIdOf(1_000 + i)).map((sessionId) => ({
        sessionId,
        epoch: 1,
        arrivedAtMs: null,
        headStartMs: 0,
        missed: false,
        clientBrokerId: 'elsewhere',
        meta: metaOf(sessionId),
      }));
      await store.enqueue(regionPool, others, 100, 'elsewhere');
      clock.advance(1);
      const alice = await openPlayer(duskline.url, 'alice');
      const first = await queueUp(alice, 'r1');
      expect(first).to.include({ position: 41 });
      expect(first).to.not.have.property('etaMs');

      // Twenty slots become free in ten seconds.
      for (const { sessionId, epoch } of sessions) {
        host.send({ type: 'session', sessionId, epoch, state: 'ended' });
        await roundTrip(alice);
      }
      clock.advance(10_000);
      const { position, etaMs } = await alice.next('queued', (frame) => 'etaMs' in frame);
      expect(position).to.equal(21);
      const { low, high } = etaMs as { low: number; high: number };
      expect(low).to.be.within(5_000, 10_000);
      expect(high).to.be.within(11_000, 20_000);
    } finally {
      await duskline.stop();
    }
  });
});
