import { expect } from 'chai';
import { holdFirst } from '../../../support/manual/hold-calls.js';
import type { ManualHost } from '../../../support/manual/manual-peers.js';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';

describe('A host whose client comes before `prepare`', () => {
  let fleet: ManualFleet;
  let host: ManualHost;
  let sessionId: string;

  beforeEach(async () => {
    fleet = await ManualFleet.start({ brokers: 2 });
    host = await fleet.host({ hostId: 'h1', slots: 1 }, 1);
    const player = fleet.player('alice', 0);
    // The wake-up of the host's broker is late.
    const { store } = fleet;
    const sendWakeUp = store.sendWakeUp.bind(store);
    store.sendWakeUp = () => undefined;
    player.play('r1');
    await fleet.clock.settle();
    ({ sessionId } = player.take('matched') as unknown as { sessionId: string });
    expect(host.channel.unread).to.deep.equal([]);
    store.sendWakeUp = sendWakeUp;
  });
  afterEach(() => fleet.stop());

  it('gets it once, after its first report, because the limits and the stream are in it', async () => {
    host.report(sessionId, 1, 'active');
    await fleet.clock.settle();
    expect(host.take('prepare')).to.include({ sessionId, epoch: 1, playerId: 'alice', title: 'drift' });
    host.report(sessionId, 1, 'connected');
    await fleet.clock.elapse(10_000);
    expect(host.channel.unread).to.deep.equal([]);
  });

  it('gets it once, when its broker hears of the reservation before the store has answered the report', async () => {
    const answer = holdFirst(fleet.store, 'updateSessionStates', 'call');
    host.report(sessionId, 1, 'active');
    await fleet.clock.elapse(1_000);
    host.take('prepare');
    answer();
    await fleet.clock.elapse(10_000);
    expect(host.channel.unread).to.deep.equal([]);
  });
});
