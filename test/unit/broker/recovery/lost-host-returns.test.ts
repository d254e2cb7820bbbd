import { expect } from 'chai';
import { holdFirst } from '../../../support/manual/hold-calls.js';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';
import type { ManualHost, ManualPlayer } from '../../../support/manual/manual-peers.js';

const LOST_AFTER_MS = 14_000;
const LONG_MS = 6_000;

for (const brokers of [1, 2]) {
  describe(`A session that was lost with its host and got no other one, with ${brokers} broker(s)`, () => {
    let fleet: ManualFleet;
    let host: ManualHost;
    let alice: ManualPlayer;
    let sessionId: string;

    beforeEach(async () => {
      fleet = await ManualFleet.start({ brokers });
      host = await fleet.host({ hostId: 'h1', slots: 1 }, brokers - 1);
      alice = fleet.player('alice');
      alice.play('r1');
      await fleet.clock.elapse(1_000);
      ({ sessionId } = alice.take('matched') as unknown as { sessionId: string });
      host.claim(sessionId);
      await fleet.clock.elapse(1_000);
      alice.channel.skip();
      host.channel.skip();
    });
    afterEach(() => fleet.stop());

    async function loseHost(): Promise<void> {
      host.fallSilent();
      await fleet.clock.elapse(LOST_AFTER_MS);
    }

    async function returnHost(): Promise<void> {
      host.sendHeartbeats();
      await fleet.clock.elapse(LONG_MS);
    }

    async function expectEnded(): Promise<void> {
      expect(alice.take('session')).to.include({ sessionId, epoch: 1, state: 'ended', reason: 'host_lost' });
      await fleet.clock.settle();
      expect(alice.channel.unread).to.deep.equal([]);
    }

    async function sessionsInStore(): Promise<number> {
      const { regions } = await fleet.brokers[0]!.status();
      return regions.flatMap(({ pools }) => pools).reduce((sum, { sessions }) => sum + sessions, 0);
    }

    it('is alive again for its client when the host returns with it', async () => {
      await loseHost();
      await expectEnded();
      await returnHost();
      expect(alice.take('session')).to.include({ sessionId, epoch: 1, state: 'connected' });
      expect(alice.channel.unread).to.deep.equal([]);
      alice.play('r2');
      await fleet.clock.elapse(LONG_MS);
      expect(alice.take('error')).to.include({ requestId: 'r2', code: 'SESSION_EXISTS', sessionId });

      alice.end(sessionId);
      await fleet.clock.settle();
      expect(alice.take('session')).to.include({ sessionId, state: 'ended', reason: 'client_left' });
      await fleet.clock.elapse(LONG_MS);
      expect(host.take('end')).to.include({ sessionId, reason: 'client_left' });
      alice.play('r3');
      await fleet.clock.settle();
      expect(alice.take('matched')).to.include({ requestId: 'r3' });
    });

    it('is found by its client, which repeats the request on another connection', async () => {
      await loseHost();
      await expectEnded();
      alice.channel.close();
      await returnHost();
      const again = fleet.player('alice', brokers - 1);
      again.play('r1');
      await fleet.clock.elapse(LONG_MS);
      expect(again.take('matched')).to.include({ requestId: 'r1', sessionId, epoch: 1 });
      again.channel.skip();
      again.play('r2');
      await fleet.clock.elapse(LONG_MS);
      expect(again.take('error')).to.include({ requestId: 'r2', code: 'SESSION_EXISTS' });
      expect(await sessionsInStore()).to.equal(1);
    });

    for (const onHostLost of ['replace', 'end'] as const) {
      for (const broker of new Set([0, brokers - 1])) {
        it(`is alive again for a client that reconnected to broker ${broker} and was told of the end when it repeated the request, with onHostLost ${onHostLost}`, async () => {
          alice.channel.close();
          await loseHost();
          const again = fleet.player('alice', broker);
          again.play('r1', { onHostLost });
          await fleet.clock.elapse(LONG_MS);
          expect(again.take('session')).to.include({
            sessionId,
            epoch: 1,
            state: 'ended',
            reason: 'host_lost',
          });
          expect(again.take('error')).to.include({ requestId: 'r1' });
          await returnHost();
          expect(again.take('session')).to.include({ sessionId, epoch: 1, state: 'connected' });
          expect(again.channel.unread).to.deep.equal([]);
          again.end(sessionId);
          await fleet.clock.settle();
          expect(again.take('session')).to.include({ sessionId, state: 'ended', reason: 'client_left' });
          await fleet.clock.elapse(LONG_MS);
          expect(host.take('end')).to.include({ sessionId, reason: 'client_left' });
        });
      }
    }

    it('is placed again when the host is lost a second time and another one has a slot', async () => {
      await loseHost();
      await expectEnded();
      await returnHost();
      expect(alice.take('session')).to.include({ sessionId, state: 'connected' });
      await fleet.host({ hostId: 'h2', slots: 1 });
      await loseHost();
      const matched = alice.take('matched') as unknown as { epoch: number };
      expect(matched).to.include({ requestId: 'r1', sessionId });
      // Epoch 2 was that of the attempt that found no slot.
      expect(matched.epoch).to.be.above(2);
      expect(alice.channel.unread).to.deep.equal([]);
      await returnHost();
      expect(host.take('end')).to.include({ sessionId, epoch: 1, reason: 'superseded' });
      expect(alice.channel.unread).to.deep.equal([]);
    });

    it('ends on the host that returns when its player has another session by then', async () => {
      await loseHost();
      await expectEnded();
      const other = await fleet.host({ hostId: 'h2', slots: 1 });
      alice.play('r2');
      await fleet.clock.elapse(1_000);
      const matched = alice.take('matched') as unknown as { sessionId: string };
      expect(matched.sessionId).to.not.equal(sessionId);
      other.claim(matched.sessionId);
      await fleet.clock.elapse(1_000);
      alice.channel.skip();
      await returnHost();
      expect(host.take('end')).to.include({ sessionId, epoch: 1, reason: 'superseded' });
      expect(await sessionsInStore()).to.equal(1);
      expect(alice.channel.unread, 'her client knows that the first one has ended').to.deep.equal([]);
    });

    it('goes on without a word when the host returns while the session is being placed again', async () => {
      const release = holdFirst(fleet.store, 'startAttempt', 'call');
      await loseHost();
      await returnHost();
      release();
      await fleet.clock.elapse(LONG_MS);
      expect(alice.channel.unread).to.deep.equal([]);
      alice.play('r2');
      await fleet.clock.elapse(LONG_MS);
      expect(alice.take('error')).to.include({ requestId: 'r2', code: 'SESSION_EXISTS', sessionId });
      alice.end(sessionId);
      await fleet.clock.settle();
      expect(alice.take('session')).to.include({ sessionId, state: 'ended', reason: 'client_left' });
    });

    it('is alive again when its client repeated the request at the moment of the loss', async () => {
      const release = holdFirst(fleet.store, 'recordRequests', 'call');
      alice.play('r1');
      await loseHost();
      expect(alice.channel.unread).to.deep.equal([]);
      release();
      await fleet.clock.settle();
      expect(alice.take('session')).to.include({ sessionId, epoch: 1, state: 'ended', reason: 'host_lost' });
      expect(alice.take('error')).to.include({ requestId: 'r1' });
      await returnHost();
      expect(alice.take('session')).to.include({ sessionId, epoch: 1, state: 'connected' });
      alice.end(sessionId);
      await fleet.clock.settle();
      expect(alice.take('session')).to.include({ sessionId, state: 'ended', reason: 'client_left' });
      expect(alice.channel.unread).to.deep.equal([]);
    });

    it('stays over when its client ended it while it was being placed again', async () => {
      const release = holdFirst(fleet.store, 'startAttempt', 'call');
      await loseHost();
      alice.end(sessionId);
      await fleet.clock.settle();
      release();
      await fleet.clock.settle();
      expect(alice.take('session')).to.include({ sessionId, state: 'ended', reason: 'client_left' });
      await returnHost();
      expect(host.take('end')).to.include({ sessionId, epoch: 1 });
      expect(alice.channel.unread).to.deep.equal([]);
      expect(await sessionsInStore()).to.equal(0);
    });
  });
}
