import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import type { Duskline } from '@duskline/server/duskline.js';
import { expect } from 'chai';
import { openPlayer, openReadyHost, startTestBroker } from '../../support/fleet/test-broker.js';
import { play } from '../../support/fleet/test-fleet.js';

const OPERATOR = { operatorId: 'ops', from: '127.0.0.1' };

describe('A drain that is undone while a broker closes its target', () => {
  for (const [what, target] of [
    ['host', { region: 'near', pool: 'console-x', hostId: 'h1' }],
    ['pool', { region: 'near', pool: 'console-x', hostId: null }],
    ['region', { region: 'near', pool: null, hostId: null }],
  ] as const) {
    it(`leaves the ${what} open`, async () => {
      const store = createMemoryStore({ suspectAfterMs: 60_000 });
      let undrain: (() => Promise<unknown>) | undefined;
      let duskline: Duskline | undefined;
      try {
        duskline = await startTestBroker({
          store: {
            ...store,
            addClosure: async (...args) => {
              const before = undrain;
              undrain = undefined;
              await before?.();
              await store.addClosure(...args);
            },
          },
        });
        await openReadyHost(duskline, { hostId: 'h1' });
        const { operations } = duskline.broker;
        undrain = () => operations.undrain(target, OPERATOR);
        const order = {
          target,
          mode: 'wait',
          atDeadline: 'end',
          deadlineMs: 60_000,
          yesEverything: false,
        } as const;
        await operations.drain(order, OPERATOR);
        expect((await operations.drains()).map(({ state }) => state)).to.deep.equal(['undone']);
        expect(await store.getClosures({ region: 'near', pool: 'console-x' }, target.hostId)).to.deep.equal(
          [],
        );
        const player = await openPlayer(duskline.url, 'alice');
        play(player, 'r1', { wait: false });
        expect((await player.answer('r1')).type).to.equal('matched');
      } finally {
        await duskline?.stop();
        await store.close();
      }
    });
  }
});
