import { expect } from 'chai';
import type { Peer } from '../support/fleet/peer.js';
import { TestFleet, play } from '../support/fleet/test-fleet.js';

/** More than the store remembers of one player. */
const MANY = 8;

for (const [where, brokers] of [
  ['on one broker', 1],
  ['on two brokers', 2],
] as const) {
  describe(`A player has one live request or session, ${where}`, function () {
    this.timeout(15_000);
    let fleet: TestFleet;
    beforeEach(async () => {
      fleet = await TestFleet.start({ brokers });
    });
    afterEach(() => fleet.stop());

    /** Cancels requests that were never made, all in one burst. */
    async function cancelUnknown(peer: Peer): Promise<void> {
      for (let i = 0; i < MANY; i += 1) peer.send({ type: 'cancel', requestId: `unknown-${i}` });
      for (let i = 0; i < MANY; i += 1) await peer.next('error', ({ code }) => code === 'CANCELLED');
    }

    it('after it cancelled many requests that it never made', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 4 });
      const alice = await fleet.player('alice', { broker: 1 });
      play(alice, 'a');
      const { sessionId } = await alice.next('matched');
      await host.next('prepare');
      await cancelUnknown(alice);
      play(alice, 'b');
      expect(await alice.answer('b')).to.include({ code: 'SESSION_EXISTS', sessionId });
    });

    it('after it cancelled many requests that it never made while its own one waits', async () => {
      await fleet.fullHost({ hostId: 'h1' });
      const alice = await fleet.player('alice', { broker: 1 });
      play(alice, 'a');
      await alice.next('queued');
      await cancelUnknown(alice);
      play(alice, 'b');
      expect(await alice.answer('b')).to.include({ code: 'SESSION_EXISTS' });
    });
  });
}
