import { expect } from 'chai';
import type { Peer } from '../../support/fleet/peer.js';
import { TestFleet, play, queueUp, acceptOffer, type FullHost } from '../../support/fleet/test-fleet.js';

const BOTH = { rtt: { near: 12, next: 30 } };

describe('Offers that a request misses in two regions', function () {
  this.timeout(15_000);
  let fleet: TestFleet;
  let near: FullHost;
  let next: FullHost;
  afterEach(() => fleet.stop());

  /** Alice waits in both regions at position 1. Behind her waits bob in the near region, and carol in the next one. */
  async function waitInBoth(brokers: number): Promise<{ alice: Peer; bob: Peer; carol: Peer }> {
    fleet = await TestFleet.start({ brokers, limits: { offerMs: 300 } });
    near = await fleet.fullHost({ hostId: 'h1' });
    next = await fleet.fullHost({ hostId: 'h2', region: 'next' });
    const alice = await fleet.player('alice', { broker: 1 });
    const bob = await fleet.player('bob');
    const carol = await fleet.player('carol');
    expect(await queueUp(alice, 'r1', BOTH)).to.include({ position: 1 });
    expect(await queueUp(bob, 'r1')).to.include({ position: 2 });
    expect(await queueUp(carol, 'r1', { rtt: { next: 30 } })).to.include({ position: 2 });
    return { alice, bob, carol };
  }

  for (const [where, brokers] of [
    ['on one broker', 1],
    ['on two brokers', 2],
  ] as const) {
    it(`are counted together, so that the second one ends the request, ${where}`, async () => {
      const { alice, bob, carol } = await waitInBoth(brokers);
      await near.free();
      expect(await alice.next('offer')).to.include({ region: 'near' });
      const held = await acceptOffer(bob);
      await next.free();
      expect(await alice.next('offer')).to.include({ region: 'next' });
      expect(await alice.next('error')).to.include({ code: 'TIMED_OUT', requestId: 'r1' });
      expect(await acceptOffer(carol)).to.include({ region: 'next' });
      // Alice's request is in no queue any more: the next free slot is not offered to it.
      bob.send({ type: 'end', sessionId: held['sessionId'] });
      await bob.next('session', ({ state }) => state === 'ended');
      play(bob, 'r2');
      expect(await bob.answer('r2')).to.include({ type: 'matched' });
      expect(alice.unread.filter(({ type }) => type === 'offer')).to.deep.equal([]);
    });
  }

  it('are counted together when the player is disconnected and the broker has stopped', async () => {
    const { alice, bob, carol } = await waitInBoth(2);
    alice.terminate();
    await fleet.broker(1).stop();
    await near.free();
    await acceptOffer(bob);
    await next.free();
    await acceptOffer(carol);
    const back = await fleet.player('alice');
    play(back, 'r1', BOTH);
    const { type, code } = await back.nextOf(['queued', 'offer', 'error']);
    expect(code ?? type).to.equal('TIMED_OUT');
  });
});
