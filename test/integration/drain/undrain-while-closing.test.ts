import { expect } from 'chai';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { TestFleet, play } from '../../support/fleet/test-fleet.js';

const OPERATOR = { operatorId: 'ops', from: '127.0.0.1' };

for (const [where, options] of [
  ['on one broker with its state in memory', { brokers: 1 }],
  ['on one broker with Redis', { brokers: 1, store: 'redis' }],
  ['on another of two brokers', { brokers: 2 }],
] as const) {
  describe(`A drain that is undone ${where} while a broker closes its target`, () => {
    let fleet: TestFleet;
    beforeEach(async () => {
      fleet = await TestFleet.start(options);
    });
    afterEach(() => fleet.stop());

    /** Runs `interfere` once, before the store closes a target for the first broker, or after that. */
    function interfereWithClosing(when: 'before' | 'after', interfere: () => Promise<unknown>): void {
      const store: FleetStore = fleet.stores[0]!;
      const { addClosure } = store;
      store.addClosure = async (...args) => {
        store.addClosure = addClosure;
        if (when === 'before') await interfere();
        await addClosure(...args);
        if (when === 'after') await interfere();
      };
    }

    for (const [what, target] of [
      ['host', { region: 'near', pool: 'console-x', hostId: 'h1' }],
      ['pool', { region: 'near', pool: 'console-x', hostId: null }],
      ['region', { region: 'near', pool: null, hostId: null }],
    ] as const) {
      for (const when of ['before', 'after'] as const) {
        it(`leaves the ${what} open, ${when} the store has closed it`, async () => {
          await fleet.host({ hostId: 'h1' });
          const { operations } = fleet.broker(0).broker;
          interfereWithClosing(when, () => fleet.broker(1).broker.operations.undrain(target, OPERATOR));
          const order = {
            target,
            mode: 'wait',
            atDeadline: 'end',
            deadlineMs: 60_000,
            yesEverything: false,
          } as const;
          await operations.drain(order, OPERATOR);
          expect((await operations.drains()).map(({ state }) => state)).to.deep.equal(['undone']);
          const regionPool = { region: 'near', pool: 'console-x' };
          expect(await fleet.stores[0]!.getClosures(regionPool, target.hostId)).to.deep.equal([]);
          for (const broker of [0, 1]) {
            const player = await fleet.player(`player-${broker}`, { broker });
            play(player, 'r1', { wait: false });
            expect((await player.answer('r1')).type).to.equal('matched');
          }
        });
      }
    }
  });
}
