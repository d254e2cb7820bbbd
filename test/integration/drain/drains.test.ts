import { expect } from 'chai';
import type { DrainOrder, DrainReport } from '@duskline/server/broker/drain/drain-orders.js';
import type { OrderTarget } from '@duskline/server/domain/drain.js';
import { waitUntil } from '../../support/time/eventually.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { TestFleet, play, queueUp, acceptOffer } from '../../support/fleet/test-fleet.js';

const OPERATOR = { operatorId: 'ops', from: '127.0.0.1' };
const HOUR_MS = 3_600_000;

function target(region: string, pool: string | null = null, hostId: string | null = null): OrderTarget {
  return { region, pool, hostId };
}

function order(of: OrderTarget, changes: Partial<DrainOrder> = {}): DrainOrder {
  return {
    target: of,
    mode: 'wait',
    atDeadline: 'end',
    deadlineMs: HOUR_MS,
    yesEverything: false,
    ...changes,
  };
}

/** The error code with which the promise rejects, or `nothing`. */
async function refusalOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'nothing',
    (error: unknown) => (error as { code: string }).code,
  );
}

for (const [where, brokers] of [
  ['on one broker', 1],
  ['on two brokers', 2],
] as const) {
  describe(`A drain ${where}`, function () {
    this.timeout(15_000);
    let fleet: TestFleet;
    beforeEach(async () => {
      fleet = await TestFleet.start({ brokers });
    });
    afterEach(() => fleet.stop());

    const drain = (of: OrderTarget, changes: Partial<DrainOrder> = {}): Promise<DrainReport> =>
      fleet.broker(0).broker.operations.drain(order(of, changes), OPERATOR);

    async function latest(of: OrderTarget): Promise<DrainReport> {
      const drains = await fleet.broker(1).broker.operations.drains();
      return drains.find((one) => JSON.stringify(one.target) === JSON.stringify(of))!;
    }

    /** Starts an active session of a player who is connected to the last broker. */
    async function playing(host: Peer, playerId: string): Promise<{ player: Peer; matched: Frame }> {
      const player = await fleet.player(playerId, { broker: 1 });
      play(player, 'r1');
      const matched = await player.next('matched');
      const { sessionId, epoch } = await host.next(
        'prepare',
        (frame) => frame['sessionId'] === matched['sessionId'],
      );
      host.send({ type: 'session', sessionId, epoch, state: 'active' });
      await player.next('session', (frame) => frame['state'] === 'active');
      return { player, matched };
    }

    it('gives the region no new session from the moment it is ordered, on any broker', async () => {
      const near = await fleet.host({ hostId: 'h1' });
      await fleet.host({ hostId: 'h2', region: 'next' });
      const { player, matched } = await playing(near, 'alice');
      const report = await drain(target('near'));
      expect(report).to.deep.include({ state: 'running', orderedBy: 'ops' });
      expect(report.progress).to.deep.equal({ staying: 1, left: 0, moved: 0, ended: 0, remaining: 0 });
      for (const broker of [0, 1]) {
        const bob = await fleet.player(`bob-${broker}`, { broker });
        play(bob, 'r1', { rtt: { near: 5, next: 40 } });
        expect(await bob.next('matched')).to.include({ region: 'next' });
        play(bob, 'r2', { rtt: { near: 5 }, onConflict: 'takeover' });
        expect(await bob.next('error')).to.include({ code: 'REGION_CLOSED', retryable: true });
      }
      expect(player.unread, 'who plays there plays on').to.deep.equal([]);

      player.send({ type: 'end', sessionId: matched['sessionId'] });
      await waitUntil(async () => (await latest(target('near'))).state === 'done');
      expect((await latest(target('near'))).progress).to.include({ staying: 0, left: 1 });
      const carol = await fleet.player('carol');
      play(carol, 'r1');
      expect(await carol.next('error')).to.include({ code: 'REGION_CLOSED' });
    });

    it('sends waiting players to their other queues, and answers REGION_CLOSED to those who have none', async () => {
      await fleet.fullHost({ hostId: 'h1' });
      const next = await fleet.fullHost({ hostId: 'h2', region: 'next' });
      const [alice, bob] = [await fleet.player('alice'), await fleet.player('bob', { broker: 1 })];
      await queueUp(alice, 'r1', { rtt: { near: 5, next: 40 } });
      await queueUp(bob, 'r1', { rtt: { near: 5 } });
      await drain(target('near'));
      expect(await bob.next('error')).to.include({ code: 'REGION_CLOSED', requestId: 'r1', retryable: true });
      await next.free();
      expect(await acceptOffer(alice)).to.include({ region: 'next' });
    });

    for (const made of ['made', 'repeated'] as const) {
      it(`lets a request that was ${made} while it kept a region closed wait there, too, once operators open the region`, async () => {
        await fleet.fullHost({ hostId: 'h2', region: 'next' });
        const rtt = { near: 5, next: 40 };
        if (made === 'repeated') {
          const before = await fleet.player('alice');
          await queueUp(before, 'r1', { rtt });
          before.terminate();
        }
        await drain(target('near'));
        const alice = await fleet.player('alice', { broker: 1 });
        await queueUp(alice, 'r1', { rtt });
        await fleet.broker(0).broker.operations.undrain(target('near'), OPERATOR);
        await fleet.host({ hostId: 'h1', slots: 1 });
        expect(await acceptOffer(alice)).to.include({ requestId: 'r1', region: 'near' });
      });
    }

    it('of a pool answers REGION_CLOSED to players who wait for it only, with an offer or without', async () => {
      const host = await fleet.fullHost({ hostId: 'h1' });
      const [alice, bob] = [await fleet.player('alice', { broker: 1 }), await fleet.player('bob')];
      await queueUp(alice, 'r1');
      await queueUp(bob, 'r1');
      await host.free();
      await alice.next('offer');
      await drain(target('near', 'console-x'), { yesEverything: true });
      for (const player of [alice, bob]) {
        const error = await player.next('error');
        expect(error).to.include({ code: 'REGION_CLOSED', requestId: 'r1', retryable: true });
      }
      alice.send({ type: 'accept', requestId: 'r1' });
      expect(await alice.next('error')).to.include({ code: 'NO_OFFER' });
    });

    it('answers REGION_CLOSED to a player who waited, was disconnected meanwhile and repeats the request', async () => {
      await fleet.fullHost({ hostId: 'h1' });
      const before = await fleet.player('alice', { broker: 1 });
      await queueUp(before, 'r1');
      before.terminate();
      await drain(target('near'), { yesEverything: true });
      const back = await fleet.player('alice');
      play(back, 'r1');
      expect(await back.answer('r1')).to.include({ code: 'REGION_CLOSED', retryable: true });
    });

    it('ends a session that waits for another slot, and answers REGION_CLOSED to its request', async () => {
      const refusing = await fleet.host({ hostId: 'h1', slots: 1 });
      const alice = await fleet.player('alice', { broker: 1 });
      play(alice, 'r1');
      const { sessionId } = await alice.next('matched');
      await refusing.next('prepare');
      refusing.send({ type: 'session', sessionId, epoch: 1, state: 'ended', reason: 'error' });
      await alice.next('queued');
      await drain(target('near'), { yesEverything: true });
      const end = await alice.next('session', ({ state }) => state === 'ended');
      expect(end).to.include({ sessionId, reason: 'host_lost' });
      expect(await alice.next('error')).to.include({ code: 'REGION_CLOSED', requestId: 'r1' });
    });

    it('ends the remaining sessions at its deadline, after a warning', async () => {
      const host = await fleet.host({ hostId: 'h1' });
      await fleet.host({ hostId: 'h2', region: 'next' });
      const { player, matched } = await playing(host, 'alice');
      const { sessionId } = matched;
      const { deadlineAtMs } = await drain(target('near'), { deadlineMs: 1_500 });
      expect(await player.next('limit')).to.include({
        sessionId,
        kind: 'drain_deadline',
        endsAtMs: deadlineAtMs,
      });
      expect(await player.next('session')).to.include({
        sessionId,
        state: 'ended',
        reason: 'drain_deadline',
      });
      expect(await host.next('end')).to.include({ sessionId, reason: 'drain_deadline' });
      await waitUntil(async () => (await latest(target('near'))).state === 'done');
      expect((await latest(target('near'))).progress).to.include({ staying: 0, ended: 1 });
      await waitUntil(async () => (await fleet.broker(0).broker.status()).regions[0]?.state === 'drained');
    });

    it('leaves the remaining sessions running with atDeadline `keep`, and the region closed', async () => {
      const host = await fleet.host({ hostId: 'h1' });
      const { player } = await playing(host, 'alice');
      await drain(target('near'), { deadlineMs: 300, atDeadline: 'keep' });
      await waitUntil(async () => (await latest(target('near'))).state === 'done');
      expect((await latest(target('near'))).progress).to.include({ staying: 0, remaining: 1 });
      expect(player.unread).to.deep.equal([]);
      const bob = await fleet.player('bob');
      play(bob, 'r1');
      expect(await bob.next('error')).to.include({ code: 'REGION_CLOSED' });
    });

    it('is created once when several operators order it at the same time', async () => {
      const host = await fleet.host({ hostId: 'h1' });
      await playing(host, 'alice');
      const operators = [fleet.broker(0), fleet.broker(1)].map(({ broker }, i) =>
        broker.operations.drain(order(target('near')), { operatorId: `ops-${i}`, from: '127.0.0.1' }),
      );
      const [first, second] = await Promise.all(operators);
      expect(second!.drainId).to.equal(first!.drainId);
      expect(await fleet.broker(0).broker.operations.drains()).to.have.length(1);
    });

    it('can be undone: the region accepts players again, and the warning is withdrawn', async () => {
      const host = await fleet.host({ hostId: 'h1' });
      const { player } = await playing(host, 'alice');
      await drain(target('near'), { deadlineMs: 200_000 });
      expect(await player.next('limit')).to.include({ kind: 'drain_deadline' });
      const undone = await fleet.broker(1).broker.operations.undrain(target('near'), OPERATOR);
      expect(undone).to.include({ state: 'undone' });
      expect(await player.next('limit')).to.include({ kind: 'drain_deadline', endsAtMs: null });
      const bob = await fleet.player('bob', { broker: 1 });
      play(bob, 'r1');
      expect(await bob.next('matched')).to.include({ region: 'near' });
      expect(await refusalOf(fleet.broker(0).broker.operations.undrain(target('near'), OPERATOR))).to.equal(
        'NO_DRAIN',
      );
    });

    it('of one host leaves the other hosts open', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 1 });
      const { matched } = await playing(host, 'alice');
      await fleet.host({ hostId: 'h2', slots: 1 });
      const of = target('near', 'console-x', 'h1');
      await drain(of, { deadlineMs: 500 });
      const bob = await fleet.player('bob');
      play(bob, 'r1');
      expect((await bob.next('matched'))['host']).to.include({ hostId: 'h2' });
      expect(await host.next('end')).to.include({
        sessionId: matched['sessionId'],
        reason: 'drain_deadline',
      });
      await waitUntil(async () => (await latest(of)).state === 'done');
    });

    it('of a pool keeps the pool closed when the drain of its region is undone', async () => {
      await fleet.host({ hostId: 'h1' });
      const { operations } = fleet.broker(0).broker;
      await drain(target('near', 'console-x'));
      await drain(target('near'));
      await operations.undrain(target('near'), OPERATOR);
      const alice = await fleet.player('alice');
      play(alice, 'r1');
      expect(await alice.next('error')).to.include({ code: 'REGION_CLOSED' });
      await operations.undrain(target('near', 'console-x'), OPERATOR);
      play(alice, 'r2');
      expect(await alice.next('matched')).to.include({ requestId: 'r2' });
    });

    if (brokers === 2) {
      it('continues on another broker when the broker that ran it stops', async () => {
        const host = await fleet.host({ hostId: 'h1' }, 1);
        const { player } = await playing(host, 'alice');
        await drain(target('near'), { deadlineMs: 1_000 });
        await fleet.broker(0).stop();
        expect(await player.next('session')).to.include({ state: 'ended', reason: 'drain_deadline' });
        await waitUntil(async () => (await latest(target('near'))).state === 'done');
      });
    }

    it('can be previewed: the preview counts what it would affect, and changes nothing', async () => {
      const host = await fleet.fullHost({ hostId: 'h1' });
      await fleet.host({ hostId: 'h2', region: 'next' });
      await queueUp(await fleet.player('alice'), 'r1');
      const preview = await fleet.broker(1).broker.operations.previewDrain(order(target('near')));
      expect(preview).to.deep.include({ sessions: 1, waiting: 1 });
      expect(preview.freeSlots).to.deep.equal([{ region: 'next', slots: 4 }]);
      expect(await fleet.broker(0).broker.operations.drains()).to.deep.equal([]);
      expect(host.unread).to.deep.equal([]);
    });

    it('is refused for an invalid target or deadline, and every order is recorded in the audit trail', async () => {
      await fleet.host({ hostId: 'h1' });
      const { operations } = fleet.broker(0).broker;
      expect(await refusalOf(drain(target('nowhere')))).to.equal('UNKNOWN_REGION');
      expect(await refusalOf(drain(target('near', 'no-pool')))).to.equal('UNKNOWN_POOL');
      expect(await refusalOf(drain(target('near', 'console-x', 'h9')))).to.equal('UNKNOWN_HOST');
      expect(await refusalOf(drain(target('near'), { deadlineMs: -1 }))).to.equal('BAD_DEADLINE');
      for (const region of ['near', 'next']) await drain(target(region));
      expect(await refusalOf(drain(target('far')))).to.equal('LAST_OPEN_REGION');
      await drain(target('far'), { yesEverything: true });
      const trail = await fleet.broker(1).broker.operations.auditTrail(100);
      expect(trail.map(({ result }) => result).reverse()).to.deep.equal([
        ...[
          'UNKNOWN_REGION',
          'UNKNOWN_POOL',
          'UNKNOWN_HOST',
          'BAD_DEADLINE',
          'ok',
          'ok',
          'LAST_OPEN_REGION',
          'ok',
        ],
      ]);
      expect(trail[0]).to.deep.include({ ...OPERATOR, action: 'drain', target: target('far') });
      await operations.undrain(target('far'), OPERATOR);
      expect((await operations.auditTrail(1))[0]).to.include({ action: 'undrain', result: 'ok' });
    });

    it('is not needed to close a host: a cordoned host gets no new session, and keeps those it has', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 2 });
      const { player } = await playing(host, 'alice');
      const { operations } = fleet.broker(0).broker;
      const of = target('near', 'console-x', 'h1');
      await operations.cordon(of, OPERATOR);
      const bob = await fleet.player('bob', { broker: 1 });
      play(bob, 'r1', { wait: false });
      expect(await bob.next('error')).to.include({ code: 'NO_CAPACITY' });
      await operations.uncordon(of, OPERATOR);
      play(bob, 'r2');
      expect((await bob.next('matched'))['host']).to.include({ hostId: 'h1' });
      expect(player.unread).to.deep.equal([]);
    });

    describe('and a cordon of the same host', () => {
      const of = target('near', 'console-x', 'h1');
      const carryOut = {
        cordon: () => fleet.broker(0).broker.operations.cordon(of, OPERATOR),
        uncordon: () => fleet.broker(1).broker.operations.uncordon(of, OPERATOR),
        drain: () => drain(of),
        undrain: () => fleet.broker(1).broker.operations.undrain(of, OPERATOR),
      };

      async function expectClosed(closures: readonly string[], playerId: string): Promise<void> {
        const { regions } = await fleet.broker(1).broker.status();
        expect(regions[0]?.pools[0]?.hostList[0]?.closures).to.deep.equal(closures);
        const player = await fleet.player(playerId);
        play(player, 'r1', { wait: false });
        const answer = await player.answer('r1');
        expect(answer['code'] ?? answer.type).to.equal(closures.length > 0 ? 'NO_CAPACITY' : 'matched');
      }

      for (const [orders, closures] of [
        [
          ['cordon', 'drain'],
          ['cordoned', 'draining'],
        ],
        [['cordon', 'drain', 'undrain'], ['cordoned']],
        [['drain', 'cordon', 'undrain'], ['cordoned']],
        [['cordon', 'drain', 'uncordon'], ['draining']],
        [['drain', 'uncordon'], ['draining']],
        [['cordon', 'drain', 'undrain', 'uncordon'], []],
        [['drain', 'cordon', 'uncordon', 'undrain'], []],
      ] as const) {
        it(`closes the host after ${orders.join(', ')}: ${closures.join(' and ') || 'not at all'}`, async () => {
          await fleet.host({ hostId: 'h1' });
          for (const name of orders) await carryOut[name]();
          await expectClosed(closures, 'alice');
        });
      }
    });
  });
}
