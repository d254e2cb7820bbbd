import { expect } from 'chai';
import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { TestFleet, acceptOffer, play, queueUp } from '../../support/fleet/test-fleet.js';

/** What a request is refused with, and how its client comes to that. */
interface Refused {
  readonly code: ErrorCode;
  readonly refuse: (scene: Scene) => Promise<void>;
  /** Makes room for the request. */
  readonly free: (scene: Scene) => Promise<void>;
}

interface Scene {
  readonly fleet: TestFleet;
  readonly alice: Peer;
  readonly host: { free(): Promise<void> };
}

const free = ({ host }: Scene): Promise<void> => host.free();

const RETRYABLE: readonly Refused[] = [
  {
    code: 'NO_CAPACITY',
    refuse: async ({ alice }) => play(alice, 'r1', { wait: false }),
    free,
  },
  {
    code: 'QUEUE_FULL',
    refuse: async ({ fleet, alice }) => {
      await queueUp(await fleet.player('bob'), 'r1');
      play(alice, 'r1');
    },
    free: async ({ fleet, host }) => {
      const bob = await fleet.player('bob');
      bob.send({ type: 'cancel', requestId: 'r1' });
      await bob.next('error');
      await host.free();
    },
  },
];

const FINAL: readonly Refused[] = [
  {
    code: 'CANCELLED',
    refuse: async ({ alice }) => {
      await queueUp(alice, 'r1');
      alice.send({ type: 'cancel', requestId: 'r1' });
    },
    free,
  },
  {
    code: 'TIMED_OUT',
    refuse: async ({ alice, host }) => {
      await queueUp(alice, 'r1');
      await host.free();
    },
    free: () => Promise.resolve(),
  },
];

for (const [where, brokers] of [
  ['on one broker, with its state in memory', 1],
  ['on two brokers that share a Redis', 2],
] as const) {
  describe(`The id of a request, ${where}`, function () {
    this.timeout(15_000);
    let fleet: TestFleet;
    let alice: Peer;
    let scene: Scene;
    beforeEach(async () => {
      fleet = await TestFleet.start({ brokers, limits: { queueMaxLength: 1, offerMs: 1_000 } });
      const host = await fleet.fullHost({ hostId: 'h1' }, 1);
      alice = await fleet.player('alice');
      scene = { fleet, alice, host };
    });
    afterEach(() => fleet.stop());

    const answerTo = (peer: Peer): Promise<Frame> =>
      peer.nextOf(['matched', 'error'], ({ requestId }) => requestId === 'r1');

    for (const { code, refuse, free: makeRoom } of RETRYABLE) {
      it(`may be used again after ${code}, on any broker`, async () => {
        await refuse(scene);
        expect(await alice.answer('r1')).to.include({ code, retryable: true });
        await makeRoom(scene);
        const again = await fleet.player('alice', { broker: 1 });
        play(again, 'r1');
        expect(await answerTo(again)).to.include({ type: 'matched' });
      });
    }

    for (const { code, refuse, free: makeRoom } of FINAL) {
      it(`gets no session any more after ${code}, on any broker, and a new id does`, async () => {
        await refuse(scene);
        expect(await alice.answer('r1')).to.include({ code, retryable: false });
        await makeRoom(scene);
        for (const broker of [0, 1]) {
          const again = await fleet.player('alice', { broker });
          play(again, 'r1');
          const { code: same } = await again.answer('r1');
          expect(ERRORS[same as ErrorCode].retryable, String(same)).to.equal(false);
        }
        play(alice, 'r2');
        expect(await alice.answer('r2')).to.include({ type: 'matched' });
      });
    }

    it('gets no session any more after its session has ended, and a new id does', async () => {
      await queueUp(alice, 'r1');
      await scene.host.free();
      const { sessionId } = await acceptOffer(alice);
      alice.send({ type: 'end', sessionId });
      await alice.next('session');
      const again = await fleet.player('alice', { broker: 1 });
      play(again, 'r1');
      expect(await again.answer('r1')).to.include({ code: 'SESSION_OVER', retryable: false });
      play(again, 'r2');
      expect(await again.answer('r2')).to.include({ type: 'matched' });
    });
  });
}
