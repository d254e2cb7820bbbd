import { expect } from 'chai';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { TestFleet, play, queueUp, acceptOffer, type FullHost } from '../../support/fleet/test-fleet.js';

for (const [where, brokers] of [
  ['on one broker', 1],
  ['on two brokers', 2],
] as const) {
  describe(`Cancelling a queued request, ${where}`, () => {
    let fleet: TestFleet;
    let host: FullHost;
    let alice: Peer;
    let bob: Peer;
    beforeEach(async () => {
      fleet = await TestFleet.start({ brokers });
      host = await fleet.fullHost({ hostId: 'h1' });
      alice = await fleet.player('alice');
      bob = await fleet.player('bob', { broker: 1 });
      await queueUp(alice, 'r1');
      await queueUp(bob, 'r1');
    });

    afterEach(() => fleet.stop());

    const cancelled = (peer: Peer): Promise<Frame> =>
      peer.next('error', ({ code, requestId }) => code === 'CANCELLED' && requestId === 'r1');

    it('moves the other players up, and lets the player request something else at once', async () => {
      alice.send({ type: 'cancel', requestId: 'r1' });
      await cancelled(alice);
      play(alice, 'r2');
      expect(await alice.nextOf(['queued', 'error'])).to.include({ type: 'queued', requestId: 'r2' });
      await bob.next('queued', ({ position }) => position === 1);
      await host.free();
      await acceptOffer(bob);
    });

    it('while it has an offer: the slot goes to the next player', async () => {
      await host.free();
      await alice.next('offer');
      alice.send({ type: 'cancel', requestId: 'r1' });
      await cancelled(alice);
      await acceptOffer(bob);
    });

    it('right after its accept: the slot goes to the next player', async () => {
      await host.free();
      await alice.next('offer');
      alice.send({ type: 'accept', requestId: 'r1' });
      alice.send({ type: 'cancel', requestId: 'r1' });
      await cancelled(alice);
      await acceptOffer(bob);
      const rest = alice.unread.map(({ type, state }) => [type, state]);
      expect(rest).to.be.deep.oneOf([[], [['session', 'ended']]]);
    });

    for (const [connection, broker] of [
      ['another connection', 0],
      ['another broker', 1],
    ] as const) {
      it(`from ${connection} reports CANCELLED on both connections`, async () => {
        const other = await fleet.player('alice', { broker });
        other.send({ type: 'cancel', requestId: 'r1' });
        await Promise.all([cancelled(other), cancelled(alice)]);
        await bob.next('queued', ({ position }) => position === 1);
      });

      it(`from ${connection} while it has an offer: the slot goes to the next player`, async () => {
        const other = await fleet.player('alice', { broker });
        await host.free();
        await alice.next('offer');
        other.send({ type: 'cancel', requestId: 'r1' });
        await Promise.all([cancelled(other), cancelled(alice), acceptOffer(bob)]);
      });

      it(`from ${connection} right after its accept: the slot goes to the next player`, async () => {
        const other = await fleet.player('alice', { broker });
        await host.free();
        await alice.next('offer');
        alice.send({ type: 'accept', requestId: 'r1' });
        other.send({ type: 'cancel', requestId: 'r1' });
        await Promise.all([cancelled(other), acceptOffer(bob)]);
        // Whether the broker handles the cancel or the accept first, the player is notified that there is no session.
        const last = await alice.nextOf(
          ['error', 'session'],
          ({ code, state }) => code === 'CANCELLED' || state === 'ended',
        );
        expect(last['type'] === 'session' ? last['reason'] : last['code']).to.be.oneOf([
          'CANCELLED',
          'client_left',
        ]);
      });
    }
  });
}
