import { HOST_PATH } from '@duskline/protocol/constants';
import { createClient } from '@duskline/client/node';
import { expect } from 'chai';
import { IDLE_LOAD, TEST_DEVICE, openHost, testToken } from '../../support/fleet/test-broker.js';
import { Peer, type Frame } from '../../support/fleet/peer.js';
import { letTimePass } from '../../support/time/scenario-time.js';
import { waitUntil } from '../../support/time/eventually.js';
import { TestFleet, acceptOffer, play, queueUp, roundTrip } from '../../support/fleet/test-fleet.js';

/** Ends and refusals that a player received. */
function badNews(player: Peer): string[] {
  return player.unread
    .filter(({ type, state }) => type === 'error' || (type === 'session' && state === 'ended'))
    .map(({ type, code, reason }) => `${type} ${String(code ?? reason)}`);
}

const endpointOf = (frame: Frame): string => (frame['host'] as { readonly endpoint: string }).endpoint;

for (const [where, options] of [
  ['on one broker', { brokers: 1 }],
  ['on one broker with Redis', { brokers: 1, store: 'redis' }],
  ['on two brokers', { brokers: 2 }],
] as const) {
  describe(`A host that returns ${where}`, function () {
    this.timeout(10_000);
    let fleet: TestFleet;
    beforeEach(async () => {
      fleet = await TestFleet.start(options);
    });
    afterEach(() => fleet.stop());

    /** Players whose sessions run on the host, on the other broker. */
    async function playing(
      host: Peer,
      names: readonly string[],
    ): Promise<{ player: Peer; matched: Frame }[]> {
      const all = [];
      for (const name of names) {
        const player = await fleet.player(name, { broker: 1 });
        play(player, 'r1');
        const matched = await player.next('matched');
        const { sessionId, epoch } = await host.next('prepare');
        host.send({ type: 'session', sessionId, epoch, state: 'active' });
        await player.next('session');
        all.push({ player, matched });
      }
      return all;
    }

    async function comeBack(
      options: { slots: number; sessions?: object[]; endpoint?: string },
      broker = 0,
    ): Promise<Peer> {
      const { slots, sessions = [], endpoint = 'ws://127.0.0.1:1/stream/h1' } = options;
      const place = { region: 'near', pool: 'console-x' };
      const peer = await Peer.open(fleet.broker(broker).url, HOST_PATH, {
        token: testToken({ kind: 'host', ...place }),
      });
      peer.send({ type: 'register', hostId: 'h1', ...place, slots, endpoint, sessions });
      await peer.next('registered');
      peer.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
      return peer;
    }

    for (const [when, awayMs] of [
      ['at once', 0],
      ['after 0.05 s', 50],
      ['after 1.5 s', 1_500],
    ] as const) {
      it(`without its sessions, ${when}: they are placed on it again, because no other host has room`, async () => {
        const host = await fleet.host({ hostId: 'h1', slots: 2 });
        const players = await playing(host, ['alice', 'bob']);
        const carol = await fleet.player('carol');
        await queueUp(carol, 'r1');
        host.terminate();
        if (awayMs > 0) await letTimePass(awayMs);
        const back = await comeBack({ slots: 2 });
        for (const { player, matched } of players) {
          const again = await player.next('matched');
          expect(again).to.include({ sessionId: matched['sessionId'], epoch: 2 });
          expect(again['host']).to.include({ hostId: 'h1' });
        }
        const prepared = [await back.next('prepare'), await back.next('prepare')];
        expect(prepared.map(({ epoch }) => epoch)).to.deep.equal([2, 2]);
        expect(players.flatMap(({ player }) => badNews(player))).to.deep.equal([]);
        expect(carol.unread.filter(({ type }) => type !== 'queued')).to.deep.equal([]);
      });
    }

    it('with fewer slots: reservations that do not fit get other hosts', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 4 });
      const players = [];
      for (const name of ['alice', 'bob', 'carol', 'dave']) {
        const player = await fleet.player(name, { broker: 1 });
        play(player, 'r1');
        await player.next('matched');
        players.push(player);
      }
      await fleet.host({ hostId: 'h2', slots: 4 }, 1);
      host.terminate();
      const back = await comeBack({ slots: 2 });
      for (const player of players.slice(2)) {
        const again = await player.next('matched');
        expect(again['epoch']).to.equal(2);
        expect(again['host']).to.include({ hostId: 'h2' });
      }
      // It is sent only the reservations that it keeps.
      const prepared = [await back.next('prepare'), await back.next('prepare')];
      expect(prepared.map(({ playerId }) => playerId)).to.have.members(['alice', 'bob']);
      await roundTrip(players[0]!);
      expect(back.unread.filter(({ type }) => type !== 'pong')).to.deep.equal([]);
      expect(players.slice(0, 2).flatMap(({ unread }) => unread.map(({ type }) => type))).to.deep.equal([]);
      expect(players.flatMap(badNews)).to.deep.equal([]);
    });

    it('with fewer slots: an offer that was not accepted gives way before a reservation', async () => {
      const host = await fleet.fullHost({ hostId: 'h1', slots: 2 });
      const [offered, matched] = [await fleet.player('alice', { broker: 1 }), await fleet.player('bob')];
      await queueUp(offered, 'r1');
      await queueUp(matched, 'r1');
      await host.free();
      await offered.next('offer');
      await host.free();
      await acceptOffer(matched);
      host.terminate();
      const back = await comeBack({ slots: 1 });
      expect(await back.next('prepare')).to.include({ playerId: 'bob' });
      expect(await offered.next('queued', ({ position }) => position === 1)).to.include({ requestId: 'r1' });
      expect(badNews(matched)).to.deep.equal([]);
      expect(matched.unread.map(({ type }) => type)).to.not.include('queued');
    });

    it('without its session: it is placed again before a player who was only offered a slot', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 2 });
      const [alice, bob] = await playing(host, ['alice', 'bob']);
      const erin = await fleet.player('erin');
      await queueUp(erin, 'r1');
      bob!.player.send({ type: 'end', sessionId: bob!.matched['sessionId'] });
      await erin.next('offer');
      host.terminate();
      await comeBack({ slots: 1 });
      expect(await alice!.player.next('matched')).to.include({
        sessionId: alice!.matched['sessionId'],
        epoch: 2,
      });
      expect(await erin.next('queued', ({ position }) => position === 1)).to.include({ requestId: 'r1' });
      expect(badNews(alice!.player)).to.deep.equal([]);
    });

    it('at another endpoint: a device that has resumed a session, and is not connected to the host yet, gets `matched` again', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 4 });
      const [first] = await playing(host, ['alice']);
      const { sessionId } = first!.matched;
      const second = await fleet.player('alice', { broker: 1 });
      play(second, 'r2', { onConflict: 'resume' });
      await second.next('matched');
      host.terminate();
      const sessions = [{ sessionId, epoch: 1, state: 'active' }];
      await comeBack({ slots: 4, sessions, endpoint: 'wss://new.example/stream' }, 1);
      const again = await second.next('matched');
      expect(again).to.include({ sessionId, epoch: 1, requestId: 'r2' });
      expect(endpointOf(again)).to.equal('wss://new.example/stream');
      expect(badNews(second)).to.deep.equal([]);
    });

    it('with fewer slots: reservations that do not fit wait first in line when no other host is free', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 4 });
      const players = [];
      for (const name of ['alice', 'bob', 'carol', 'dave']) {
        const player = await fleet.player(name, { broker: 1 });
        play(player, 'r1');
        players.push({ player, matched: await player.next('matched') });
      }
      const erin = await fleet.player('erin');
      await queueUp(erin, 'r1');
      host.terminate();
      const back = await comeBack({ slots: 2 });
      const [stay, wait] = [players.slice(0, 2), players.slice(2)];
      for (const [i, { player }] of wait.entries())
        expect(await player.next('queued', ({ position }) => position === i + 1)).to.include({
          requestId: 'r1',
        });
      expect(await erin.next('queued', ({ position }) => position === 3)).to.include({ requestId: 'r1' });
      // Each slot that becomes free goes to the next of them.
      for (const [i, { player, matched }] of stay.entries()) {
        expect(player.unread).to.deep.equal([]);
        player.send({ type: 'end', sessionId: matched['sessionId'] });
        const again = await acceptOffer(wait[i]!.player);
        expect(again).to.include({ sessionId: wait[i]!.matched['sessionId'] });
        expect(await back.next('prepare', ({ epoch }) => epoch === again['epoch'])).to.include({
          sessionId: again['sessionId'],
        });
      }
      expect(wait.flatMap(({ player }) => badNews(player))).to.deep.equal([]);
    });

    it('at another endpoint: a player of the SDK gets it with `replaced`, at the same epoch', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 4 });
      const client = createClient({
        url: fleet.broker(1).url.replace('http', 'ws'),
        token: testToken({ kind: 'player', playerId: 'alice' }),
        device: { ...TEST_DEVICE, codecs: [...TEST_DEVICE.codecs] },
      });
      try {
        const session = await client.play({ title: 'drift', rtt: { near: 10 } });
        const { sessionId } = session;
        const events: unknown[] = [];
        session.on('replaced', () => void events.push(session.host.endpoint));
        session.on('state', (state) => void events.push(state));
        host.terminate();
        await comeBack({ slots: 4, endpoint: 'wss://new.example/stream' });
        await waitUntil(() => events.length > 0);
        expect(session).to.include({ sessionId, epoch: 1, state: 'reserved' });

        // While the stream runs, it needs no other endpoint; when it is lost, the client gets the one that is new by then.
        const listed = [{ sessionId, epoch: 1, state: 'connected' }];
        const running = await comeBack({ slots: 4, sessions: listed, endpoint: 'wss://new.example/stream' });
        await waitUntil(() => session.state === 'connected');
        running.send({ type: 'session', sessionId, epoch: 1, state: 'disconnected' });
        await waitUntil(() => session.state === 'disconnected');
        running.terminate();
        const lost = [{ sessionId, epoch: 1, state: 'disconnected' }];
        await comeBack({ slots: 4, sessions: lost, endpoint: 'wss://third.example/stream' });
        await waitUntil(() => events.length >= 4);
        expect(events).to.deep.equal([
          'wss://new.example/stream',
          'connected',
          'disconnected',
          'wss://third.example/stream',
        ]);
        expect(session.epoch).to.equal(1);
      } finally {
        await client.close();
      }
    });

    it('at another endpoint: clients that are about to connect get `matched` again, at the same epoch', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 4 });
      const [running] = await playing(host, ['alice']);
      const bob = await fleet.player('bob', { broker: 1 });
      play(bob, 'r1');
      const before = await bob.next('matched');
      host.terminate();
      const { sessionId } = running!.matched;
      const sessions = [{ sessionId, epoch: 1, state: 'active' }];
      await comeBack({ slots: 4, sessions, endpoint: 'wss://new.example/stream' });
      const after = await bob.next('matched');
      expect(after).to.include({ sessionId: before['sessionId'], epoch: 1, requestId: 'r1' });
      expect(endpointOf(after)).to.equal('wss://new.example/stream');
      expect(after['claimWithinMs']).to.be.within(1, before['claimWithinMs'] as number);
      expect(badNews(bob)).to.deep.equal([]);
      expect(running!.player.unread).to.deep.equal([]);
    });

    it('at another endpoint: a client whose stream is lost gets `matched` again, with the endpoint', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 4 });
      const [one] = await playing(host, ['alice']);
      const { player, matched } = one!;
      const { sessionId } = matched;
      host.send({ type: 'session', sessionId, epoch: 1, state: 'disconnected' });
      await player.next('session', ({ state }) => state === 'disconnected');
      host.terminate();
      const sessions = [{ sessionId, epoch: 1, state: 'disconnected' }];
      await comeBack({ slots: 4, sessions, endpoint: 'wss://new.example/stream' }, 1);
      const again = await player.next('matched');
      expect(again).to.include({ sessionId, epoch: 1, requestId: 'r1' });
      expect(endpointOf(again)).to.equal('wss://new.example/stream');
      expect(badNews(player)).to.deep.equal([]);
    });

    it('at the same endpoint: clients get no message', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 4 });
      const bob = await fleet.player('bob', { broker: 1 });
      play(bob, 'r1');
      await bob.next('matched');
      host.terminate();
      const back = await comeBack({ slots: 4 });
      await back.next('prepare');
      bob.send({ type: 'ping', id: 1 });
      await bob.next('pong');
      expect(bob.unread).to.deep.equal([]);
    });

    it('with a reservation: it gets the same `prepare` again, with the time that is left', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 4 });
      const bob = await fleet.player('bob', { broker: 1 });
      play(bob, 'r1');
      const { claimWithinMs, ...before } = await host.next('prepare');
      const passedMs = 60;
      await letTimePass(passedMs);
      host.terminate();
      const back = await comeBack({ slots: 4 });
      const { claimWithinMs: leftMs, ...again } = await back.next('prepare');
      expect(again).to.deep.equal(before);
      expect(leftMs).to.be.within(1, Number(claimWithinMs) - passedMs + 2);
    });

    it('with a session that has ended: it gets `end` before the next session of that slot', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 1 });
      const [alice] = await playing(host, ['alice']);
      const { sessionId } = alice!.matched;
      host.terminate();
      alice!.player.send({ type: 'end', sessionId });
      await alice!.player.next('session', ({ state }) => state === 'ended');
      const bob = await fleet.player('bob', { broker: 1 });
      play(bob, 'r1');
      await bob.next('matched');
      const sessions = [{ sessionId, epoch: 1, state: 'connected' }];
      const back = await openHost(fleet.broker(0).url, { hostId: 'h1', slots: 1, sessions });
      expect(await back.nextFrame()).to.include({ type: 'end', sessionId, reason: 'client_left' });
      expect(await back.nextFrame()).to.include({ type: 'prepare', playerId: 'bob' });
    });
  });
}
