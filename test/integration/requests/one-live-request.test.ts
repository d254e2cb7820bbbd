import { expect } from 'chai';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { waitUntil } from '../../support/time/eventually.js';
import type { Peer } from '../../support/fleet/peer.js';
import { TestFleet, acceptOffer, play, queueUp } from '../../support/fleet/test-fleet.js';

/** As many as the store remembers of one player. */
const MANY = 8;

/** Connections of one player. */
const SOCKETS = 30;

/** A burst of requests of one player holds at most this many slots at a time, on two brokers. */
const FEW_SLOTS = 4;

/** Counts the slots that brokers hold at a time, by the answers of their stores. */
function watchSlots(stores: readonly FleetStore[]): {
  readonly held: () => number;
  readonly most: () => number;
} {
  const held = new Set<string>();
  // The answer to a reservation may arrive after that to its end, which another broker ordered.
  const ended = new Set<string>();
  const release = (sessionId: string): void => {
    held.delete(sessionId);
    ended.add(sessionId);
  };
  let most = 0;
  for (const store of stores) {
    const { reserve, endSessions, withdrawEntries } = store;
    store.reserve = async (regionPool, reservations, ...rest) => {
      const result = await reserve(regionPool, reservations, ...rest);
      reservations.forEach(({ sessionId }, i) => {
        if (result.outcomes[i]?.kind === 'reserved' && !ended.has(sessionId)) held.add(sessionId);
      });
      most = Math.max(most, held.size);
      return result;
    };
    store.endSessions = async (regionPool, requests, ...rest) => {
      const outcomes = await endSessions(regionPool, requests, ...rest);
      for (const outcome of outcomes) if (outcome.kind === 'ended') release(outcome.session.sessionId);
      return outcomes;
    };
    store.withdrawEntries = async (...args) => {
      const withdrawn = await withdrawEntries(...args);
      for (const { session } of withdrawn) release(session.sessionId);
      return withdrawn;
    };
  }
  return { held: () => held.size, most: () => most };
}

const isAnswered = ({ unread }: Peer): boolean =>
  unread.some(({ type }) => type === 'matched' || type === 'replaced');
const isMatched = ({ unread }: Peer): boolean => unread.some(({ type }) => type === 'matched');
const isEnded = ({ unread }: Peer): boolean =>
  unread.some(
    ({ type, state, reason }) => type === 'session' && state === 'ended' && reason === 'superseded',
  );
const isReplaced = ({ unread }: Peer): boolean => unread.some(({ type }) => type === 'replaced');

for (const [where, options] of [
  ['on one broker', { brokers: 1 }],
  ['on one broker with Redis', { brokers: 1, store: 'redis' }],
  ['on two brokers', { brokers: 2 }],
] as const) {
  const { brokers } = options;
  describe(`A player has one live request or session, ${where}`, function () {
    this.timeout(15_000);
    let fleet: TestFleet;
    beforeEach(async () => {
      fleet = await TestFleet.start(options);
    });
    afterEach(() => fleet.stop());

    /** Cancels requests that were never made, all in one burst. */
    async function cancelUnknown(peer: Peer): Promise<void> {
      for (let i = 0; i < MANY; i += 1) peer.send({ type: 'cancel', requestId: `unknown-${i}` });
      for (let i = 0; i < MANY; i += 1) await peer.next('error', ({ code }) => code === 'CANCELLED');
    }

    it('after it cancelled many requests that it never made', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 4 });
      const alice = await fleet.player('alice', { broker: 1 });
      play(alice, 'a');
      const { sessionId } = await alice.next('matched');
      await host.next('prepare');
      await cancelUnknown(alice);
      play(alice, 'b');
      expect(await alice.answer('b')).to.include({ code: 'SESSION_EXISTS', sessionId });
    });

    it('after it cancelled many requests that it never made while its own one waits', async () => {
      await fleet.fullHost({ hostId: 'h1' });
      const alice = await fleet.player('alice', { broker: 1 });
      play(alice, 'a');
      await alice.next('queued');
      await cancelUnknown(alice);
      play(alice, 'b');
      expect(await alice.answer('b')).to.include({ code: 'SESSION_EXISTS' });
    });

    /** Many connections of one player, spread over the brokers. */
    function openMany(): Promise<Peer[]> {
      return Promise.all(
        Array.from({ length: SOCKETS }, (_, i) => fleet.player('alice', { broker: i % brokers })),
      );
    }

    it('when many of its connections take over at the same moment: few slots are reserved, and all but one connection get an error', async () => {
      await fleet.host({ hostId: 'h1', slots: 16 });
      const peers = await openMany();
      const slots = watchSlots(fleet.stores);
      peers.forEach((peer, i) => play(peer, `r${i}`, { onConflict: 'takeover' }));
      await waitUntil(() => peers.every(isAnswered));
      await waitUntil(() => peers.filter((peer) => isMatched(peer) && !isEnded(peer)).length === 1);
      await waitUntil(() => slots.held() === 1);
      expect(slots.most(), 'slots held at a time').to.be.at.most(FEW_SLOTS);
      for (const peer of peers) {
        expect(isReplaced(peer) || isMatched(peer), JSON.stringify(peer.unread)).to.equal(true);
      }
      const others = await Promise.all(Array.from({ length: 15 }, (_, i) => fleet.player(`other-${i}`)));
      for (const other of others) play(other, 'r1');
      for (const other of others) expect(await other.answer('r1')).to.include({ type: 'matched' });
    });

    it('when many of its connections take over at the same moment while all slots are taken: one of them waits', async () => {
      const host = await fleet.fullHost({ hostId: 'h1' });
      const peers = await openMany();
      peers.forEach((peer, i) => play(peer, `r${i}`, { onConflict: 'takeover' }));
      await waitUntil(() => peers.filter((peer) => !isReplaced(peer)).length === 1);
      const [last] = peers.filter((peer) => !isReplaced(peer));
      await last!.next('queued');
      const bob = await fleet.player('bob');
      expect(await queueUp(bob, 'r1')).to.include({ position: 2 });
      await host.free();
      await acceptOffer(last!);
      expect(peers.filter(isMatched)).to.deep.equal([]);
    });

    for (const [how, leaves] of [
      ['half of them are lost meanwhile', (i: number) => i % 2 === 1],
      ['all of them are lost meanwhile', () => true],
    ] as const) {
      it(`when many of its connections take over at the same moment, and ${how}: it has one slot at most`, async () => {
        await fleet.host({ hostId: 'h1', slots: 16 });
        const peers = await openMany();
        const slots = watchSlots(fleet.stores);
        peers.forEach((peer, i) => play(peer, `r${i}`, { onConflict: 'takeover' }));
        await waitUntil(() => peers.some(isAnswered));
        await loseSome(peers, leaves);
        const left = peers.filter((_, i) => !leaves(i));
        await waitUntil(() => left.every(isAnswered));
        await waitUntil(() => left.filter((peer) => isMatched(peer) && !isEnded(peer)).length <= 1);
        await waitUntil(() => slots.held() <= 1);
        expect(slots.most(), 'slots held at a time').to.be.at.most(FEW_SLOTS);
        const others = await Promise.all(Array.from({ length: 15 }, (_, i) => fleet.player(`other-${i}`)));
        for (const other of others) play(other, 'r1');
        for (const other of others) expect(await other.answer('r1')).to.include({ type: 'matched' });
      });

      it(`when many of its connections take over at the same moment while all slots are taken, and ${how}: one request waits at most`, async () => {
        const host = await fleet.fullHost({ hostId: 'h1' });
        const peers = await openMany();
        peers.forEach((peer, i) => play(peer, `r${i}`, { onConflict: 'takeover' }));
        await waitUntil(() => peers.some(isReplaced));
        await loseSome(peers, leaves);
        const left = peers.filter((_, i) => !leaves(i));
        await waitUntil(() => left.filter((peer) => !isReplaced(peer)).length <= 1);
        // The request of a lost connection may wait for its client.
        const bob = await fleet.player('bob');
        await queueUp(bob, 'r1');
        const alice = await fleet.player('alice', { broker: 1 });
        await queueUp(alice, 'last', { onConflict: 'takeover' });
        await waitUntil(() => left.every(isReplaced));
        await host.free();
        await acceptOffer(bob);
        expect(peers.filter(isMatched)).to.deep.equal([]);
      });
    }

    /** Cuts the connections with these indices. */
    async function loseSome(peers: readonly Peer[], isLost: (index: number) => boolean): Promise<void> {
      const lost = peers.filter((_, i) => isLost(i));
      for (const peer of lost) peer.terminate();
      await Promise.all(lost.map(({ closed }) => closed));
    }

    it('when many of its connections request at the same moment: one gets a session, the others are refused', async () => {
      await fleet.host({ hostId: 'h1', slots: 16 });
      const peers = await openMany();
      const slots = watchSlots(fleet.stores);
      peers.forEach((peer, i) => play(peer, `r${i}`));
      const answers = await Promise.all(peers.map((peer, i) => peer.answer(`r${i}`)));
      const matched = answers.filter(({ type }) => type === 'matched');
      expect(matched).to.have.length(1);
      const { sessionId } = matched[0]!;
      for (const answer of answers) {
        if (answer.type !== 'matched') expect(answer).to.include({ code: 'SESSION_EXISTS', sessionId });
      }
      await waitUntil(() => slots.held() === 1);
      expect(slots.most(), 'slots held at a time').to.be.at.most(FEW_SLOTS);
    });

    it('when many of its connections cancel requests that were never made, and request: one gets a session, and others get the slots', async () => {
      await fleet.host({ hostId: 'h1', slots: 16 });
      const peers = [...(await openMany()), ...(await openMany())];
      const slots = watchSlots(fleet.stores);
      for (const [i, peer] of peers.entries()) {
        for (let unknown = 0; unknown < MANY; unknown += 1)
          peer.send({ type: 'cancel', requestId: `unknown-${i}-${unknown}` });
        play(peer, `r${i}`);
      }
      const answers = await Promise.all(
        peers.map((peer, i) => peer.nextOf(['matched', 'error'], ({ requestId }) => requestId === `r${i}`)),
      );
      expect(answers.filter(({ type }) => type === 'matched')).to.have.length(1);
      await waitUntil(() => slots.held() === 1);
      expect(slots.most(), 'slots held at a time').to.be.at.most(FEW_SLOTS);
      const others = await Promise.all(Array.from({ length: 15 }, (_, i) => fleet.player(`other-${i}`)));
      for (const other of others) play(other, 'r1');
      for (const other of others) expect(await other.answer('r1')).to.include({ type: 'matched' });
    });

    it('when a device repeats its waiting request that another device replaced: it gets an error, and one request waits', async () => {
      const host = await fleet.fullHost({ hostId: 'h1' });
      const before = await fleet.player('alice');
      await queueUp(before, 'r1');
      before.terminate();
      const phone = await fleet.player('alice', { broker: 1 });
      await queueUp(phone, 'r2', { onConflict: 'takeover' });
      const back = await fleet.player('alice');
      play(back, 'r1', { onConflict: 'takeover' });
      const replaced = { type: 'replaced', requestId: 'r1', byRequestId: 'r2' };
      expect(await back.answer('r1')).to.deep.equal(replaced);
      await host.free();
      await acceptOffer(phone);
      expect(back.unread).to.deep.equal([]);
    });

    for (const onConflict of ['fail', 'resume', 'takeover']) {
      it(`when a device whose session another one resumed repeats its request with "${onConflict}": it is told so`, async () => {
        const host = await fleet.host({ hostId: 'h1', slots: 2 });
        const before = await fleet.player('alice');
        play(before, 'r1', { onConflict });
        const { sessionId } = await before.next('matched');
        await host.next('prepare');
        before.terminate();
        const phone = await fleet.player('alice', { broker: 1 });
        play(phone, 'r2', { onConflict: 'resume' });
        expect(await phone.next('matched')).to.include({ sessionId });
        const back = await fleet.player('alice');
        play(back, 'r1', { onConflict });
        const replaced = { type: 'replaced', requestId: 'r1', sessionId, byRequestId: 'r2' };
        expect(await back.answer('r1')).to.deep.equal(replaced);
        host.send({ type: 'session', sessionId, epoch: 1, state: 'active' });
        expect(await phone.next('session')).to.include({ sessionId, state: 'active' });
        expect([...back.unread, ...phone.unread, ...host.unread]).to.deep.equal([]);
      });
    }

    for (const onConflict of ['fail', 'resume', 'takeover']) {
      for (const isFull of [false, true]) {
        const room = isFull ? 'all slots taken' : 'a slot free';
        it(`when a device whose session another one took over repeats its request with "${onConflict}", ${room}: it is told so, and the other session goes on`, async () => {
          const host = await fleet.host({ hostId: 'h1', slots: isFull ? 1 : 3 });
          const before = await fleet.player('alice');
          play(before, 'r1', { onConflict });
          const { sessionId } = await before.next('matched');
          host.send({ type: 'session', sessionId, epoch: 1, state: 'active' });
          await before.next('session');
          before.terminate();
          const phone = await fleet.player('alice', { broker: 1 });
          play(phone, 'r2', { onConflict: 'takeover' });
          const { sessionId: other } = await phone.next('matched');
          expect(other).not.to.equal(sessionId);
          const back = await fleet.player('alice');
          play(back, 'r1', { onConflict });
          const end = { sessionId, state: 'ended', reason: 'superseded' };
          expect(await back.next('session')).to.include(end);
          expect(await back.answer('r1')).to.include({ code: 'SESSION_OVER' });
          expect(await host.next('end')).to.include({ sessionId, reason: 'superseded' });
          host.send({ type: 'session', sessionId: other, epoch: 1, state: 'active' });
          expect(await phone.next('session')).to.include({ sessionId: other, state: 'active' });
          expect([...back.unread, ...phone.unread]).to.deep.equal([]);
          expect(host.unread.filter(({ type }) => type !== 'prepare')).to.deep.equal([]);
        });
      }
    }

    it('when a device whose session another one resumed cancels its request: the session goes on', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 2 });
      const tv = await fleet.player('alice');
      play(tv, 'r1');
      const { sessionId } = await tv.next('matched');
      await host.next('prepare');
      const phone = await fleet.player('alice', { broker: 1 });
      play(phone, 'r2', { onConflict: 'resume' });
      await phone.next('matched');
      await tv.next('replaced');
      tv.send({ type: 'cancel', requestId: 'r1' });
      expect(await tv.next('error')).to.include({ code: 'CANCELLED' });
      host.send({ type: 'session', sessionId, epoch: 1, state: 'active' });
      expect(await phone.next('session')).to.include({ sessionId, state: 'active' });
      expect(host.unread).to.deep.equal([]);
    });

    it('and may request again when it has ended, without a check of the one before', async () => {
      const host = await fleet.host({ hostId: 'h1' });
      const alice = await fleet.player('alice', { broker: 1 });
      const asked: string[] = [];
      for (const store of fleet.stores) {
        const { getQueueStatus } = store;
        store.getQueueStatus = (regionPool, sessionIds, attended) => {
          asked.push(...sessionIds);
          return getQueueStatus(regionPool, sessionIds, attended);
        };
      }
      play(alice, 'r1');
      const { sessionId } = await alice.next('matched');
      await host.next('prepare');
      host.send({ type: 'session', sessionId, epoch: 1, state: 'active' });
      host.send({ type: 'session', sessionId, epoch: 1, state: 'ended', reason: 'idle' });
      await alice.next('session', ({ state }) => state === 'ended');
      play(alice, 'r2');
      expect(await alice.answer('r2')).to.include({ type: 'matched' });
      expect(asked).to.deep.equal([]);
    });
  });
}
