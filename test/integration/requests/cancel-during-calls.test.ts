import { expect } from 'chai';
import { rawSocket } from '../../protocol/frames/raw-frames.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { interfereAt, type StoreStep } from '../../support/fleet/store-steps.js';
import {
  TestFleet,
  acceptOffer,
  play,
  queueUp,
  roundTrip,
  type FullHost,
} from '../../support/fleet/test-fleet.js';

/** A request makes fewer calls than this before it is answered or waits. */
const MAX_CALLS = 25;

/** One player's request, on a fleet with one slot. */
interface Life {
  readonly title: string;
  /** Whether another player has the slot. */
  readonly isFull: boolean;
  /** What was there before: a request `id` of the player on another connection. */
  before?(scene: Scene): Promise<void>;
  /** Sends the frame whose calls are cancelled one after the other. */
  begin(scene: Scene): Promise<void> | void;
}

interface Scene {
  readonly fleet: TestFleet;
  readonly host: FullHost | undefined;
  /** The connection of the request, and one of the same player to another broker. */
  readonly alice: Peer;
  readonly tv: Peer;
  /** Different in each round. */
  readonly id: string;
  readonly otherId: string;
}

const LIVES: readonly Life[] = [
  { title: 'while a slot is free', isFull: false, begin: ({ alice, id }) => play(alice, id) },
  { title: 'while all slots are taken', isFull: true, begin: ({ alice, id }) => play(alice, id) },
  {
    title: 'that does not wait, while all slots are taken',
    isFull: true,
    begin: ({ alice, id }) => play(alice, id, { wait: false }),
  },
  {
    title: 'that takes over a session',
    isFull: false,
    before: ({ tv, otherId }) => playing(tv, otherId),
    begin: ({ alice, id }) => play(alice, id, { onConflict: 'takeover' }),
  },
  {
    title: 'that takes over a position in the queue',
    isFull: true,
    before: ({ tv, otherId }) => waiting(tv, otherId),
    begin: ({ alice, id }) => play(alice, id, { onConflict: 'takeover' }),
  },
  {
    title: 'that resumes a session',
    isFull: false,
    before: ({ tv, otherId }) => playing(tv, otherId),
    begin: ({ alice, id }) => play(alice, id, { onConflict: 'resume' }),
  },
  {
    title: 'that resumes a position in the queue',
    isFull: true,
    before: ({ tv, otherId }) => waiting(tv, otherId),
    begin: ({ alice, id }) => play(alice, id, { onConflict: 'resume' }),
  },
  {
    title: 'that is repeated on another connection, where it has a session',
    isFull: false,
    before: ({ tv, id }) => playing(tv, id),
    begin: ({ alice, id }) => play(alice, id),
  },
  {
    title: 'that is repeated on another connection, where it waits',
    isFull: true,
    before: ({ tv, id }) => waiting(tv, id),
    begin: ({ alice, id }) => play(alice, id),
  },
];

async function waiting(peer: Peer, requestId: string): Promise<void> {
  await queueUp(peer, requestId);
}

async function playing(peer: Peer, requestId: string): Promise<void> {
  play(peer, requestId);
  await peer.next('matched', (frame) => frame['requestId'] === requestId);
}

for (const [where, options] of [
  ['on one broker with its state in memory', { brokers: 1 }],
  ['on one broker with Redis', { brokers: 1, store: 'redis' }],
  ['on two brokers', { brokers: 2 }],
] as const) {
  describe(`A cancel while a call of the request is under way, ${where}`, function () {
    this.timeout(60_000);
    let fleet: TestFleet;
    beforeEach(async () => {
      fleet = await TestFleet.start(options);
    });
    afterEach(() => fleet.stop());

    for (const life of LIVES) {
      it(`of a request ${life.title}: CANCELLED, once for each cancel, and nothing is held`, async () => {
        const host = await openHost(life);
        const bob = await fleet.player('bob', { broker: 1 });
        let rounds = 0;
        for (const when of ['before', 'after'] as const) {
          for (let call = 0; call < MAX_CALLS; call += 1) {
            const round = `${when}-${call}`;
            if (!(await cancelDuring(life, host, { call, when }))) break;
            rounds += 1;
            await expectNothingHeld(life, bob, round);
          }
        }
        expect(rounds, 'calls that were cancelled').to.be.at.least(4);
      });
    }

    for (const life of LIVES) {
      it(`sent in one write with a request ${life.title}: CANCELLED, once, and nothing is held`, async () => {
        const host = await openHost(life);
        const bob = await fleet.player('bob', { broker: 1 });
        const [alice, tv] = [await fleet.player('alice'), await fleet.player('alice', { broker: 1 })];
        const scene = { fleet, host, alice, tv, id: 'r1', otherId: 'other' };
        await life.before?.(scene);
        const socket = rawSocket(alice);
        socket.cork();
        await life.begin(scene);
        alice.send({ type: 'cancel', requestId: 'r1' });
        socket.uncork();
        await alice.next('error', answersCancel);
        tv.send({ type: 'cancel', requestId: 'other' });
        await tv.next('error', ({ code, requestId }) => code === 'CANCELLED' && requestId === 'other');
        await expectNothingHeld(life, bob, 'one-write');
        await roundTrip(alice);
        const rest = alice.unread.filter(({ type }) => type === 'matched' || type === 'offer');
        expect([...rest, ...alice.unread.filter(answersCancel)]).to.deep.equal([]);
      });
    }

    it('of an accepted offer: CANCELLED, once, and the slot goes to the next player', async () => {
      for (const when of ['before', 'after'] as const) {
        for (let call = 0; call < MAX_CALLS; call += 1) {
          const id = `r-${when}-${call}`;
          const host = await fleet.fullHost({ hostId: `h-${when}-${call}` }, 1);
          const alice = await fleet.player('alice');
          const bob = await fleet.player('bob', { broker: 1 });
          await queueUp(alice, id);
          await queueUp(bob, id);
          await host.free();
          await alice.next('offer');
          const cancel = cancelOn(alice, id);
          const interference = interfereAt([fleet.stores[0]!], { call, when }, cancel);
          alice.send({ type: 'accept', requestId: id });
          await alice.nextOf(['matched', 'error']);
          interference.remove();
          if (!interference.hasRun()) await cancel();
          const { sessionId } = await acceptOffer(bob);
          bob.send({ type: 'end', sessionId });
          await bob.next('session', ({ state }) => state === 'ended');
          expect(errorsOf(alice, id).length, `${id}: ${JSON.stringify(alice.unread)}`).to.be.at.most(1);
          host.send({ type: 'leave' });
          alice.terminate();
          bob.terminate();
          if (!interference.hasRun()) break;
        }
      }
    });

    async function openHost({ isFull }: Life): Promise<FullHost | undefined> {
      if (isFull) return fleet.fullHost({ hostId: 'h1' }, 1);
      await fleet.host({ hostId: 'h1', slots: 1 }, 1);
      return undefined;
    }

    /** Returns whether the request made that call, and was cancelled during it. */
    async function cancelDuring(life: Life, host: FullHost | undefined, step: StoreStep): Promise<boolean> {
      const id = `r-${step.when}-${step.call}`;
      const otherId = `other-${step.when}-${step.call}`;
      const [alice, tv] = [await fleet.player('alice'), await fleet.player('alice', { broker: 1 })];
      await life.before?.({ fleet, host, alice, tv, id, otherId });
      const interference = interfereAt([fleet.stores[0]!], step, cancelOn(alice, id));
      await life.begin({ fleet, host, alice, tv, id, otherId });
      const isOfRequest = ({ requestId }: Frame): boolean => requestId === id;
      const first = await alice.nextOf(['matched', 'queued', 'error'], isOfRequest);
      interference.remove();
      const hasRun = interference.hasRun();
      alice.send({ type: 'cancel', requestId: id });
      await roundTrip(alice);
      // Each of the cancels has an answer of its own.
      const unanswered = 1 + Number(hasRun) - Number(answersCancel(first));
      for (let i = 0; i < unanswered; i += 1) {
        await alice.next('error', (frame) => isOfRequest(frame) && answersCancel(frame));
      }
      await roundTrip(alice);
      expect(alice.unread.filter(answersCancel), id).to.deep.equal([]);
      expect(
        alice.unread.filter(({ type }) => type === 'matched'),
        id,
      ).to.deep.equal([]);
      // Whether the cancel came before or after the other request was taken over, the player has ended both now.
      tv.send({ type: 'cancel', requestId: otherId });
      await tv.next('error', ({ code, requestId }) => code === 'CANCELLED' && requestId === otherId);
      alice.terminate();
      tv.terminate();
      return hasRun;
    }

    /** The slot is free, or the queue empty. */
    async function expectNothingHeld({ isFull }: Life, bob: Peer, round: string): Promise<void> {
      const requestId = `bob-${round}`;
      if (isFull) expect(await queueUp(bob, requestId), round).to.include({ position: 1 });
      else await playing(bob, requestId);
      bob.send({ type: 'cancel', requestId });
      await bob.next('error', ({ code }) => code === 'CANCELLED');
    }
  });
}

function cancelOn(peer: Peer, requestId: string): () => Promise<void> {
  return async () => {
    peer.send({ type: 'cancel', requestId });
    await roundTrip(peer);
  };
}

function answersCancel({ code, inReplyTo }: Frame): boolean {
  return code === 'CANCELLED' && inReplyTo === 'cancel';
}

function errorsOf(peer: Peer, id: string): readonly object[] {
  return peer.unread.filter(({ type, requestId }) => type === 'error' && requestId === id);
}
