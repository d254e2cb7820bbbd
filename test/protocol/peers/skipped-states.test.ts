import { expect } from 'chai';
import { IDLE_LOAD } from '../../support/fleet/test-broker.js';
import type { Frame } from '../../support/fleet/peer.js';
import { TestFleet, play, roundTrip } from '../../support/fleet/test-fleet.js';

for (const [where, brokers] of [
  ['on one broker, with its state in memory', 1],
  ['on two brokers that share a Redis', 2],
] as const) {
  describe(`States of a session that its client sees, ${where}`, () => {
    let fleet: TestFleet;
    beforeEach(async () => {
      fleet = await TestFleet.start({ brokers });
    });
    afterEach(() => fleet.stop());

    it('may skip all but the last one', async () => {
      const host = await fleet.host({ hostId: 'h1' }, 1);
      const player = await fleet.player('alice');
      play(player, 'r1', { onHostLost: 'end' });
      const { sessionId, epoch } = await player.next('matched');
      await host.next('prepare');
      const beat = (sessions: readonly object[]): void =>
        host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
      beat([{ sessionId, epoch, state: 'disconnected' }]);
      expect(await nextState(player.nextFrame())).to.equal('disconnected');
      beat([]);
      expect(await nextState(player.nextFrame())).to.equal('ended host_lost');
      await roundTrip(player);
      expect(player.unread).to.deep.equal([]);
    });
  });
}

async function nextState(next: Promise<Frame>): Promise<string> {
  const frame = await next;
  expect(frame.type).to.equal('session');
  return frame['state'] === 'ended' ? `ended ${String(frame['reason'])}` : String(frame['state']);
}
