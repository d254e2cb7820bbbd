import { StoreUnavailableError } from '@duskline/server/store/fleet-store.js';
import { expect } from 'chai';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';

describe('The end of a session whose answer the store loses', () => {
  for (const state of ['reserved', 'connected'] as const) {
    for (const order of ['end', 'cancel'] as const) {
      it(`reaches the host on the same broker: ${order} of a ${state} session`, async () => {
        const fleet = await ManualFleet.start();
        try {
          const host = await fleet.host({ hostId: 'h1', slots: 1 });
          const alice = fleet.player('alice');
          alice.play('r1');
          await fleet.clock.settle();
          const sessionId = String(alice.take('matched')['sessionId']);
          if (state === 'connected') host.claim(sessionId);
          await fleet.clock.elapse(1_000);
          const { store } = fleet;
          const { endSessions } = store;
          store.endSessions = async (...args) => {
            store.endSessions = endSessions;
            await endSessions(...args);
            throw new StoreUnavailableError('The answer is lost.');
          };
          if (order === 'end') alice.end(sessionId);
          else alice.cancel('r1');
          await fleet.clock.elapse(5_000);
          expect(alice.take('session', (frame) => frame['state'] === 'ended')).to.include({
            reason: 'client_left',
          });
          expect(host.take('end')).to.include({ sessionId, reason: 'client_left' });
        } finally {
          await fleet.stop();
        }
      });
    }
  }
});
