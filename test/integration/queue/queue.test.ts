import { expect } from 'chai';
import { createClient, type QueueState, type SlotOffer } from '@duskline/client/node';
import { waitUntil } from '../../support/time/eventually.js';
import { testToken } from '../../support/fleet/test-broker.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import {
  TestFleet,
  play,
  queueUp,
  roundTrip,
  acceptOffer,
  type TestFleetOptions,
} from '../../support/fleet/test-fleet.js';

describe('The queue', function () {
  this.timeout(15_000);
  let fleet: TestFleet;
  const start = async (options: TestFleetOptions = {}): Promise<void> => {
    fleet = await TestFleet.start(options);
  };
  afterEach(() => fleet.stop());

  for (const [where, brokers] of [
    ['on one broker', 1],
    ['on two brokers', 2],
  ] as const) {
    describe(where, () => {
      it('offers a slot with its time limit, and reserves it for that time', async () => {
        await start({ brokers, limits: { offerMs: 8_000 } });
        const host = await fleet.fullHost({ hostId: 'h1' });
        const alice = await fleet.player('alice', { broker: 1 });
        await queueUp(alice, 'r1');
        await host.free();
        const offer = await alice.next('offer');
        expect(offer).to.include({ requestId: 'r1', region: 'near' });
        expect(offer['acceptWithinMs']).to.be.within(7_000, 8_000);
        const bob = await fleet.player('bob');
        play(bob, 'r1', { wait: false });
        expect(await bob.next('error')).to.include({ code: 'NO_CAPACITY' });
        expect(host.unread, 'nothing is prepared before the player said yes').to.deep.equal([]);

        alice.send({ type: 'accept', requestId: 'r1' });
        const matched = await alice.next('matched');
        expect(matched).to.include({ requestId: 'r1', region: 'near', claimWithinMs: 30_000 });
        const { sessionId, epoch } = matched;
        expect(await host.next('prepare')).to.include({ sessionId, epoch, playerId: 'alice' });
        host.send({ type: 'session', sessionId, epoch, state: 'active' });
        expect(await alice.next('session')).to.include({ sessionId, epoch, state: 'active' });
      });

      it('moves a player who misses an offer to the back, once', async () => {
        await start({ brokers, limits: { offerMs: 300 } });
        const host = await fleet.fullHost({ hostId: 'h1' });
        const alice = await fleet.player('alice');
        const bob = await fleet.player('bob', { broker: 1 });
        await queueUp(alice, 'r1');
        await queueUp(bob, 'r1');
        await host.free();
        await alice.next('offer');
        const { sessionId } = await acceptOffer(bob);
        expect(await alice.next('queued')).to.include({ requestId: 'r1', position: 1 });
        alice.send({ type: 'accept', requestId: 'r1' });
        expect(await alice.next('error')).to.include({ code: 'NO_OFFER', requestId: 'r1' });

        bob.send({ type: 'end', sessionId });
        await alice.next('offer');
        const timedOut = await alice.next('error');
        expect(timedOut).to.include({ code: 'TIMED_OUT', requestId: 'r1', retryable: false });
        play(alice, 'r1');
        expect(await alice.next('error')).to.include({ code: 'TIMED_OUT', requestId: 'r1' });
        play(alice, 'r2');
        expect(await alice.next('matched')).to.include({ requestId: 'r2' });
      });

      it('lets a request accept one of two offers, and gives the other to the next in line', async () => {
        await start({ brokers });
        const hosts = [
          await fleet.fullHost({ hostId: 'h1' }),
          await fleet.fullHost({ hostId: 'h2', region: 'next' }),
        ];
        const rtt = { near: 10, next: 20 };
        const alice = await fleet.player('alice');
        const bob = await fleet.player('bob', { broker: 1 });
        await queueUp(alice, 'r1', { rtt });
        await queueUp(bob, 'r1', { rtt });
        await Promise.all(hosts.map((host) => host.free()));
        const [one, two] = await Promise.all([acceptOffer(alice), acceptOffer(bob)]);
        expect([one['region'], two['region']]).to.have.members(['near', 'next']);
        for (const player of [alice, bob]) {
          expect(player.unread.filter(({ type }) => type === 'offer')).to.deep.equal([]);
        }
      });

      it('refuses a request beyond its length limit, and says when to retry', async () => {
        await start({ brokers, limits: { queueMaxLength: 2 } });
        const host = await fleet.fullHost({ hostId: 'h1' });
        for (const name of ['bob', 'carol']) await queueUp(await fleet.player(name), 'r1');
        const alice = await fleet.player('alice', { broker: 1 });
        play(alice, 'r1');
        const refusal = await alice.next('error');
        expect(refusal).to.include({ code: 'QUEUE_FULL', requestId: 'r1', retryable: true });
        expect(refusal['retryAfterMs']).to.be.within(5_000, 30_000);
        await host.free();
        // Alice may use the same request id again, and the queue has a free position, because bob's offer does not count.
        expect(await queueUp(alice, 'r1')).to.include({ position: 2 });
      });

      it('lets a player wait in another region when one queue is full', async () => {
        await start({ brokers, limits: { queueMaxLength: 1 } });
        await fleet.fullHost({ hostId: 'h1' });
        const next = await fleet.fullHost({ hostId: 'h2', region: 'next' });
        await queueUp(await fleet.player('bob'), 'r1');
        const alice = await fleet.player('alice', { broker: 1 });
        const rtt = { near: 10, next: 20 };
        expect(await queueUp(alice, 'r1', { rtt })).to.include({ position: 1, region: 'next' });
        play(alice, 'r2', { rtt });
        expect(await alice.next('error')).to.include({ requestId: 'r2', code: 'SESSION_EXISTS' });
        await next.free();
        expect(await acceptOffer(alice)).to.include({ region: 'next' });
      });

      it('gets no requests with wait `false`', async () => {
        await start({ brokers });
        const host = await fleet.fullHost({ hostId: 'h1' });
        const alice = await fleet.player('alice');
        for (let round = 0; round < 2; round += 1) {
          play(alice, 'r1', { wait: false });
          expect(await alice.next('error')).to.include({ code: 'NO_CAPACITY', requestId: 'r1' });
        }
        await host.free();
        play(alice, 'r1', { wait: false });
        await alice.next('matched');
        expect(alice.unread).to.deep.equal([]);
      });

      it('gives a freed slot to its head, not to a new request', async () => {
        await start({ brokers });
        const host = await fleet.fullHost({ hostId: 'h1' });
        const waiting = await Promise.all(
          Array.from({ length: 5 }, (_, i) => fleet.player(`patient-${i}`, { broker: i })),
        );
        for (const player of waiting) await queueUp(player, 'r1');
        let over = false;
        const press = async (newcomer: Peer): Promise<Frame[]> => {
          const answers: Frame[] = [];
          for (let i = 0; i < 80 && !over; i += 1) {
            play(newcomer, `r${i}`, { wait: false });
            answers.push(await newcomer.answer(`r${i}`));
          }
          return answers;
        };
        const newcomers = await Promise.all(
          Array.from({ length: 8 }, (_, i) => fleet.player(`newcomer-${i}`, { broker: i })),
        );
        const pressing = newcomers.map(press);
        await host.free();
        for (const player of waiting) {
          const { sessionId } = await acceptOffer(player);
          if (player === waiting.at(-1)) over = true;
          else player.send({ type: 'end', sessionId });
        }
        const answers = (await Promise.all(pressing)).flat();
        expect(answers).to.have.length.above(50);
        expect(new Set(answers.map(({ code }) => code))).to.deep.equal(new Set(['NO_CAPACITY']));
      });
    });
  }

  it('loses a request in all regions when the request timed out in one', async () => {
    await start({ limits: { offerMs: 200 } });
    const near = await fleet.fullHost({ hostId: 'h1' });
    const next = await fleet.fullHost({ hostId: 'h2', region: 'next' });
    const alice = await fleet.player('alice');
    const bob = await fleet.player('bob', { broker: 1 });
    await queueUp(alice, 'r1', { rtt: { near: 10, next: 20 } });
    expect(await queueUp(bob, 'r1', { rtt: { next: 10 } })).to.include({ position: 2 });
    await near.free();
    await alice.next('error', ({ code }) => code === 'TIMED_OUT');
    await bob.next('queued', ({ position }) => position === 1);
    await next.free();
    await acceptOffer(bob);
  });

  it('serves a player for whom every region is far', async () => {
    await start();
    const host = await fleet.fullHost({ hostId: 'h1', region: 'far' });
    const alice = await fleet.player('alice');
    expect(await queueUp(alice, 'r1', { rtt: { far: 80 } })).to.include({ region: 'far' });
    await host.free();
    expect(await acceptOffer(alice)).to.include({ region: 'far' });
  });

  it('keeps an offer that arrived while its broker waited for a slow status response', async () => {
    await start();
    const host = await fleet.fullHost({ hostId: 'h1' });
    const alice = await fleet.player('alice');
    await queueUp(alice, 'r1');
    const [store] = fleet.stores;
    const queueStatus = store!.getQueueStatus.bind(store);
    let answer: (() => void) | undefined;
    store!.getQueueStatus = async (regionPool, ids, attended) => {
      const report = await queueStatus(regionPool, ids, attended);
      if (ids.length > 0) await new Promise<void>((resolve) => (answer = resolve));
      return report;
    };
    await waitUntil(() => answer !== undefined);
    await host.free();
    await alice.next('offer');
    answer?.();
    await roundTrip(alice);
    alice.send({ type: 'accept', requestId: 'r1' });
    expect(await alice.nextOf(['matched', 'error', 'queued'])).to.include({ type: 'matched' });
  });

  it('gives a slot to a player of the SDK, which asks its application before it accepts the slot', async () => {
    await start();
    const host = await fleet.fullHost({ hostId: 'h1', slots: 2 });
    const token = testToken({ kind: 'player', playerId: 'alice' });
    const client = createClient({
      url: fleet.broker(0).url.replace('http', 'ws'),
      token,
      device: { kind: 'console', codecs: ['hevc'], maxResolution: '1080p' },
    });
    try {
      await queueUp(await fleet.player('bob'), 'r1');
      const states: QueueState[] = [];
      let turn: ((offer: SlotOffer) => void) | undefined;
      const asked = new Promise<SlotOffer>((resolve) => (turn = resolve));
      const playing = client.play({
        title: 'drift',
        rtt: { near: 10 },
        onQueued: (state) => void states.push(state),
        onOffer: (offer) => {
          turn?.(offer);
          return true;
        },
      });
      await waitUntil(() => states.length === 1);
      await host.free();
      await waitUntil(() => states.length === 2);
      await host.free();
      expect(await asked).to.include({ region: 'near' });
      const session = await playing;
      expect(await host.next('prepare')).to.include({ sessionId: session.sessionId });
      expect(states.map(({ position }) => position)).to.deep.equal([2, 1]);
    } finally {
      await client.close();
    }
  });
});
