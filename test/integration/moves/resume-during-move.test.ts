import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { play } from '../../support/fleet/test-fleet.js';
import { SingleMoveFleet } from '../../support/moves/single-move-fleet.js';
import { waitUntil } from '../../support/time/eventually.js';

function numberOf({ ticket }: Frame): number {
  return (jwt.decode(String(ticket)) as { readonly seq?: number }).seq ?? 0;
}

/** The first device of these players is the TV of the move, `player`. */
for (const [where, brokers] of [
  ['on one broker', 1],
  ['on four brokers', 4],
] as const) {
  for (const to of ['near', 'next'] as const) {
    const target = to === 'near' ? 'another host of its region' : 'another region';
    describe(`A session that a second device resumes while it moves to ${target}, ${where}`, function () {
      this.timeout(20_000);
      let moving: SingleMoveFleet;
      let phone: Peer;
      beforeEach(async () => {
        moving = await SingleMoveFleet.start({ to, brokers });
        phone = await moving.fleet.player('alice', { broker: 1 });
        await moving.startMove();
      });
      afterEach(() => moving.fleet.stop());

      /** The second device continues the session. Returns `matched`. */
      async function resume(change: object = {}): Promise<Frame> {
        play(phone, 'r2', { rtt: { near: 12, next: 20 }, onConflict: 'resume', ...change });
        return phone.next('matched');
      }

      /** Expects that the session is on the source host, and on no other, with the second device. */
      async function expectOnSource(matched: Frame): Promise<void> {
        const { sessionId, source, target, fleet } = moving;
        expect(matched).to.deep.include({
          sessionId,
          epoch: 1,
          host: { hostId: 'h1', endpoint: 'ws://127.0.0.1:1/stream/h1' },
        });
        expect(await target.next('end')).to.include({ sessionId, epoch: 2, reason: 'move_failed' });
        expect(await source.next('resume')).to.include({ sessionId, epoch: 1 });
        for (const state of ['disconnected', 'active', 'connected'])
          source.send({ type: 'session', sessionId, epoch: 1, state });
        await phone.next('session', ({ state }) => state === 'connected');
        // The TV shows its ticket too late.
        moving.claimAtTarget();
        expect(await target.next('end')).to.include({ sessionId, epoch: 2, reason: 'move_failed' });
        const [record] = await fleet.stores[0]!.getSessions({ region: 'near', pool: 'console-x' }, [
          sessionId,
        ]);
        expect(record).to.include({ hostId: 'h1', epoch: 1, state: 'connected' });
      }

      it('stays on its source host: the move is cancelled before the second device has a ticket', async () => {
        await moving.sendCheckpoint();
        const atTarget = await moving.reportRestored();
        const matched = await resume();
        expect(numberOf(matched)).to.be.above(numberOf(atTarget));
        await expectOnSource(matched);
      });

      it('stays there also for a device that cannot move, before the first one was sent to the target host', async () => {
        await moving.sendCheckpoint();
        await expectOnSource(await resume({ canMove: false }));
        expect(moving.player.unread.map(({ type }) => type)).not.to.include('moving');
      });

      it('counts as failed because of the player, so that the target host is not blamed', async () => {
        await moving.sendCheckpoint();
        await moving.reportRestored();
        await resume();
        await waitUntil(async () => {
          const [move] = await moving.fleet.broker(3).broker.operations.moves(10);
          return (
            move?.outcome === 'failed' &&
            move.failure === 'client: the player continues on another connection'
          );
        });
      });

      it('is continued on the target host if the first device was admitted there before', async () => {
        const { sessionId, target } = moving;
        await moving.sendCheckpoint();
        const atTarget = await moving.reportRestored();
        moving.claimAtTarget();
        await target.next('moved');
        const matched = await resume();
        expect(matched).to.deep.include({
          sessionId,
          epoch: 2,
          region: to,
          host: { hostId: 'h2', endpoint: 'ws://127.0.0.1:1/stream/h2' },
        });
        expect(numberOf(matched)).to.be.above(numberOf(atTarget));
        target.send({ type: 'session', sessionId, epoch: 2, state: 'connected', restored: true });
        await phone.next('session', ({ epoch, state }) => epoch === 2 && state === 'connected');
      });
    });
  }
}

describe('A session that its second device resumed', function () {
  this.timeout(20_000);

  it('moves like any other, and the second device gets in at the target host with its own number', async () => {
    const moving = await SingleMoveFleet.start({ to: 'next', brokers: 4 });
    try {
      const { fleet, sessionId, target } = moving;
      const phone = await fleet.player('alice', { broker: 1 });
      play(phone, 'r2', { rtt: { near: 12, next: 20 }, onConflict: 'resume', canMove: true });
      const matched = await phone.next('matched');
      await moving.startMove();
      await moving.sendCheckpoint();
      target.send({ type: 'restored', sessionId, epoch: 2 });
      const atTarget = await phone.next('moving');
      expect(atTarget).to.include({ requestId: 'r2', epoch: 2 });
      expect(numberOf(atTarget)).to.equal(numberOf(matched)).and.to.be.above(0);
      moving.claimAtTarget();
      await target.next('moved');
      // The store of the new region knows the number, too.
      const tv = await fleet.player('alice', { broker: 2 });
      play(tv, 'r3', { rtt: { near: 12, next: 20 }, onConflict: 'resume' });
      expect(numberOf(await tv.next('matched'))).to.be.above(numberOf(atTarget));
    } finally {
      await moving.fleet.stop();
    }
  });
});
