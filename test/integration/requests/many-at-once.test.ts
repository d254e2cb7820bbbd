import { expect } from 'chai';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import {
  TestFleet,
  acceptOffer,
  play,
  queueUp,
  roundTrip,
  startStream,
} from '../../support/fleet/test-fleet.js';
import { waitUntil } from '../../support/time/eventually.js';

const REGION_POOL = { region: 'near', pool: 'console-x' };

/** Connections of one player that play at the same moment. */
const SOCKETS = 30;

/** What each connection asks for, by its index, and with which id. */
interface Burst {
  readonly name: string;
  readonly onConflict: (i: number) => 'resume' | 'takeover';
  readonly requestId: (i: number) => string;
}

const RESUMES: Burst = { name: 'resume', onConflict: () => 'resume', requestId: (i) => `burst-${i}` };
const SAME_ID: Burst = {
  name: 'resume with one request id',
  onConflict: () => 'resume',
  requestId: () => 'burst',
};
const TAKEOVERS: Burst = { name: 'take over', onConflict: () => 'takeover', requestId: (i) => `burst-${i}` };
const MIXED: Burst = {
  name: 'resume or take over',
  // Pairs, so that each of two brokers gets both.
  onConflict: (i) => (Math.floor(i / 2) % 2 === 0 ? 'resume' : 'takeover'),
  requestId: (i) => `burst-${i}`,
};

const isOver = ({ type, state }: Frame): boolean =>
  type === 'replaced' || type === 'error' || (type === 'session' && state === 'ended');
const holds = ({ unread }: Peer): boolean => !unread.some(isOver);
const isMatched = ({ unread }: Peer): boolean => unread.some(({ type }) => type === 'matched');
const isQueued = ({ unread }: Peer): boolean => unread.some(({ type }) => type === 'queued');

for (const [where, options] of [
  ['on one broker with its state in memory', { brokers: 1 }],
  ['on one broker with Redis', { brokers: 1, store: 'redis' }],
  ['on two brokers', { brokers: 2 }],
] as const) {
  describe(`When many connections of a player play at the same moment, ${where}`, function () {
    this.timeout(20_000);
    let fleet: TestFleet;
    let peers: Peer[];
    beforeEach(async () => {
      fleet = await TestFleet.start(options);
      peers = await Promise.all(
        Array.from({ length: SOCKETS }, (_, i) => fleet.player('alice', { broker: i % options.brokers })),
      );
    });
    afterEach(() => fleet.stop());

    function send({ onConflict, requestId }: Burst): void {
      peers.forEach((peer, i) => play(peer, requestId(i), { onConflict: onConflict(i) }));
    }

    /** The one connection that has the request at the end, when every other one has had its last word. */
    async function lastOne(burst: Burst, isAnswered: (peer: Peer) => boolean): Promise<Peer> {
      await waitUntil(() => peers.filter(holds).length === 1 && peers.filter(holds).every(isAnswered)).catch(
        (error: unknown) => {
          throw new Error(JSON.stringify(peers.map(({ unread }) => unread)), { cause: error });
        },
      );
      const requestIds = new Set(peers.map((_, i) => burst.requestId(i)));
      for (const { unread } of peers) {
        expect(unread.filter(({ type }) => type === 'error')).to.deep.equal([]);
        expect(unread.filter(isOver).length, JSON.stringify(unread)).to.be.at.most(1);
        for (const { byRequestId } of unread.filter(({ type }) => type === 'replaced'))
          expect(requestIds.has(String(byRequestId)), String(byRequestId)).to.equal(true);
      }
      return peers.find(holds)!;
    }

    /** Expects that the store knows the request of this connection as the player's live one. Returns the id of its session. */
    async function expectLive(last: Peer, burst: Burst): Promise<string> {
      const requestId = burst.requestId(peers.indexOf(last));
      const [record] = await fleet.stores[0]!.findRequests([{ playerId: 'alice', requestId }]);
      expect(record, requestId).to.include({ state: 'live' });
      return record!.sessionId;
    }

    /** Expects that this connection has the session: its events arrive there, and nowhere else, and it holds the one slot. */
    async function expectSession(last: Peer, burst: Burst, host: Peer): Promise<string> {
      const sessionId = await expectLive(last, burst);
      const matched = last.unread.findLast(({ type }) => type === 'matched');
      expect(matched).to.include({ sessionId });
      await waitUntil(async () => {
        const { regions } = await fleet.broker(0).broker.status();
        return regions[0]?.pools[0]?.sessions === 1;
      });
      const { epoch } = matched!;
      host.send({ type: 'session', sessionId, epoch, state: 'active' });
      host.send({ type: 'session', sessionId, epoch, state: 'disconnected' });
      await last.next('session', ({ state }) => state === 'disconnected');
      await Promise.all(peers.map(roundTrip));
      for (const peer of peers)
        if (peer !== last) expect(peer.unread.some(({ state }) => state === 'disconnected')).to.equal(false);
      return sessionId;
    }

    for (const burst of [RESUMES, SAME_ID, TAKEOVERS, MIXED]) {
      const mayEnd = burst === TAKEOVERS || burst === MIXED;

      it(`and ${burst.name} while its session streams: one gets it, and each other one is told so`, async () => {
        const host = await fleet.host({ hostId: 'h1', slots: 8 });
        const tv = await fleet.player('alice');
        const { sessionId } = await startStream(tv, host, []);
        send(burst);
        const last = await lastOne(burst, isMatched);
        await waitUntil(() => tv.unread.some(isOver));
        const lastId = await expectSession(last, burst, host);
        if (!mayEnd) expect(lastId).to.equal(sessionId);
      });

      it(`and ${burst.name} while its session is reserved: one gets it, and each other one is told so`, async () => {
        const host = await fleet.host({ hostId: 'h1', slots: 8 });
        const tv = await fleet.player('alice');
        play(tv, 'r1');
        const { sessionId } = await tv.next('matched');
        await host.next('prepare');
        send(burst);
        const last = await lastOne(burst, isMatched);
        await waitUntil(() => tv.unread.some(isOver));
        const lastId = await expectSession(last, burst, host);
        if (!mayEnd) expect(lastId).to.equal(sessionId);
      });

      it(`and ${burst.name} while its request waits: one waits on, and each other one is told so`, async () => {
        const host = await fleet.fullHost({ hostId: 'h1' });
        const tv = await fleet.player('alice');
        await queueUp(tv, 'r1');
        send(burst);
        const last = await lastOne(burst, isQueued);
        await waitUntil(() => tv.unread.some(isOver));
        const sessionId = await expectLive(last, burst);
        const bob = await fleet.player('bob');
        expect(await queueUp(bob, 'r1')).to.include({ position: 2 });
        await host.free();
        expect(await acceptOffer(last)).to.include({ sessionId });
        const [session] = await fleet.stores[0]!.getSessions(REGION_POOL, [sessionId]);
        expect(session).to.include({ state: 'reserved' });
        await Promise.all(peers.map(roundTrip));
        expect(peers.filter((peer) => peer !== last && isMatched(peer))).to.deep.equal([]);
      });

      it(`and ${burst.name} while it has no request: one gets a session, and each other one is told so`, async () => {
        const host = await fleet.host({ hostId: 'h1', slots: 8 });
        send(burst);
        await expectSession(await lastOne(burst, isMatched), burst, host);
      });
    }
  });
}
