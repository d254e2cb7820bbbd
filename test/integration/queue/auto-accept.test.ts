import { expect } from 'chai';
import { newSessionId } from '../../support/fleet/fleet-data.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { IDLE_LOAD } from '../../support/fleet/test-broker.js';
import {
  TestFleet,
  acceptOffer,
  play,
  queueUp,
  roundTrip,
  type FullHost,
} from '../../support/fleet/test-fleet.js';

const AUTO = { autoAccept: true };

for (const [where, options] of [
  ['on one broker, with its state in memory', { brokers: 1 }],
  ['on one broker with Redis', { brokers: 1, store: 'redis' }],
  ['on two brokers', { brokers: 2 }],
] as const) {
  describe(`A request with autoAccept, ${where}`, function () {
    this.timeout(15_000);
    let fleet: TestFleet;
    let host: FullHost;
    let alice: Peer;
    beforeEach(async () => {
      fleet = await TestFleet.start(options);
      host = await fleet.fullHost({ hostId: 'h1' }, 1);
      alice = await fleet.player('alice');
    });
    afterEach(() => fleet.stop());

    /** Everything that a player gets until it is matched. */
    async function framesUntilMatched(player: Peer): Promise<Frame[]> {
      const frames: Frame[] = [];
      do frames.push(await player.nextFrame());
      while (frames.at(-1)?.type !== 'matched');
      return frames;
    }

    /** Expects that a player is matched, and gets no offer. */
    async function expectMatched(player: Peer): Promise<Frame> {
      const frames = await framesUntilMatched(player);
      expect(frames.map(({ type }) => type))
        .to.not.include.members(['offer'])
        .and.not.include('error');
      return frames.at(-1)!;
    }

    it('gets a free slot without an offer', async () => {
      await queueUp(alice, 'r1', AUTO);
      await host.free();
      const { sessionId, epoch } = await expectMatched(alice);
      expect(await host.next('prepare')).to.include({ sessionId, epoch, playerId: 'alice' });
      await roundTrip(alice);
      expect(alice.unread).to.deep.equal([]);
    });

    it('is matched at once while a slot is free', async () => {
      await host.free();
      play(alice, 'r1', AUTO);
      expect((await framesUntilMatched(alice)).map(({ type }) => type)).to.deep.equal(['matched']);
    });

    for (const [how, change, type] of [
      ['again', AUTO, 'matched'],
      ['no more', {}, 'offer'],
    ] as const) {
      it(`keeps an offer that is made while its client is away, until the client asks ${how} for autoAccept`, async () => {
        await queueUp(alice, 'r1', AUTO);
        const bob = await fleet.player('bob');
        await queueUp(bob, 'r1');
        alice.terminate();
        await host.free();
        // Bob is the first of the queue now: the slot is offered to the one before him.
        await bob.next('queued', ({ position }) => position === 1);
        expect(bob.unread.filter((frame) => frame.type === 'offer')).to.deep.equal([]);
        const back = await fleet.player('alice', { broker: 1 });
        play(back, 'r1', change);
        expect(await back.nextOf(['offer', 'matched'])).to.include({ type, requestId: 'r1' });
      });
    }

    it('keeps one of two slots that become free at the same moment', async () => {
      const other = await fleet.fullHost({ hostId: 'h2', region: 'next' }, 1);
      const rtt = { near: 12, next: 20 };
      await queueUp(alice, 'r1', { rtt, ...AUTO });
      const bob = await fleet.player('bob');
      await queueUp(bob, 'r1', { rtt });
      await Promise.all([host.free(), other.free()]);
      const first = await expectMatched(alice);
      const second = await acceptOffer(bob);
      expect([first['region'], second['region']]).to.have.members(['near', 'next']);
    });

    it('gets another slot without an offer after it lost one that it had not claimed', async () => {
      await queueUp(alice, 'r1', AUTO);
      await host.free();
      const before = await expectMatched(alice);
      const forgotten = { sessionId: newSessionId(), epoch: 1, state: 'connected' };
      host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [forgotten] });
      await alice.next('queued', ({ requestId }) => requestId === 'r1');
      host.send({ ...forgotten, type: 'session', state: 'ended' });
      const after = await expectMatched(alice);
      expect(after['sessionId']).to.equal(before['sessionId']);
      expect(after['epoch']).to.be.above(Number(before['epoch']));
    });

    it('refuses an `accept` of its client, which was offered nothing', async () => {
      await queueUp(alice, 'r1', AUTO);
      alice.send({ type: 'accept', requestId: 'r1' });
      expect(await alice.next('error')).to.include({ code: 'NO_OFFER', inReplyTo: 'accept' });
      await host.free();
      await expectMatched(alice);
    });
  });
}
