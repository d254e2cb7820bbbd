import { createHost } from '@duskline/host';
import { expect } from 'chai';
import { waitUntil } from '../../support/time/eventually.js';
import { IDLE_LOAD, testToken } from '../../support/fleet/test-broker.js';
import { TestFleet, acceptOffer, play, queueUp } from '../../support/fleet/test-fleet.js';

describe('A slot that is reserved again while its host changes its broker', function () {
  this.timeout(15_000);
  let fleet: TestFleet;
  beforeEach(async () => {
    fleet = await TestFleet.start({ brokers: 2 });
  });
  afterEach(() => fleet.stop());

  it('admits its player, although the host has not heard yet of the end of the session before', async () => {
    const place = { region: 'near', pool: 'console-x' };
    const host = createHost({
      url: [fleet.broker(1).url, fleet.broker(0).url].map((url) => url.replace(/^http/, 'ws')),
      token: testToken({ kind: 'host', ...place }),
      ...place,
      hostId: 'h1',
      slots: 1,
      endpoint: 'wss://h1.example.com/stream',
      measureLoad: () => IDLE_LOAD,
      reconnectPolicy: { nextRetryDelayInMs: () => 500 },
    });
    try {
      await host.whenRegistered();
      const alice = await fleet.player('alice');
      await waitUntil(async () => {
        const { regions } = await fleet.broker(0).broker.status();
        return regions[0]?.pools[0]?.readyHosts === 1;
      });
      play(alice, 'r1');
      const matched = await alice.next('matched');
      expect(host.admit(String(matched['ticket'])).ok).to.equal(true);
      await alice.next('session');
      const bob = await fleet.player('bob');
      await queueUp(bob, 'r1');

      await fleet.broker(1).stop();
      await waitUntil(() => host.status.state !== 'registered');
      alice.send({ type: 'end', sessionId: matched['sessionId'] });
      const { ticket } = await acceptOffer(bob);
      const refused = host.admit(String(ticket));
      expect(refused.ok ? 'admitted' : refused.reason).to.equal('no_free_slot');
      const admission = await host.admitWhenFree(String(ticket));
      expect(admission.ok && admission.session.playerId).to.equal('bob');
      expect(await bob.next('session')).to.include({ state: 'active' });
    } finally {
      await host.close();
    }
  });
});
