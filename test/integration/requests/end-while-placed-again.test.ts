import { expect } from 'chai';
import { newSessionId } from '../../support/fleet/fleet-data.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { interfereAt, type StoreStep } from '../../support/fleet/store-steps.js';
import { TestFleet, play, queueUp, roundTrip } from '../../support/fleet/test-fleet.js';

/** A session makes fewer calls than this until it has another host or waits again. */
const MAX_CALLS = 20;

interface GiveUp {
  readonly alice: Peer;
  readonly sessionId: unknown;
  readonly id: string;
  readonly step: StoreStep;
  readonly what: 'end' | 'cancel';
}

/** Whether the frame answers an `end` or a `cancel`. While the session waits for another slot, `end` is answered as `cancel` is. */
function answersGiveUp({ type, state, code }: Frame, what: 'end' | 'cancel'): boolean {
  const isCancelled = type === 'error' && code === 'CANCELLED';
  return isCancelled || (what === 'end' && type === 'session' && state === 'ended');
}

for (const [where, options] of [
  ['on one broker with its state in memory', { brokers: 1 }],
  ['on one broker with Redis', { brokers: 1, store: 'redis' }],
  ['on two brokers', { brokers: 2 }],
] as const) {
  describe(`A session that is placed again because its host refused or lost it, ${where}`, function () {
    this.timeout(60_000);
    let fleet: TestFleet;
    beforeEach(async () => {
      fleet = await TestFleet.start(options);
    });
    afterEach(() => fleet.stop());

    for (const isFull of [false, true]) {
      for (const what of ['end', 'cancel'] as const) {
        it(`ends with ${what} at any time after its host refused it, and holds nothing, ${isFull ? 'all slots taken' : 'a slot free'}`, async () => {
          let rounds = 0;
          for (const when of ['before', 'after'] as const) {
            for (let call = 0; call < MAX_CALLS; call += 1) {
              if (!(await giveUpDuring({ call, when }, what, isFull))) break;
              rounds += 1;
            }
          }
          expect(rounds, 'calls that were under way').to.be.at.least(3);
        });
      }
    }

    for (const isFull of [false, true]) {
      for (const what of ['end', 'cancel'] as const) {
        const room = isFull ? 'a session of its own in the only slot' : 'an empty slot';
        it(`ends with ${what} at any time after its host crashed and returned with ${room}, and holds nothing`, async () => {
          let rounds = 0;
          for (const when of ['before', 'after'] as const) {
            for (let call = 0; call < MAX_CALLS; call += 1) {
              if (!(await giveUpAfterCrash({ call, when }, what, isFull))) break;
              rounds += 1;
            }
          }
          expect(rounds, 'calls that were under way').to.be.at.least(3);
        });
      }
    }

    /** Returns whether the session made that call, and its player gave it up meanwhile. */
    async function giveUpDuring(step: StoreStep, what: 'end' | 'cancel', isFull: boolean): Promise<boolean> {
      const id = `${step.when}-${step.call}`;
      const first = await fleet.host({ hostId: `first-${id}`, slots: 1 }, 1);
      const alice = await fleet.player('alice');
      play(alice, id);
      const { sessionId } = await alice.next('matched');
      await first.next('prepare');
      const other = isFull ? undefined : await fleet.host({ hostId: `other-${id}`, slots: 1 }, 1);

      const hasRun = await giveUpWhile({ alice, sessionId, id, step, what }, async () => {
        first.send({ type: 'session', sessionId, epoch: 1, state: 'ended', reason: 'error' });
      });
      // What the broker held is free with its answer.
      await expectNothingHeld(id, isFull ? undefined : `other-${id}`);
      await expectNotMatched(alice, id);
      for (const host of [first, other]) host?.send({ type: 'leave' });
      await Promise.all([first.closed, other?.closed]);
      alice.terminate();
      return hasRun;
    }

    /**
     * The session runs, and its host returns without any; or it is reserved, and its host returns with another session in its only
     * slot. Returns whether the session made that call, and its player gave it up meanwhile.
     */
    async function giveUpAfterCrash(
      step: StoreStep,
      what: 'end' | 'cancel',
      isFull: boolean,
    ): Promise<boolean> {
      const id = `crashed-${step.when}-${step.call}`;
      const host = await fleet.host({ hostId: id, slots: 1 }, 1);
      const alice = await fleet.player('alice');
      play(alice, id);
      const { sessionId } = await alice.next('matched');
      await host.next('prepare');
      if (!isFull) {
        host.send({ type: 'session', sessionId, epoch: 1, state: 'active' });
        await alice.next('session', ({ state }) => state === 'active');
      }
      let back: Peer = host;
      const hasRun = await giveUpWhile({ alice, sessionId, id, step, what }, async () => {
        host.terminate();
        const sessions = isFull ? [{ sessionId: newSessionId(), epoch: 1, state: 'connected' }] : [];
        back = await fleet.host({ hostId: id, slots: 1, sessions }, 1);
      });
      await expectNothingHeld(id, isFull ? undefined : id);
      await expectNotMatched(alice, id);
      back.send({ type: 'leave' });
      await back.closed;
      alice.terminate();
      return hasRun;
    }

    /** Places the session again, and lets its player give it up during a call. Returns whether the call was made. */
    async function giveUpWhile(
      { alice, sessionId, id, step, what }: GiveUp,
      loseSlot: () => Promise<void>,
    ): Promise<boolean> {
      const giveUp = async (): Promise<void> => {
        alice.send(what === 'end' ? { type: 'end', sessionId } : { type: 'cancel', requestId: id });
        await roundTrip(alice);
      };
      const interference = interfereAt([fleet.stores[0]!], step, giveUp);
      const losing = loseSlot();
      const isAnswer = ({ type, state }: Frame): boolean => type !== 'session' || state === 'ended';
      const answer = await alice.nextOf(['matched', 'queued', 'session', 'error'], isAnswer);
      interference.remove();
      await losing;
      const hasRun = interference.hasRun();
      if (!hasRun) await giveUp();
      if (!answersGiveUp(answer, what))
        await alice.nextOf(['session', 'error'], (frame) => answersGiveUp(frame, what));
      return hasRun;
    }

    async function expectNotMatched(alice: Peer, id: string): Promise<void> {
      await roundTrip(alice);
      expect(
        alice.unread.filter(({ type }) => type === 'matched'),
        id,
      ).to.deep.equal([]);
    }

    /** @param freeHost whose slot is free; without it, the queue is empty */
    async function expectNothingHeld(id: string, freeHost: string | undefined): Promise<void> {
      const bob = await fleet.player('bob', { broker: 1 });
      if (freeHost === undefined) expect(await queueUp(bob, id), id).to.include({ position: 1 });
      else {
        play(bob, id);
        expect((await bob.next('matched'))['host'], id).to.include({ hostId: freeHost });
      }
      bob.send({ type: 'cancel', requestId: id });
      await bob.next('error', ({ code }) => code === 'CANCELLED');
      bob.terminate();
    }
  });
}
