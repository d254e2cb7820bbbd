import { expect } from 'chai';
import { TEST_CONFIG } from '../../support/fleet/test-broker.js';
import { TestFleet, play, queueUp } from '../../support/fleet/test-fleet.js';

const OPERATOR = { operatorId: 'olivia', from: '127.0.0.1' };

/** Time until a farther region is allowed, a reservation expires, and a drain reaches its deadline. */
const TIME_MS = 800;
const CONFIG = TEST_CONFIG.replace('afterMs: 20000', `afterMs: ${TIME_MS}`);

/** Redis and the brokers notice the end of a time late by less than this, much less than the clocks are wrong by. */
const LATE_MS = 3_000;

/** How exactly a broker knows the time of Redis. */
const SOON_MS = 50;

for (const brokersAheadMs of [[20_000], [-20_000], [20_000, 0], [-20_000, 0]]) {
  const brokers = brokersAheadMs.length;
  const clocks = brokersAheadMs.map((aheadMs) => `${aheadMs / 1_000} s`).join(' and ');
  describe(`Brokers whose clocks are ahead of that of Redis by ${clocks}`, function () {
    this.timeout(15_000);
    let fleet: TestFleet;
    beforeEach(async () => {
      const limits = { reservationMs: TIME_MS };
      fleet = await TestFleet.start({ brokers, store: 'redis', limits, config: CONFIG, brokersAheadMs });
    });
    afterEach(() => fleet.stop());

    /** The broker to which a second player, or the same one later, is connected. */
    for (const broker of brokers === 1 ? [0] : [0, 1]) {
      const where = brokers === 1 ? '' : broker === 0 ? ', at the wrong broker' : ', at the right broker';

      it(`give players the whole time to accept an offer, and the rest of it after a reconnect${where}`, async () => {
        const host = await fleet.host({ hostId: 'h1', slots: 1 }, 1 - broker);
        const holder = await fleet.player('holder');
        play(holder, 'held');
        const { sessionId, epoch } = await holder.next('matched');
        host.send({ type: 'session', sessionId, epoch, state: 'active' });
        await holder.next('session');
        const bob = await fleet.player('bob', { broker });
        await queueUp(bob, 'r1');
        holder.send({ type: 'end', sessionId });
        expect((await bob.next('offer'))['acceptWithinMs']).to.be.within(15_000 - LATE_MS, 15_000);
        bob.terminate();
        const back = await fleet.player('bob', { broker: 1 - broker });
        play(back, 'r1');
        expect((await back.next('offer'))['acceptWithinMs']).to.be.within(15_000 - LATE_MS, 15_000);
        back.send({ type: 'accept', requestId: 'r1' });
        expect((await back.next('matched'))['claimWithinMs']).to.be.within(1, TIME_MS);
      });

      it(`allow a farther region, and end a reservation, when the time has come${where}`, async () => {
        const askedAtMs = performance.now();
        const bob = await fleet.player('bob', { broker });
        await queueUp(bob, 'r1', { rtt: { near: 12, far: 80 } });
        await fleet.host({ hostId: 'h2', region: 'far' }, 1 - broker);
        expect(await bob.next('offer')).to.include({ region: 'far' });
        expect(performance.now() - askedAtMs, 'offered').to.be.within(TIME_MS - SOON_MS, TIME_MS + LATE_MS);
        const acceptedAtMs = performance.now();
        bob.send({ type: 'accept', requestId: 'r1' });
        const { sessionId, claimWithinMs } = await bob.next('matched');
        expect(claimWithinMs).to.be.within(1, TIME_MS);
        expect(await bob.next('session')).to.include({ sessionId, reason: 'reservation_expired' });
        expect(performance.now() - acceptedAtMs, 'expired').to.be.within(
          TIME_MS - SOON_MS,
          TIME_MS + LATE_MS,
        );
      });

      it(`end a drain at its deadline${where}`, async () => {
        const host = await fleet.host({ hostId: 'h1' }, 1 - broker);
        const bob = await fleet.player('bob', { broker });
        play(bob, 'r1');
        const { sessionId, epoch } = await bob.next('matched');
        host.send({ type: 'session', sessionId, epoch, state: 'active' });
        await bob.next('session');
        const orderedAtMs = performance.now();
        const { deadlineAtMs } = await fleet.broker(1 - broker).broker.operations.drain(
          {
            target: { region: 'near', pool: null, hostId: null },
            ...{ mode: 'wait', atDeadline: 'end', deadlineMs: TIME_MS, yesEverything: false },
          },
          OPERATOR,
        );
        expect(await bob.next('limit')).to.include({ sessionId, endsAtMs: deadlineAtMs });
        expect(await bob.next('session')).to.include({ sessionId, reason: 'drain_deadline' });
        expect(performance.now() - orderedAtMs).to.be.within(TIME_MS - SOON_MS, TIME_MS + LATE_MS);
      });
    }
  });
}
