import { expect } from 'chai';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';
import type { ManualHost, ManualPlayer } from '../../../support/manual/manual-peers.js';
import { StoreFaults } from '../../../support/manual/store-faults.js';

describe('A request that is cancelled while another one of its player resumes its session', () => {
  let faults: StoreFaults;
  let fleet: ManualFleet;
  let host: ManualHost;
  let phone: ManualPlayer;
  let sessionId: string;

  beforeEach(async () => {
    faults = new StoreFaults();
    fleet = await ManualFleet.start({
      brokers: 2,
      changeStore: (store, clock) => faults.install(store, clock),
    });
    host = await fleet.host({ hostId: 'h1', slots: 2 });
    phone = fleet.player('alice', 1);
    phone.play('r1');
    await fleet.clock.settle();
    sessionId = String(phone.take('matched')['sessionId']);
    host.claim(sessionId);
    await fleet.clock.elapse(1_000);
  });
  afterEach(() => fleet.stop());

  async function expectSessionOf(tv: ManualPlayer): Promise<void> {
    await fleet.clock.elapse(10_000);
    expect(tv.take('matched')).to.include({ requestId: 'r2', sessionId });
    expect([...host.sessions.keys()]).to.deep.equal([sessionId]);
    const third = fleet.player('alice', 0);
    third.play('r3', { wait: false });
    await fleet.clock.elapse(1_000);
    expect(third.take('error')).to.include({ code: 'SESSION_EXISTS', sessionId });
  }

  it('leaves the session to that one, also if its repeat could not be answered', async () => {
    const tv = fleet.player('alice', 0);
    faults.plan('giveSession', { part: 'call lost', lateMs: 1 });
    tv.play('r1');
    tv.cancel('r1');
    tv.play('r2', { onConflict: 'resume' });
    await expectSessionOf(tv);
    expect(tv.take('error')).to.include({ code: 'CANCELLED', requestId: 'r1' });
  });

  it('leaves the session to that one, also if the cancel reaches the store late', async () => {
    const tv = fleet.player('alice', 0);
    faults.plan('startAttempt', { part: 'call late', lateMs: 100 });
    phone.channel.close();
    const other = fleet.player('alice', 1);
    other.cancel('r1');
    await fleet.clock.elapse(10);
    tv.play('r2', { onConflict: 'resume' });
    await expectSessionOf(tv);
    expect(other.take('error')).to.include({ code: 'CANCELLED', requestId: 'r1' });
  });
});
