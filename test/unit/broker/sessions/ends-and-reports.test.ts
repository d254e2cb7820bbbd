import { expect } from 'chai';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';
import type { ManualHost, ManualPlayer } from '../../../support/manual/manual-peers.js';

const LOST_AFTER_MS = 14_000;
const EXPIRED_AFTER_MS = 31_500;

/** Keeps orders to end a session from the store until the returned function is called. */
function holdEnds({ store }: ManualFleet, sessionId: string): () => void {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const { endSessions } = store;
  store.endSessions = async (regionPool, ends, brokerId) => {
    if (ends.some((end) => end.sessionId === sessionId)) await released;
    return endSessions(regionPool, ends, brokerId);
  };
  return release;
}

describe('A session whose end and whose reports cross', () => {
  let fleet: ManualFleet;
  let host: ManualHost;
  let alice: ManualPlayer;
  let sessionId: string;

  beforeEach(async () => {
    fleet = await ManualFleet.start();
    host = await fleet.host({ hostId: 'h1', slots: 1 });
    alice = fleet.player('alice');
    alice.play('r1');
    await fleet.clock.settle();
    ({ sessionId } = alice.take('matched') as unknown as { sessionId: string });
  });
  afterEach(() => fleet.stop());

  it('is alive again for its client when the host had admitted it just before the reservation expired', async () => {
    await fleet.clock.elapse(EXPIRED_AFTER_MS);
    expect(alice.take('session')).to.include({ state: 'ended', reason: 'reservation_expired' });
    host.sessions.set(sessionId, { sessionId, epoch: 1, state: 'active' });
    await fleet.clock.elapse(1_100);
    expect(alice.take('session')).to.include({ sessionId, epoch: 1, state: 'active' });
    host.report(sessionId, 1, 'connected');
    await fleet.clock.settle();
    expect(alice.take('session')).to.include({ sessionId, epoch: 1, state: 'connected' });
    alice.end(sessionId);
    await fleet.clock.settle();
    expect(alice.take('session')).to.include({ sessionId, state: 'ended', reason: 'client_left' });
    expect(host.take('end', (frame) => frame['reason'] === 'client_left')).to.include({ sessionId });
  });

  it('is not placed again when its host is lost before the store has answered its end', async () => {
    host.claim(sessionId);
    await fleet.clock.elapse(1_000);
    alice.channel.skip();
    const spare = await fleet.host({ hostId: 'h2', slots: 1 });
    const answer = holdEnds(fleet, sessionId);
    alice.end(sessionId);
    host.fallSilent();
    await fleet.clock.elapse(LOST_AFTER_MS);
    expect(alice.channel.unread).to.deep.equal([]);
    answer();
    await fleet.clock.elapse(1_000);
    expect(alice.take('session')).to.include({ sessionId, epoch: 1, state: 'ended', reason: 'client_left' });
    expect(alice.channel.unread).to.deep.equal([]);
    expect([...spare.prepared]).to.deep.equal([]);
  });

  it('ends at its host, too, when the host returns after it was lost', async () => {
    host.claim(sessionId);
    await fleet.clock.elapse(1_000);
    const answer = holdEnds(fleet, sessionId);
    alice.end(sessionId);
    host.fallSilent();
    await fleet.clock.elapse(LOST_AFTER_MS);
    answer();
    await fleet.clock.elapse(1_000);
    host.sendHeartbeats();
    await fleet.clock.elapse(2_000);
    expect(host.take('end')).to.include({ sessionId, epoch: 1 });
    expect([...host.sessions]).to.deep.equal([]);
  });

  it('ends with `superseded` when another device takes over before the store has answered its end', async () => {
    host.claim(sessionId);
    await fleet.host({ hostId: 'h2', slots: 1 });
    alice.channel.skip();
    const answer = holdEnds(fleet, sessionId);
    alice.end(sessionId);
    const tv = fleet.player('alice');
    tv.play('r2', { onConflict: 'takeover' });
    await fleet.clock.elapse(1_000);
    expect(tv.take('matched')).to.include({ requestId: 'r2' });
    answer();
    await fleet.clock.settle();
    expect(alice.take('session')).to.include({ sessionId, state: 'ended', reason: 'superseded' });
    expect(alice.channel.unread).to.deep.equal([]);
  });
});

describe('A session that its client ends, and continues on another broker before the end is recorded', () => {
  it('stays with the client when it is placed again meanwhile', async () => {
    const fleet = await ManualFleet.start({ brokers: 2 });
    try {
      const host = await fleet.host({ hostId: 'h1', slots: 1 });
      const former = fleet.player('alice');
      former.play('r1');
      await fleet.clock.settle();
      const { sessionId } = former.take('matched') as unknown as { sessionId: string };
      host.claim(sessionId);
      await fleet.clock.elapse(1_000);
      former.channel.skip();
      await fleet.host({ hostId: 'h2', slots: 1 });
      const release = holdEnds(fleet, sessionId);
      former.end(sessionId);
      await fleet.clock.settle();
      const present = fleet.player('alice', 1);
      present.play('r1');
      await fleet.clock.settle();
      expect(present.take('matched')).to.include({ sessionId, epoch: 1 });
      host.fallSilent();
      await fleet.clock.elapse(LOST_AFTER_MS);
      expect(present.take('matched')).to.include({ sessionId, epoch: 2 });
      present.channel.skip();
      release();
      await fleet.clock.elapse(1_000);
      expect(former.take('error')).to.include({ code: 'STALE_EPOCH', inReplyTo: 'end', sessionId });
      expect(present.channel.unread).to.deep.equal([]);
    } finally {
      await fleet.stop();
    }
  });
});
