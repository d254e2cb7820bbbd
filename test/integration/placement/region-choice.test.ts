import { expect } from 'chai';
import { TEST_CONFIG } from '../../support/fleet/test-broker.js';
import { TestFleet, acceptOffer, play, queueUp } from '../../support/fleet/test-fleet.js';

/** How long a request waits until the policy accepts the widest region. */
const LAST_STEP_MS = 600;

const CONFIG = TEST_CONFIG.replace(
  /standard:\n(?: +- .*\n)+/,
  `standard: [{ afterMs: 0, maxRttMs: 60 }, { afterMs: ${LAST_STEP_MS}, maxRttMs: 120 }]\n`,
);

for (const [where, brokers] of [
  ['on one broker, with its state in memory', 1],
  ['on two brokers that share a Redis', 2],
] as const) {
  describe(`The regions of a request, ${where}`, () => {
    let fleet: TestFleet;
    beforeEach(async () => {
      fleet = await TestFleet.start({ brokers, config: CONFIG });
    });
    afterEach(() => fleet.stop());

    it('come in the order that the player prefers, before nearer ones', async () => {
      for (const region of ['near', 'next', 'far']) {
        await fleet.host({ hostId: `in-${region}`, region, slots: 1 }, 1);
      }
      const rtt = { near: 5, next: 20, far: 50 };
      for (const expected of ['far', 'next', 'near']) {
        const player = await fleet.player(`player-in-${expected}`);
        play(player, 'r1', { rtt, regions: { prefer: ['far', 'next', 'nowhere'] }, wait: false });
        expect(await player.next('matched')).to.include({
          region: expected,
          rttMs: rtt[expected as keyof typeof rtt],
        });
      }
    });

    it('come after nearer ones if the policy accepts the preferred ones only later', async () => {
      for (const region of ['near', 'next', 'far']) await fleet.host({ hostId: `in-${region}`, region }, 1);
      const player = await fleet.player('alice');
      play(player, 'r1', { rtt: { near: 50, next: 80, far: 230 }, regions: { prefer: ['far', 'next'] } });
      expect(await player.next('matched')).to.include({ region: 'near', rank: 1, candidates: 2 });
    });

    it('that were not measured come last, and `matched` has no distance to them', async () => {
      await fleet.host({ hostId: 'in-near', region: 'near', slots: 1 }, 1);
      await fleet.host({ hostId: 'in-next', region: 'next', slots: 1 }, 1);
      const rtt = { near: 100, next: null };
      const first = await fleet.player('alice');
      play(first, 'r1', { rtt, regions: { prefer: ['next'] }, wait: false });
      expect(await first.next('matched')).to.include({ region: 'near', rttMs: 100, candidates: 2 });
      const second = await fleet.player('bob');
      play(second, 'r1', { rtt, wait: false });
      const matched = await second.next('matched');
      expect(matched).to.include({ region: 'next', rank: 2 }).and.not.have.property('rttMs');
      expect(matched['reason']).to.include('not measured');
      play(second, 'r1', { rtt });
      expect(await second.next('matched')).to.not.have.property('rttMs');
    });

    it('may all be unmeasured', async () => {
      await fleet.host({ hostId: 'in-next', region: 'next' }, 1);
      const player = await fleet.player('alice');
      play(player, 'r1', { rtt: { near: null, next: null } });
      expect(await player.next('matched')).to.include({ region: 'next' });
    });

    it('that were not measured serve a waiting request at the last step of the policy, and not before', async () => {
      await fleet.fullHost({ hostId: 'in-near', region: 'near' }, 1);
      await fleet.host({ hostId: 'in-next', region: 'next' }, 1);
      const player = await fleet.player('alice');
      const startedAt = performance.now();
      expect(await queueUp(player, 'r1', { rtt: { near: 12, next: null } })).to.include({ region: 'near' });
      const matched = await acceptOffer(player);
      expect(performance.now() - startedAt).to.be.at.least(LAST_STEP_MS);
      expect(matched).to.include({ region: 'next' }).and.not.have.property('rttMs');
    });
  });
}
