import { expect } from 'chai';
import { IDLE_LOAD, openHost } from '../../support/fleet/test-broker.js';
import { SingleMoveFleet } from '../../support/moves/single-move-fleet.js';
import { play } from '../../support/fleet/test-fleet.js';

describe('A move during which a host or the client disconnects', function () {
  this.timeout(20_000);
  let moving: SingleMoveFleet;
  afterEach(() => moving.fleet.stop());

  for (const to of ['near', 'next'] as const) {
    describe(`to ${to === 'near' ? 'another host of its region' : 'another region'}`, () => {
      beforeEach(async () => {
        moving = await SingleMoveFleet.start({ to, brokers: 4 });
        await moving.startMove();
      });

      it('reaches a client that changes its broker during the move', async () => {
        await moving.sendCheckpoint();
        await moving.reportRestored();
        const { player, fleet, sessionId } = moving;
        player.socket.terminate();
        const again = await fleet.player('alice', { broker: 3 });
        play(again, 'r1', { rtt: { near: 12, next: 20 }, canMove: true });
        expect(await again.next('matched')).to.include({ sessionId, epoch: 1 });
        moving.claimAtTarget();
        expect(await again.next('matched')).to.deep.include({
          sessionId,
          epoch: 2,
          region: to,
          host: { hostId: 'h2', endpoint: 'ws://127.0.0.1:1/stream/h2' },
        });
        expect(await again.next('session', ({ epoch }) => epoch === 2)).to.include({ state: 'active' });
      });

      it('is reported to a client that reconnects after it', async () => {
        await moving.sendCheckpoint();
        await moving.reportRestored();
        const { player, fleet, target, sessionId } = moving;
        player.socket.terminate();
        moving.claimAtTarget();
        await target.next('moved');
        const again = await fleet.player('alice', { broker: 3 });
        play(again, 'r1', { rtt: { near: 12, next: 20 }, canMove: true });
        expect(await again.next('matched')).to.include({ sessionId, epoch: 2, region: to });
      });

      it('succeeds when the source host has disconnected, and its copy ends when it returns', async () => {
        await moving.sendCheckpoint();
        await moving.reportRestored();
        const { source, fleet, target, player, sessionId } = moving;
        source.socket.terminate();
        moving.claimAtTarget();
        await target.next('moved');
        expect(await player.next('session', ({ epoch }) => epoch === 2)).to.include({ state: 'active' });
        const held = { sessionId, epoch: 1, state: 'moving' };
        const back = await openHost(fleet.broker(2).url, { hostId: 'h1', slots: 2, sessions: [held] });
        back.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [held] });
        expect(await back.next('end')).to.include({ sessionId, epoch: 1, reason: 'superseded' });
      });

      it('succeeds when the target host changes its broker, which answers every repeated report with `moved`', async () => {
        await moving.sendCheckpoint();
        await moving.reportRestored();
        const { fleet, target, player, sessionId } = moving;
        target.socket.terminate();
        const held = { sessionId, epoch: 2, state: 'active' };
        const options = { hostId: 'h2', region: to, slots: 2, sessions: [held] };
        const back = await openHost(fleet.broker(3).url, options);
        back.send({ type: 'session', ...held, restored: true });
        expect(await back.next('moved')).to.include({ sessionId, epoch: 2 });
        expect(await player.next('session', ({ epoch }) => epoch === 2)).to.include({ state: 'active' });
        back.socket.terminate();
        const again = await openHost(fleet.broker(0).url, options);
        again.send({ type: 'session', ...held, restored: true });
        expect(await again.next('moved')).to.include({ sessionId, epoch: 2 });
      });

      it('is cancelled when the target host has lost the restored session', async () => {
        await moving.sendCheckpoint();
        await moving.reportRestored();
        const { source, target, player, sessionId } = moving;
        target.send({ type: 'session', sessionId, epoch: 2, state: 'active' });
        expect(await target.next('end')).to.include({ sessionId, epoch: 2, reason: 'move_failed' });
        expect(await source.next('resume')).to.include({ sessionId, epoch: 1 });
        source.send({ type: 'session', sessionId, epoch: 1, state: 'connected' });
        expect(await player.next('session', ({ state }) => state === 'connected')).to.include({ epoch: 1 });
      });

      it('is cancelled at once when the target host ends the restored session, or leaves', async () => {
        await moving.sendCheckpoint();
        await moving.reportRestored();
        const { source, target, sessionId } = moving;
        const beganAt = performance.now();
        if (to === 'near')
          target.send({ type: 'session', sessionId, epoch: 2, state: 'ended', reason: 'error' });
        else target.send({ type: 'leave' });
        expect(await source.next('resume')).to.include({ sessionId, epoch: 1 });
        expect(performance.now() - beganAt).to.be.below(900);
      });

      it('delays the report that the source host lost its client until the move has failed', async () => {
        await moving.sendCheckpoint();
        await moving.reportRestored();
        const { source, player, sessionId } = moving;
        source.send({ type: 'session', sessionId, epoch: 1, state: 'disconnected' });
        await source.next('resume');
        expect(await player.next('session', ({ state }) => state !== 'moving')).to.include({
          epoch: 1,
          state: 'disconnected',
        });
      });

      it('is cancelled when the client is disconnected at the time it should move', async () => {
        await moving.sendCheckpoint();
        const { player, source, target, sessionId } = moving;
        player.socket.terminate();
        target.send({ type: 'restored', sessionId, epoch: 2 });
        expect(await source.next('resume')).to.include({ sessionId, epoch: 1 });
        expect(await target.next('end')).to.include({ epoch: 2, reason: 'move_failed' });
      });
    });
  }
});
