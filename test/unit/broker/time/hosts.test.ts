import { expect } from 'chai';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';

const REGION_POOL = { region: 'near', pool: 'console-x' };

describe('A host that falls silent', () => {
  let fleet: ManualFleet;
  beforeEach(async () => {
    fleet = await ManualFleet.start();
  });
  afterEach(() => fleet.stop());

  async function stateOf(hostId: string): Promise<string | undefined> {
    const hosts = await fleet.store.listHosts(REGION_POOL);
    return hosts.find((host) => host.hostId === hostId)?.state;
  }

  it('is suspect after twice the interval of heartbeats, and gets no new sessions', async () => {
    const host = await fleet.host({ hostId: 'h1' });
    await fleet.clock.elapse(1_000);
    host.fallSilent();
    await fleet.clock.elapse(2_500);
    expect(await stateOf('h1')).to.equal('ready');
    await fleet.clock.elapse(2_500);
    expect(await stateOf('h1')).to.equal('suspect');
    const alice = fleet.player('alice');
    alice.play('r1', { wait: false });
    await fleet.clock.settle();
    expect(alice.take('error')).to.include({ code: 'NO_CAPACITY' });
  });

  it('is lost after ten seconds, and its players are placed again', async () => {
    const silent = await fleet.host({ hostId: 'h1' });
    const alice = fleet.player('alice');
    alice.play('r1');
    await fleet.clock.settle();
    const { sessionId } = alice.take('matched') as unknown as { sessionId: string };
    silent.claim(sessionId);
    await fleet.clock.elapse(1_000);
    const spare = await fleet.host({ hostId: 'h2' });
    silent.fallSilent();
    await fleet.clock.elapse(9_000);
    expect(alice.channel.unread).to.not.include('matched');
    await fleet.clock.elapse(4_000);
    expect(alice.take('matched')).to.include({ sessionId, epoch: 2 });
    expect(spare.take('prepare')).to.include({ sessionId, epoch: 2 });
    expect(await stateOf('h1')).to.equal(undefined);
    expect(fleet.observed.filter((event) => event === 'hostLost')).to.have.length(1);
  });

  it('and sends a heartbeat in time is ready again', async () => {
    const host = await fleet.host({ hostId: 'h1' });
    host.fallSilent();
    await fleet.clock.elapse(8_000);
    expect(await stateOf('h1')).to.equal('suspect');
    host.sendHeartbeats();
    await fleet.clock.elapse(100);
    expect(await stateOf('h1')).to.equal('ready');
    await fleet.clock.elapse(10_000);
    expect(fleet.observed).to.not.include('hostLost');
  });
});
