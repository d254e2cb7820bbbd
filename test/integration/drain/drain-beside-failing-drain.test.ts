import { expect } from 'chai';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { StoreUnavailableError } from '@duskline/server/store/fleet-store.js';
import { waitUntil } from '../../support/time/eventually.js';
import { SHORT_INTERVALS, openReadyHost, startTestBroker } from '../../support/fleet/test-broker.js';

const OPERATOR = { operatorId: 'ops', from: '127.0.0.1' };

describe('A drain whose store calls fail', () => {
  it('does not keep the other drains of its region from going on', async () => {
    const store = createMemoryStore({ suspectAfterMs: 60_000 });
    let isFailing = false;
    const duskline = await startTestBroker({
      store: {
        ...store,
        listHostSessions: (regionPool, hostId) =>
          isFailing && hostId === 'h1'
            ? Promise.reject(new StoreUnavailableError('no answer'))
            : store.listHostSessions(regionPool, hostId),
      },
      intervals: SHORT_INTERVALS,
      limits: { leaseRenewMs: 50 },
    });
    try {
      const { operations } = duskline.broker;
      for (const hostId of ['h1', 'h2']) {
        const host = await openReadyHost(duskline, { hostId });
        const sessionId = `0190a1b2-0000-7000-8000-00000000000${hostId.slice(1)}`;
        const load = { gpu: 0, encoder: 0, cpu: 0, network: 0 };
        host.send({ type: 'heartbeat', load, sessions: [{ sessionId, epoch: 1, state: 'connected' }] });
        const regionPool = { region: 'near', pool: 'console-x' };
        await waitUntil(async () => (await store.listHostSessions(regionPool, hostId)).length === 1);
        await operations.drain(
          {
            target: { ...regionPool, hostId },
            mode: 'wait',
            atDeadline: 'end',
            deadlineMs: 60_000,
            yesEverything: false,
          },
          OPERATOR,
        );
        isFailing = true;
        if (hostId === 'h2') host.send({ type: 'session', sessionId, epoch: 1, state: 'ended' });
      }
      const stateOf = async (hostId: string): Promise<string | undefined> =>
        (await operations.drains()).find(({ target }) => target.hostId === hostId)?.state;
      await waitUntil(async () => (await stateOf('h2')) === 'done');
      expect(await stateOf('h1')).to.equal('running');
    } finally {
      await duskline.stop();
      await store.close();
    }
  });
});
