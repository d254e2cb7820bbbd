import { once } from 'node:events';
import { expect } from 'chai';
import { waitUntil } from '../../support/time/eventually.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { SHORT_INTERVALS } from '../../support/fleet/test-broker.js';
import { startOutage } from '../../support/fleet/store-steps.js';
import {
  TestFleet,
  keepSendingHeartbeats,
  play,
  queueUp,
  roundTrip,
  startStream,
  type ListedSession,
  type PlayerPeer,
} from '../../support/fleet/test-fleet.js';

/** Resolves when the broker has read all earlier frames of a host. */
async function untilRead({ socket }: Peer): Promise<void> {
  socket.ping();
  await once(socket, 'pong');
}

const isEnd = ({ state }: Frame): boolean => state === 'ended';

/** What players and hosts give up while the store does not answer. */
for (const [where, options] of [
  ['on one broker with its state in memory', { brokers: 1 }],
  ['on one broker with Redis', { brokers: 1, store: 'redis' }],
  ['on two brokers', { brokers: 2 }],
] as const) {
  describe(`While the store does not answer, ${where}`, function () {
    this.timeout(15_000);
    let fleet: TestFleet;
    let held: ListedSession[];
    beforeEach(async () => {
      fleet = await TestFleet.start({ ...options, intervals: { ...SHORT_INTERVALS, minRebuildMs: 60_000 } });
      held = [];
    });
    afterEach(() => fleet.stop());

    /** Runs `meanwhile` while all calls of all brokers fail. */
    async function duringOutage(meanwhile: () => Promise<void>): Promise<void> {
      const end = startOutage(fleet.stores);
      await waitUntil(() => fleet.brokers.every(({ broker }) => !broker.ready));
      await meanwhile();
      end();
    }

    /** A host with heartbeats, on the last broker. */
    async function openHost(hostId: string, slots: number): Promise<Peer> {
      const host = await fleet.host({ hostId, slots }, 1);
      keepSendingHeartbeats(host, () => held);
      return host;
    }

    /** Starts a session whose stream runs. */
    async function playing(host: Peer, name: string): Promise<{ player: PlayerPeer; matched: Frame }> {
      const player = await fleet.player(name);
      return { player, matched: await startStream(player, host, held) };
    }

    const cancelled = (peer: Peer): Promise<Frame> => peer.next('error', ({ code }) => code === 'CANCELLED');

    /** The next request of the player finds no other one. */
    async function expectMatched(player: Peer, requestId: string): Promise<void> {
      play(player, requestId);
      expect(await player.answer(requestId)).to.include({ type: 'matched' });
    }

    it('the cancel of a waiting request is answered when the store is back, and the queue moves up', async () => {
      await fleet.fullHost({ hostId: 'h1' }, 1);
      const [alice, bob] = [await fleet.player('alice'), await fleet.player('bob', { broker: 1 })];
      await queueUp(alice, 'r1');
      await queueUp(bob, 'r1');
      await duringOutage(async () => {
        alice.send({ type: 'cancel', requestId: 'r1' });
        await roundTrip(alice);
        expect(alice.unread.filter(({ type }) => type === 'error')).to.deep.equal([]);
      });
      await cancelled(alice);
      await bob.next('queued', ({ position }) => position === 1);
      expect(await queueUp(alice, 'r2')).to.include({ position: 2 });
      expect(alice.unread.filter(({ type }) => type === 'error')).to.deep.equal([]);
    });

    for (const isFull of [false, true]) {
      it(`play and cancel in one write are answered when the store is back, ${isFull ? 'all slots taken' : 'a slot free'}`, async () => {
        if (isFull) await fleet.fullHost({ hostId: 'h1' }, 1);
        else await openHost('h1', 1);
        const alice = await fleet.player('alice');
        await duringOutage(async () => {
          play(alice, 'r1');
          alice.send({ type: 'cancel', requestId: 'r1' });
          await roundTrip(alice);
        });
        await cancelled(alice);
        const bob = await fleet.player('bob', { broker: 1 });
        if (isFull) expect(await queueUp(bob, 'r1')).to.include({ position: 1 });
        else await expectMatched(bob, 'r1');
        await roundTrip(alice);
        expect(alice.unread.filter(({ inReplyTo }) => inReplyTo === 'cancel')).to.deep.equal([]);
      });
    }

    for (const what of ['end', 'cancel'] as const) {
      const send = (player: Peer, { sessionId }: Frame): void =>
        player.send(what === 'end' ? { type: 'end', sessionId } : { type: 'cancel', requestId: 'r1' });

      it(`the ${what} of a session is carried out when the store is back`, async () => {
        const host = await openHost('h1', 1);
        const { player, matched } = await playing(host, 'alice');
        await duringOutage(async () => {
          send(player, matched);
          await roundTrip(player);
          expect(player.unread.filter(isEnd)).to.deep.equal([]);
        });
        const { sessionId } = matched;
        expect(await player.next('session', isEnd)).to.include({
          sessionId,
          state: 'ended',
          reason: 'client_left',
        });
        expect(await host.next('end')).to.include({ sessionId, reason: 'client_left' });
        held = [];
        if (what === 'cancel') await cancelled(player);
        await expectMatched(player, 'r2');
      });

      it(`the ${what} of a session is carried out when the store is back, although the socket is lost meanwhile`, async () => {
        const host = await openHost('h1', 1);
        const { player, matched } = await playing(host, 'alice');
        await duringOutage(async () => {
          send(player, matched);
          await roundTrip(player);
          player.terminate();
          await player.closed;
        });
        const { sessionId } = matched;
        expect(await host.next('end')).to.include({ sessionId, reason: 'client_left' });
        held = [];
        await expectMatched(await fleet.player('alice', { broker: 1 }), 'r2');
      });
    }

    it('a session that its host ends keeps the reason of the host', async () => {
      const host = await openHost('h1', 2);
      const { player, matched } = await playing(host, 'alice');
      const { sessionId } = matched;
      await duringOutage(async () => {
        held = [];
        host.send({ type: 'session', sessionId, epoch: 1, state: 'ended', reason: 'idle' });
        await untilRead(host);
      });
      expect(await player.next('session', isEnd)).to.include({ sessionId, reason: 'idle' });
      await expectMatched(player, 'r2');
      expect(player.unread.filter(({ type }) => type === 'matched')).to.deep.equal([]);
      expect(host.unread.filter(({ type }) => type === 'error')).to.deep.equal([]);
    });

    it('a session that its host refuses gets another host when the store is back', async () => {
      const first = await openHost('h1', 1);
      const player = await fleet.player('alice');
      play(player, 'r1');
      const { sessionId } = await player.next('matched');
      await first.next('prepare');
      await openHost('h2', 1);
      await duringOutage(async () => {
        first.send({ type: 'session', sessionId, epoch: 1, state: 'ended', reason: 'error' });
        await untilRead(first);
      });
      const again = await player.next('matched');
      expect(again).to.include({ sessionId, epoch: 2 });
      expect(again['host']).to.include({ hostId: 'h2' });
    });
  });
}
