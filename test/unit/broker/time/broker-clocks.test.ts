import { expect } from 'chai';
import { toUnixMs } from '@duskline/server/domain/store-time.js';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';
import type { ManualHost, ManualPlayer } from '../../../support/manual/manual-peers.js';

const OPERATOR = { operatorId: 'olivia', from: '127.0.0.1' };

/** How far the clocks of the brokers are ahead. No broker may compare a time of the store with its own. */
for (const brokersAheadMs of [[20_000], [-20_000], [20_000, 0], [0, 20_000], [-20_000, 0], [0, -20_000]]) {
  const brokers = brokersAheadMs.length;
  const clocks = brokersAheadMs.map((aheadMs) => `${aheadMs / 1_000} s`).join(' and ');
  describe(`Brokers whose clocks are ahead of the store's by ${clocks}`, () => {
    let fleet: ManualFleet;
    let near: ManualHost;
    let holder: ManualPlayer;
    let holderSessionId: string;

    beforeEach(async () => {
      fleet = await ManualFleet.start({ brokers, brokersAheadMs });
      near = await fleet.host({ hostId: 'h1', slots: 1 });
      holder = fleet.player('holder');
      holder.play('held');
      await fleet.clock.settle();
      holderSessionId = String(holder.take('matched')['sessionId']);
      near.claim(holderSessionId);
      await fleet.clock.settle();
      holder.channel.skip();
    });
    afterEach(() => fleet.stop());

    it('gives players the whole time to accept an offer', async () => {
      const bob = fleet.player('bob', brokers - 1);
      bob.play('r1');
      await fleet.clock.settle();
      holder.end(holderSessionId);
      await fleet.clock.settle();
      expect(bob.take('offer')).to.include({ acceptWithinMs: 15_000 });
      await fleet.clock.elapse(14_900);
      bob.accept('r1');
      await fleet.clock.settle();
      bob.take('matched');
    });

    it('tells a player who comes back how much time is left for the offer', async () => {
      const bob = fleet.player('bob', brokers - 1);
      bob.play('r1');
      await fleet.clock.settle();
      holder.end(holderSessionId);
      await fleet.clock.settle();
      bob.take('offer');
      bob.channel.close();
      await fleet.clock.elapse(5_000);
      const back = fleet.player('bob');
      back.play('r1');
      await fleet.clock.settle();
      expect(back.take('offer')['acceptWithinMs']).to.be.within(9_990, 10_000);
    });

    it('adds a farther region when the latency policy allows it, neither sooner nor later', async () => {
      const bob = fleet.player('bob', brokers - 1);
      bob.play('r1', { rtt: { near: 12, far: 80 } });
      await fleet.clock.elapse(1_000);
      await fleet.host({ hostId: 'h2', region: 'far' });
      await fleet.clock.elapse(18_500);
      expect(bob.channel.unread, 'before 20 s').to.not.include('offer');
      await fleet.clock.elapse(2_000);
      expect(bob.take('offer')).to.include({ region: 'far' });
    });

    it('ends a drain at its deadline, and warns of it a minute before', async () => {
      const target = { region: 'near', pool: null, hostId: null };
      const order = { target, mode: 'wait', atDeadline: 'end', deadlineMs: 120_000 } as const;
      const orderedAtMs = toUnixMs(await fleet.store.getTimeMs());
      void fleet.brokers[0]!.operations.drain({ ...order, yesEverything: false }, OPERATOR);
      await fleet.clock.elapse(1_100);
      const endsAtMs = orderedAtMs + 120_000;
      expect(holder.take('limit'), 'five minutes before').to.include({ endsAtMs });
      await fleet.clock.elapse(58_000);
      expect(holder.channel.unread).to.not.include('limit');
      await fleet.clock.elapse(2_500);
      expect(holder.take('limit'), 'one minute before').to.include({ endsAtMs });
      await fleet.clock.elapse(57_500);
      expect(holder.channel.unread).to.not.include('session');
      await fleet.clock.elapse(3_000);
      expect(holder.take('session', ({ state }) => state === 'ended')).to.include({
        reason: 'drain_deadline',
      });
    });

    it('ends a reservation when its time is over', async () => {
      const spare = await fleet.host({ hostId: 'h2', slots: 1 });
      const bob = fleet.player('bob', brokers - 1);
      bob.play('r1');
      await fleet.clock.settle();
      expect(bob.take('matched')).to.include({ claimWithinMs: 30_000 });
      await fleet.clock.elapse(29_900);
      expect(spare.channel.unread).to.not.include('end');
      await fleet.clock.elapse(1_200);
      expect(bob.take('session')).to.include({ reason: 'reservation_expired' });
    });
  });
}
