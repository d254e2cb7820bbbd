import { expect } from 'chai';
import { StoreUnavailableError } from '@duskline/server/store/fleet-store.js';
import type { Peer } from '../../support/fleet/peer.js';
import {
  startFullFleet,
  type TestFleet,
  play,
  queueUp,
  acceptOffer,
  type FullHost,
} from '../../support/fleet/test-fleet.js';

describe('A player whose connection is lost', function () {
  this.timeout(15_000);
  let fleet: TestFleet;
  let host: FullHost;
  afterEach(() => fleet.stop());

  /** Connects the same player again, after its connection was cut. */
  async function comeBack(before: Peer, broker: number): Promise<Peer> {
    before.terminate();
    await before.closed;
    return fleet.player('alice', { broker });
  }

  for (const [where, brokers] of [
    ['the same broker', 1],
    ['another broker', 2],
  ] as const) {
    describe(`and who reconnects to ${where}`, () => {
      it('keeps the position in the queue', async () => {
        ({ fleet, host } = await startFullFleet({ brokers }));
        const [bob, alice, carol] = [
          await fleet.player('bob'),
          await fleet.player('alice'),
          await fleet.player('carol'),
        ];
        for (const player of [bob, alice, carol]) await queueUp(player, 'r1');
        const back = await comeBack(alice, 1);
        expect(await queueUp(back, 'r1')).to.include({ position: 2, region: 'near' });

        await host.free();
        for (const player of [bob, back, carol]) {
          const { sessionId, epoch } = await acceptOffer(player);
          expect(await host.next('prepare')).to.include({ sessionId, epoch });
          player.send({ type: 'end', sessionId });
        }
      });

      it('receives the offer that arrived meanwhile, with the rest of its time', async () => {
        ({ fleet, host } = await startFullFleet({ brokers, limits: { offerMs: 5_000 } }));
        const alice = await fleet.player('alice');
        await queueUp(alice, 'r1');
        const back = await comeBack(alice, 1);
        await host.free();
        play(back, 'r1');
        const { sessionId } = await acceptOffer(back);
        expect(await host.next('prepare')).to.include({ sessionId, playerId: 'alice' });
      });

      it('accepts there an offer that was made on the first connection', async () => {
        ({ fleet, host } = await startFullFleet({ brokers, limits: { offerMs: 5_000 } }));
        const alice = await fleet.player('alice');
        await queueUp(alice, 'r1');
        await host.free();
        const before = await alice.next('offer');
        const back = await comeBack(alice, 1);
        play(back, 'r1', { wait: false });
        const offer = await back.next('offer');
        expect(offer).to.include({ requestId: 'r1', region: 'near' });
        expect(offer['acceptWithinMs']).to.be.below(Number(before['acceptWithinMs']));
        back.send({ type: 'accept', requestId: 'r1' });
        const { sessionId, epoch } = await back.next('matched');
        expect(await host.next('prepare')).to.include({ sessionId, epoch });
        host.send({ type: 'session', sessionId, epoch, state: 'active' });
        expect(await back.next('session')).to.include({ sessionId, state: 'active' });
      });

      it('finds the match whose answer was lost with the socket', async () => {
        ({ fleet, host } = await startFullFleet({ brokers }));
        const alice = await fleet.player('alice');
        await queueUp(alice, 'r1');
        await host.free();
        await alice.next('offer');
        alice.send({ type: 'accept', requestId: 'r1' });
        const prepare = await host.next('prepare');
        const back = await comeBack(alice, 1);
        play(back, 'r1');
        expect(await back.answer('r1')).to.include({ type: 'matched', sessionId: prepare['sessionId'] });
      });

      it('says on the first connection, when that was still open, that the second one has the request', async () => {
        ({ fleet, host } = await startFullFleet({ brokers }));
        const alice = await fleet.player('alice');
        await queueUp(alice, 'r1');
        const again = await fleet.player('alice', { broker: 1 });
        expect(await queueUp(again, 'r1')).to.include({ position: 1 });
        const replaced = { type: 'replaced', requestId: 'r1', byRequestId: 'r1' };
        expect(await alice.next('replaced')).to.deep.equal(replaced);
        await host.free();
        await acceptOffer(again);
        expect(alice.unread).to.deep.equal([]);
      });

      it('receives the events of the session there, and no longer on the first connection', async () => {
        ({ fleet, host } = await startFullFleet({ brokers }));
        const alice = await fleet.player('alice');
        const free = await fleet.host({ hostId: 'h2' });
        play(alice, 'r1');
        const { sessionId, epoch } = await alice.next('matched');
        const again = await fleet.player('alice', { broker: 1 });
        play(again, 'r1');
        expect(await again.next('matched')).to.include({ sessionId, epoch });
        const replaced = { type: 'replaced', requestId: 'r1', sessionId, byRequestId: 'r1' };
        expect(await alice.next('replaced')).to.deep.equal(replaced);
        free.send({ type: 'session', sessionId, epoch, state: 'active' });
        expect(await again.next('session')).to.include({ sessionId, state: 'active' });
        expect(alice.unread).to.deep.equal([]);
      });
    });
  }

  it('loses the position after the grace period, and starts again at the back', async () => {
    ({ fleet, host } = await startFullFleet({ limits: { queueGraceMs: 2_000 } }));
    const alice = await fleet.player('alice');
    const bob = await fleet.player('bob');
    await queueUp(alice, 'r1');
    expect(await queueUp(bob, 'r1')).to.include({ position: 2 });
    alice.terminate();
    await bob.next('queued', ({ position }) => position === 1);
    const back = await fleet.player('alice');
    expect(await queueUp(back, 'r1')).to.include({ position: 2 });
    await host.free();
    const { sessionId } = await acceptOffer(bob);
    bob.send({ type: 'end', sessionId });
    await acceptOffer(back);
  });

  it('keeps the position while connected, longer than the grace period', async () => {
    ({ fleet, host } = await startFullFleet({ brokers: 2, limits: { queueGraceMs: 1_500 } }));
    const alice = await fleet.player('alice');
    const bob = await fleet.player('bob', { broker: 1 });
    const carol = await fleet.player('carol');
    await queueUp(alice, 'r1');
    await queueUp(bob, 'r1');
    await queueUp(carol, 'r1');
    // When bob's request ends after the grace period, the requests of the connected players keep their positions.
    bob.terminate();
    expect(await carol.next('queued')).to.include({ position: 2 });
    await host.free();
    const { sessionId } = await acceptOffer(alice);
    alice.send({ type: 'end', sessionId });
    await acceptOffer(carol);
  });

  it('starts again at the back when the broker could not reach the store for the grace period', async () => {
    ({ fleet, host } = await startFullFleet({ brokers: 2, limits: { queueGraceMs: 1_500 } }));
    const alice = await fleet.player('alice', { broker: 1 });
    const bob = await fleet.player('bob');
    await queueUp(alice, 'r1');
    await queueUp(bob, 'r1');
    const [, store] = fleet.stores;
    const { getQueueStatus: queueStatus } = store!;
    store!.getQueueStatus = () => Promise.reject(new StoreUnavailableError('cut off'));
    await bob.next('queued', ({ position }) => position === 1);
    store!.getQueueStatus = queueStatus;
    expect(await alice.next('queued')).to.include({ requestId: 'r1', position: 2 });
    await host.free();
    const { sessionId } = await acceptOffer(bob);
    bob.send({ type: 'end', sessionId });
    await acceptOffer(alice);
  });

  it('has the session ended after the resume window, and its host is notified', async () => {
    ({ fleet, host } = await startFullFleet({ limits: { resumeWindowMs: 300 } }));
    const free = await fleet.host({ hostId: 'h2' });
    const alice = await fleet.player('alice');
    play(alice, 'r1');
    const { sessionId, epoch } = await alice.next('matched');
    for (const state of ['active', 'connected', 'disconnected', 'connected', 'disconnected']) {
      free.send({ type: 'session', sessionId, epoch, state });
      await alice.next('session', (frame) => frame['state'] === state);
    }
    expect(await alice.next('session')).to.include({
      sessionId,
      state: 'ended',
      reason: 'reconnect_expired',
    });
    expect(await free.next('end')).to.include({ sessionId, epoch, reason: 'reconnect_expired' });
    play(alice, 'r1');
    expect(await alice.next('session')).to.include({ state: 'ended', reason: 'reconnect_expired' });
    expect(await alice.next('error')).to.include({ code: 'SESSION_OVER', requestId: 'r1' });
  });
});
