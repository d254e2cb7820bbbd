import { expect } from 'chai';
import { SHORT_INTERVALS } from '../../support/fleet/test-broker.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { failAt, type StoreStep } from '../../support/fleet/store-steps.js';
import { TestFleet, play, queueUp } from '../../support/fleet/test-fleet.js';

/** A request makes fewer calls than this before it is answered or waits. */
const MAX_CALLS = 25;

/** A test that waited for one of these times would fail at its deadline. */
const INTERVALS = { ...SHORT_INTERVALS, minRebuildMs: 60_000, requestGraceMs: 60_000 };

/** One player's request, on a fleet with one slot. */
interface Life {
  readonly title: string;
  readonly isFull: boolean;
  readonly change: object;
  /** What a broker answers when its store does. */
  readonly answer: 'matched' | 'queued' | 'NO_CAPACITY';
  /** What was there before: a request of the player on another connection. */
  readonly before: 'nothing' | 'session' | 'position';
}

const LIVES: readonly Life[] = [
  { title: 'while a slot is free', isFull: false, change: {}, answer: 'matched', before: 'nothing' },
  { title: 'while all slots are taken', isFull: true, change: {}, answer: 'queued', before: 'nothing' },
  {
    title: 'that does not wait, while all slots are taken',
    isFull: true,
    change: { wait: false },
    answer: 'NO_CAPACITY',
    before: 'nothing',
  },
  {
    title: 'that takes over a session',
    isFull: false,
    change: { onConflict: 'takeover' },
    answer: 'matched',
    before: 'session',
  },
  {
    title: 'that takes over a position in the queue',
    isFull: true,
    change: { onConflict: 'takeover' },
    answer: 'queued',
    before: 'position',
  },
];

for (const [where, options] of [
  ['on one broker with its state in memory', { brokers: 1 }],
  ['on one broker with Redis', { brokers: 1, store: 'redis' }],
  ['on two brokers', { brokers: 2 }],
] as const) {
  describe(`A request whose call the store does not answer, ${where}`, function () {
    this.timeout(60_000);
    let fleet: TestFleet;
    beforeEach(async () => {
      fleet = await TestFleet.start({ ...options, intervals: INTERVALS });
    });
    afterEach(() => fleet.stop());

    for (const life of LIVES) {
      it(`is answered when the store is back, ${life.title}`, async () => {
        if (life.isFull) await fleet.fullHost({ hostId: 'h1' }, 1);
        else await fleet.host({ hostId: 'h1', slots: 1 }, 1);
        let failures = 0;
        for (const when of ['before', 'after'] as const) {
          for (let call = 0; call < MAX_CALLS; call += 1) {
            if (!(await failDuring(life, { call, when }))) break;
            failures += 1;
          }
        }
        expect(failures, 'calls that failed').to.be.at.least(4);
      });
    }

    /** Returns whether the request made that call. */
    async function failDuring(life: Life, step: StoreStep): Promise<boolean> {
      const id = `r-${step.when}-${step.call}`;
      const [alice, tv] = [await fleet.player('alice'), await fleet.player('alice', { broker: 1 })];
      if (life.before === 'session') {
        play(tv, `before-${id}`);
        await tv.next('matched');
      }
      if (life.before === 'position') await queueUp(tv, `before-${id}`);
      const failure = failAt([fleet.stores[0]!], step);
      const answer = await playUntilAnswered(alice, id, life);
      failure.remove();
      expect(answer['code'] ?? answer.type, `${id}: ${JSON.stringify(alice.unread)}`).to.equal(life.answer);
      await cancel(alice, id);
      await cancel(tv, `before-${id}`);
      await expectNothingHeld(life, id);
      alice.terminate();
      tv.terminate();
      return failure.hasRun();
    }

    /** Repeats a request until it gets another answer than UNAVAILABLE. */
    async function playUntilAnswered(player: Peer, requestId: string, { change }: Life): Promise<Frame> {
      for (;;) {
        play(player, requestId, change);
        const answer = await player.nextOf(
          ['matched', 'queued', 'error'],
          (frame) => frame['requestId'] === requestId,
        );
        if (answer['code'] !== 'UNAVAILABLE') return answer;
        expect(answer).to.include({ retryable: true });
      }
    }

    async function cancel(peer: Peer, requestId: string): Promise<void> {
      peer.send({ type: 'cancel', requestId });
      await peer.next('error', (frame) => frame['code'] === 'CANCELLED' && frame['requestId'] === requestId);
    }

    /** The slot is free, or the queue empty. */
    async function expectNothingHeld({ isFull }: Life, id: string): Promise<void> {
      const bob = await fleet.player('bob', { broker: 1 });
      const requestId = `bob-${id}`;
      if (isFull) expect(await queueUp(bob, requestId), id).to.include({ position: 1 });
      else {
        play(bob, requestId);
        await bob.next('matched');
      }
      await cancel(bob, requestId);
      bob.terminate();
    }
  });
}
