import { expect } from 'chai';
import { waitUntil } from '../../support/time/eventually.js';
import { letTimePass } from '../../support/time/scenario-time.js';
import { SingleMoveFleet, SESSION_STATE } from '../../support/moves/single-move-fleet.js';

for (const [where, brokers] of [
  ['on one broker', 1],
  ['on four brokers', 4],
] as const) {
  for (const to of ['near', 'next'] as const) {
    describe(`A session that moves to ${to === 'near' ? 'another host of its region' : 'another region'} ${where}`, function () {
      this.timeout(15_000);
      let moving: SingleMoveFleet;
      beforeEach(async () => {
        moving = await SingleMoveFleet.start({ to, brokers });
      });
      afterEach(() => moving.fleet.stop());

      it('is checkpointed, restored on the target host, joined there by its client, and ended on the source host', async () => {
        const { source, target, player, sessionId, fleet } = moving;
        expect(await moving.startMove()).to.include({ sessionId, epoch: 1, withinMs: 1_000, stillMs: 6_000 });
        expect(await moving.sendCheckpoint()).to.include({
          sessionId,
          epoch: 2,
          state: SESSION_STATE,
          playerId: 'alice',
        });
        expect(await player.next('session')).to.include({ epoch: 1, state: 'moving' });
        const frame = await moving.reportRestored();
        expect(frame).to.deep.include({
          requestId: 'r1',
          sessionId,
          epoch: 2,
          region: to,
          host: { hostId: 'h2', endpoint: 'ws://127.0.0.1:1/stream/h2' },
          claimWithinMs: 1_000,
        });
        // Hosts send both reports together.
        moving.claimAtTarget();
        target.send({ type: 'session', sessionId, epoch: 2, state: 'connected', restored: true });
        expect(await target.next('moved')).to.include({ sessionId, epoch: 2 });
        const report = await player.next('session', ({ epoch }) => epoch === 2);
        if (report['state'] === 'active')
          expect(await player.next('session')).to.include({ state: 'connected' });
        expect(await source.next('end')).to.include({ sessionId, epoch: 1, reason: 'superseded' });
        const status = await fleet.broker(0).broker.status();
        const hosts = status.regions.flatMap(({ pools }) => pools.flatMap(({ hostList }) => hostList));
        expect(hosts.map(({ hostId, sessions }) => [hostId, sessions])).to.have.deep.members([
          ['h1', 0],
          ['h2', 1],
        ]);
        await waitUntil(async () => {
          const [drain] = await fleet.broker(3).broker.operations.drains();
          return drain?.state === 'done' && drain.progress.moved === 1;
        });
        // The player can end the moved session.
        player.send({ type: 'end', sessionId });
        expect(await player.next('session')).to.include({ epoch: 2, state: 'ended', reason: 'client_left' });
        expect(await target.next('end')).to.include({ epoch: 2, reason: 'client_left' });
        expect(player.unread.filter(({ type }) => type === 'session' || type === 'matched')).to.deep.equal(
          [],
        );
      });
    });
  }
}

describe('A move whose restoration takes long', function () {
  this.timeout(20_000);

  for (const [where, options] of [
    ['to another region, on four brokers', { to: 'next', brokers: 4 }],
    ['in its region, on one broker', { to: 'near', brokers: 1 }],
  ] as const)
    it(`succeeds ${where} if the target host answers within the time of \`restore\`, which is twice that of a checkpoint`, async () => {
      const moving = await SingleMoveFleet.start(options);
      try {
        const { withinMs } = await moving.startMove();
        expect(withinMs).to.equal(1_000);
        const order = await moving.sendCheckpoint();
        expect(order).to.include({ withinMs: 2_000 });
        expect(order['claimWithinMs']).to.be.at.least(3_000);
        // The game needs this time to start from its checkpoint.
        await letTimePass(1_400);
        expect(await moving.reportRestored()).to.include({ epoch: 2, claimWithinMs: 1_000 });
        // A host repeats an answer that it may have sent over a lost connection.
        moving.target.send({ type: 'restored', sessionId: moving.sessionId, epoch: 2 });
        // The client has its own time after that.
        await letTimePass(800);
        moving.claimAtTarget();
        expect(await moving.target.next('moved')).to.include({ epoch: 2 });
      } finally {
        await moving.fleet.stop();
      }
    });
});
