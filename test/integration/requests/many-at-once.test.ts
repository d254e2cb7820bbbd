import { expect } from 'chai';
import {
  BurstOfPeers,
  MIXED,
  REPEATS,
  RESUMES,
  SAME_ID,
  TAKEOVERS,
  isLastWord,
  isMatched,
  isQueued,
  type Burst,
} from '../../support/fleet/burst.js';
import { interfereOnce } from '../../support/fleet/interfere-once.js';
import type { Peer } from '../../support/fleet/peer.js';
import {
  TestFleet,
  acceptOffer,
  keepSendingHeartbeats,
  play,
  queueUp,
  startStream,
} from '../../support/fleet/test-fleet.js';
import { SingleMoveFleet } from '../../support/moves/single-move-fleet.js';
import { waitUntil } from '../../support/time/eventually.js';

const REGION_POOL = { region: 'near', pool: 'console-x' };

/** A host is lost half a second after it fell silent. */
const SHORT_LIMITS = { suspectAfterMs: 250, lostAfterMs: 500, sweepGapMs: 100 };

for (const [where, options] of [
  ['on one broker with its state in memory', { brokers: 1 }],
  ['on one broker with Redis', { brokers: 1, store: 'redis' }],
  ['on two brokers', { brokers: 2 }],
] as const) {
  describe(`When many connections of a player play at the same moment, ${where}`, function () {
    this.timeout(20_000);
    let fleet: TestFleet;
    let many: BurstOfPeers;
    beforeEach(async () => {
      fleet = await TestFleet.start(options);
      many = await BurstOfPeers.open(fleet);
    });
    afterEach(() => fleet.stop());

    for (const burst of [RESUMES, SAME_ID, TAKEOVERS, MIXED]) {
      const mayEnd = burst === TAKEOVERS || burst === MIXED;

      it(`and ${burst.name} while its session streams: one gets it, and each other one is told so`, async () => {
        const host = await fleet.host({ hostId: 'h1', slots: 8 });
        const tv = await fleet.player('alice');
        const { sessionId } = await startStream(tv, host, []);
        await many.send(burst);
        const last = await many.lastOne(burst, isMatched);
        await waitUntil(() => tv.unread.some(isLastWord));
        const lastId = await many.expectSession(last, burst, host);
        if (!mayEnd) expect(lastId).to.equal(sessionId);
      });

      it(`and ${burst.name} while its session is reserved: one gets it, and each other one is told so`, async () => {
        const host = await fleet.host({ hostId: 'h1', slots: 8 });
        const tv = await fleet.player('alice');
        play(tv, 'r1');
        const { sessionId } = await tv.next('matched');
        await host.next('prepare');
        await many.send(burst);
        const last = await many.lastOne(burst, isMatched);
        await waitUntil(() => tv.unread.some(isLastWord));
        const lastId = await many.expectSession(last, burst, host);
        if (!mayEnd) expect(lastId).to.equal(sessionId);
      });

      it(`and ${burst.name} while its request waits: one waits on, and each other one is told so`, async () => {
        const host = await fleet.fullHost({ hostId: 'h1' });
        const tv = await fleet.player('alice');
        await queueUp(tv, 'r1');
        await many.send(burst);
        const last = await many.lastOne(burst, isQueued);
        await waitUntil(() => tv.unread.some(isLastWord));
        const sessionId = await many.expectLive(last, burst);
        const bob = await fleet.player('bob');
        expect(await queueUp(bob, 'r1')).to.include({ position: 2 });
        await host.free();
        expect(await acceptOffer(last)).to.include({ sessionId });
        const [session] = await fleet.stores[0]!.getSessions(REGION_POOL, [sessionId]);
        expect(session).to.include({ state: 'reserved' });
        await many.settle();
        // The frame of the last one was taken from its buffer.
        expect(many.peers.filter(isMatched)).to.deep.equal([]);
      });

      it(`and ${burst.name} while it has no request: one gets a session, and each other one is told so`, async () => {
        const host = await fleet.host({ hostId: 'h1', slots: 8 });
        await many.send(burst);
        await many.expectSession(await many.lastOne(burst, isMatched), burst, host);
      });
    }
  });

  describe(`When many connections of a player play while its host is lost, ${where}`, function () {
    this.timeout(20_000);
    let fleet: TestFleet;
    let many: BurstOfPeers;
    let tv: Peer;
    let spare: Peer;
    let sessionId: string;
    beforeEach(async () => {
      fleet = await TestFleet.start({ ...options, limits: SHORT_LIMITS });
      many = await BurstOfPeers.open(fleet);
      tv = await fleet.player('alice');
    });
    afterEach(() => fleet.stop());

    /** Starts a session on a host that falls silent, and another host. */
    async function loseHost(): Promise<void> {
      const host = await fleet.host({ hostId: 'h1', slots: 1 });
      sessionId = String((await startStream(tv, host, []))['sessionId']);
      spare = await fleet.host({ hostId: 'h2', slots: 8 });
      keepSendingHeartbeats(spare);
      host.terminate();
    }

    for (const burst of [RESUMES, SAME_ID, MIXED, REPEATS] as readonly Burst[]) {
      it(`and ${burst.name} while it is placed again: one gets it, and each other one is told so`, async () => {
        let sent: Promise<void> | undefined;
        // Answers arrive only when the session has another host.
        interfereOnceLater('startAttempt', 'after', async () => {
          sent = many.send(burst);
          await sent;
        });
        await loseHost();
        await waitUntil(() => sent !== undefined);
        const last = await many.lastOne(burst, isMatched);
        await waitUntil(() => tv.unread.some(isLastWord));
        const lastId = await many.expectSession(last, burst, spare);
        if (burst !== MIXED) expect(lastId).to.equal(sessionId);
      });

      it(`and ${burst.name} after its player left: one gets a session, and each other one is told so`, async () => {
        await loseHost();
        tv.terminate();
        await waitUntil(async () => {
          const [session] = await fleet.stores[0]!.getSessions(REGION_POOL, [sessionId]);
          return session?.reason === 'host_lost';
        });
        await many.send(burst);
        await many.expectSession(await many.lastOne(burst, isMatched), burst, spare);
      });
    }

    /** As `interfereOnce`, on the first broker. */
    function interfereOnceLater(
      ...args: Parameters<typeof interfereOnce> extends [unknown, ...infer R] ? R : never
    ): void {
      interfereOnce(fleet.stores[0]!, ...args);
    }
  });
}

for (const brokers of [1, 2]) {
  describe(`When many connections of a player play while its session moves, on ${brokers === 1 ? 'one broker' : 'two brokers'}`, function () {
    this.timeout(20_000);
    let moving: SingleMoveFleet;
    let many: BurstOfPeers;
    beforeEach(async () => {
      moving = await SingleMoveFleet.start({ brokers });
      many = await BurstOfPeers.open(moving.fleet);
      await moving.startMove();
      await moving.sendCheckpoint();
    });
    afterEach(() => moving.fleet.stop());

    for (const burst of [RESUMES, SAME_ID]) {
      it(`and ${burst.name}: one gets it on its source host, and each other one is told so`, async () => {
        const { source, sessionId } = moving;
        await many.send(burst, { canMove: true });
        const last = await many.lastOne(burst, isMatched);
        expect(await source.next('resume')).to.include({ sessionId, epoch: 1 });
        expect(await many.expectSession(last, burst, source)).to.equal(sessionId);
      });
    }
  });
}
