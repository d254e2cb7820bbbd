import { expect } from 'chai';
import type { Limits } from '@duskline/server/domain/limits.js';
import { IDLE_LOAD, openHost } from '../../support/fleet/test-broker.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import {
  TestFleet,
  keepSendingHeartbeats,
  play,
  queueUp,
  type ListedSession,
} from '../../support/fleet/test-fleet.js';

const SHORT_RESERVATIONS = { reservationMs: 300 };

/** Silent hosts are lost soon, and hosts that send heartbeats are kept. */
const SHORT_SILENCE = { suspectAfterMs: 500, lostAfterMs: 1_000, sweepGapMs: 100 };

for (const [where, options] of [
  ['on one broker with its state in memory', { brokers: 1 }],
  ['on one broker with Redis', { brokers: 1, store: 'redis' }],
  ['on two brokers', { brokers: 2 }],
] as const) {
  describe(`A session that its host reports after it has ended for its client, ${where}`, function () {
    this.timeout(15_000);
    let fleet: TestFleet;
    let alice: Peer;
    afterEach(() => fleet.stop());

    async function start(limits: Partial<Limits>): Promise<void> {
      fleet = await TestFleet.start({ ...options, limits });
      alice = await fleet.player('alice', { broker: 1 });
    }

    /** A host that sends heartbeats with these sessions. */
    async function liveHost(hostId: string, sessions: ListedSession[] = []): Promise<Peer> {
      const host = await fleet.host({ hostId, slots: 1 });
      keepSendingHeartbeats(host, () => sessions);
      return host;
    }

    async function expectEnd(player: Peer, sessionId: unknown, reason: string): Promise<void> {
      const end = await player.next('session', ({ state }) => state === 'ended');
      expect(end).to.include({ sessionId, epoch: 1, reason });
    }

    async function expectState(sessionId: unknown, state: string): Promise<void> {
      const isNew = (frame: Frame): boolean => frame['state'] === state || frame['state'] === 'ended';
      expect(await alice.next('session', isNew)).to.include({ sessionId, epoch: 1, state });
    }

    /** The session has its slot: nobody else gets it, and its client can end it. */
    async function expectAlive(host: Peer, sessionId: unknown, hasSpare: boolean): Promise<void> {
      const bob = await fleet.player('bob');
      if (hasSpare) {
        play(bob, 'r1');
        expect((await bob.next('matched'))['host']).to.include({ hostId: 'spare' });
      } else await queueUp(bob, 'r1');
      alice.send({ type: 'end', sessionId });
      await expectEnd(alice, sessionId, 'client_left');
      const end = await host.next('end', ({ reason }) => reason === 'client_left');
      expect(end).to.include({ sessionId, epoch: 1 });
      expect(alice.unread).to.deep.equal([]);
    }

    for (const hasSpare of [true, false]) {
      const slots = hasSpare ? 'another slot free' : 'no other slot';

      it(`is alive again for its client when its reservation had expired, ${slots}`, async () => {
        await start(SHORT_RESERVATIONS);
        const held: ListedSession[] = [];
        const host = await liveHost('h1', held);
        play(alice, 'r1');
        const { sessionId } = await alice.next('matched');
        if (hasSpare) await liveHost('spare');
        await expectEnd(alice, sessionId, 'reservation_expired');
        // The host had admitted the client before it received the end.
        held.push({ sessionId, epoch: 1, state: 'active' });
        host.send({ type: 'session', sessionId, epoch: 1, state: 'active' });
        await expectState(sessionId, 'active');
        host.send({ type: 'session', sessionId, epoch: 1, state: 'connected' });
        held.splice(0, 1, { sessionId, epoch: 1, state: 'connected' });
        await expectState(sessionId, 'connected');
        await expectAlive(host, sessionId, hasSpare);
      });

      it(`is alive again for its client when its host was lost and the player asked for onHostLost "end", ${slots}`, async () => {
        await start(SHORT_SILENCE);
        const held: ListedSession[] = [];
        const lost = await liveHost('h1', held);
        play(alice, 'r1', { onHostLost: 'end' });
        const { sessionId } = await alice.next('matched');
        held.push({ sessionId, epoch: 1, state: 'active' });
        lost.send({ type: 'session', sessionId, epoch: 1, state: 'active' });
        await expectState(sessionId, 'active');
        if (hasSpare) await liveHost('spare');
        lost.terminate();
        await expectEnd(alice, sessionId, 'host_lost');
        const sessions = [{ sessionId, epoch: 1, state: 'connected' }];
        const back = await openHost(fleet.broker(0).url, { hostId: 'h1', slots: 1, sessions });
        back.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
        keepSendingHeartbeats(back, () => sessions);
        await expectState(sessionId, 'connected');
        await expectAlive(back, sessionId, hasSpare);
      });
    }
  });
}
