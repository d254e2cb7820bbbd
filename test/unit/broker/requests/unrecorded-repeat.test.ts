import { StoreUnavailableError } from '@duskline/server/store/fleet-store.js';
import { expect } from 'chai';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';
import type { ManualHost, ManualPlayer } from '../../../support/manual/manual-peers.js';

describe('A request that its client repeats on another broker, when the store does not answer whether it knows the request', () => {
  let fleet: ManualFleet;
  let host: ManualHost;
  let after: ManualPlayer;
  let sessionId: string;

  beforeEach(async () => {
    fleet = await ManualFleet.start({ brokers: 2 });
    host = await fleet.host({ hostId: 'h1', slots: 2 });
    const before = fleet.player('alice', 0);
    before.play('r1');
    await fleet.clock.settle();
    sessionId = String(before.take('matched')['sessionId']);
    host.claim(sessionId);
    await fleet.clock.elapse(1_000);
    before.channel.close();
    after = fleet.player('alice', 1);
    failRecordOnce();
  });
  afterEach(() => fleet.stop());

  function failRecordOnce(): void {
    const { store } = fleet;
    const { recordRequests } = store;
    store.recordRequests = () => {
      store.recordRequests = recordRequests;
      return Promise.reject(new StoreUnavailableError('The store does not answer.'));
    };
  }

  it('keeps its session', async () => {
    after.play('r1');
    await fleet.clock.elapse(2_000);
    expect(after.take('error')).to.include({ code: 'UNAVAILABLE', requestId: 'r1' });
    after.play('r1');
    await fleet.clock.elapse(2_000);
    expect(after.take('matched')).to.include({ sessionId, epoch: 1 });
    expect([...host.sessions.keys(), ...host.prepared.keys()]).to.deep.equal([sessionId]);
  });

  it('keeps its session when the answer about the slot that was reserved meanwhile is lost too', async () => {
    const { store } = fleet;
    const { reserve } = store;
    store.reserve = async (...args) => {
      store.reserve = reserve;
      await reserve(...args);
      throw new StoreUnavailableError('The answer is lost.');
    };
    after.play('r1');
    await fleet.clock.elapse(2_000);
    expect(after.take('error')).to.include({ code: 'UNAVAILABLE', requestId: 'r1' });
    after.play('r1');
    await fleet.clock.elapse(2_000);
    expect(after.take('matched')).to.include({ sessionId, epoch: 1 });
  });

  it('is over with its session when the client cancels it', async () => {
    after.play('r1');
    after.cancel('r1');
    await fleet.clock.elapse(5_000);
    expect(after.take('error')).to.include({ code: 'CANCELLED', requestId: 'r1' });
    expect([...host.sessions.keys(), ...host.prepared.keys()]).to.deep.equal([]);
    after.play('r2', { wait: false });
    await fleet.clock.elapse(1_000);
    expect(after.take('matched')).to.include({ requestId: 'r2' });
  });
});
