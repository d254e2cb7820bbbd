import { expect } from 'chai';
import { DEFAULT_INTERVALS } from '@duskline/server/broker/intervals.js';
import { waitUntil } from '../../support/time/eventually.js';
import { SHORT_INTERVALS } from '../../support/fleet/test-broker.js';
import { TestFleet, play } from '../../support/fleet/test-fleet.js';

describe('A session that changes while another broker answers its repeated request', function () {
  this.timeout(15_000);
  let fleet: TestFleet;
  beforeEach(async () => {
    // With the default poll interval, the broker would find the change by itself only after the end of the test.
    fleet = await TestFleet.start({
      brokers: 2,
      intervals: { ...SHORT_INTERVALS, pollMs: DEFAULT_INTERVALS.pollMs },
    });
  });
  afterEach(() => fleet.stop());

  it('is reported to the client with its new state', async () => {
    const host = await fleet.host({ hostId: 'h1' });
    const before = await fleet.player('alice');
    play(before, 'r1');
    const { sessionId } = await before.next('matched');
    await host.next('prepare');
    host.send({ type: 'session', sessionId, epoch: 1, state: 'active' });
    await before.next('session', ({ state }) => state === 'active');
    before.terminate();

    const store = fleet.stores[1]!;
    const { getEndpoints, takeChangedSessions } = store;
    let answer: (() => void) | undefined;
    let changesTaken = 0;
    // Here the broker has read the session and is recorded as the broker of its client, but does not report to the client
    // yet.
    store.getEndpoints = async (...args) => {
      await new Promise<void>((resolve) => (answer = resolve));
      store.getEndpoints = getEndpoints;
      return getEndpoints.apply(store, args);
    };
    store.takeChangedSessions = async (...args) => {
      const changed = await takeChangedSessions.apply(store, args);
      changesTaken += changed.filter(({ state }) => state === 'connected').length;
      return changed;
    };
    const again = await fleet.player('alice', { broker: 1 });
    play(again, 'r1');
    await waitUntil(() => answer !== undefined);
    host.send({ type: 'session', sessionId, epoch: 1, state: 'connected' });
    await waitUntil(() => changesTaken > 0);
    answer?.();
    expect(await again.next('matched')).to.include({ sessionId, epoch: 1 });
    const states = [await again.next('session'), await again.next('session')].map(({ state }) => state);
    expect(states).to.deep.equal(['active', 'connected']);
    expect(again.unread).to.deep.equal([]);
  });
});
