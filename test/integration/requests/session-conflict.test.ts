import { expect } from 'chai';
import { letTimePass } from '../../support/time/scenario-time.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import {
  TestFleet,
  play,
  queueUp,
  roundTrip,
  acceptOffer,
  type FullHost,
} from '../../support/fleet/test-fleet.js';

/** Requests of a player who has a session or a waiting request already. */
for (const [where, brokers] of [
  ['on one broker', 1],
  ['on two brokers', 2],
] as const) {
  describe(`A player with two devices, ${where}`, function () {
    this.timeout(15_000);
    let fleet: TestFleet;
    let tv: Peer;
    let phone: Peer;
    beforeEach(async () => {
      fleet = await TestFleet.start({ brokers });
      tv = await fleet.player('alice');
      phone = await fleet.player('alice', { broker: 1 });
    });
    afterEach(() => fleet.stop());

    const cancelled = (peer: Peer, requestId: string): Promise<Frame> =>
      peer.next('error', (frame) => frame['code'] === 'CANCELLED' && frame['requestId'] === requestId);

    describe('with a session', () => {
      let host: Peer;
      let session: Frame;
      beforeEach(async () => {
        host = await fleet.host({ hostId: 'h1', slots: 1 });
        play(tv, 'r1');
        session = await tv.next('matched');
        await host.next('prepare');
      });

      const become = (state: string): void => {
        const { sessionId, epoch } = session;
        host.send({ type: 'session', sessionId, epoch, state });
      };

      for (const change of [{}, { onConflict: 'fail' }]) {
        it(`is refused another session with ${JSON.stringify(change)}, with the id of the existing one`, async () => {
          play(phone, 'r2', change);
          const { sessionId } = session;
          const refusal = { requestId: 'r2', code: 'SESSION_EXISTS', sessionId, retryable: false };
          expect(await phone.next('error')).to.include(refusal);
          become('active');
          expect(await tv.next('session')).to.include({ sessionId, state: 'active' });
          expect(tv.unread).to.deep.equal([]);
          phone.send({ type: 'end', sessionId });
          expect(await phone.next('error')).to.include({ code: 'UNKNOWN_SESSION' });
        });
      }

      it('resumes the session on the second device, under the new request', async () => {
        become('active');
        await tv.next('session');
        play(phone, 'r2', { onConflict: 'resume', title: 'starfall' });
        const resumed = await phone.next('matched');
        const { sessionId, epoch } = session;
        expect(resumed).to.include({ requestId: 'r2', sessionId, epoch, title: 'drift', region: 'near' });
        expect(resumed['ticket']).to.be.a('string');
        expect(resumed['host']).to.deep.equal(session['host']);
        expect(await phone.next('session')).to.include({ sessionId, state: 'active' });
        expect(await tv.next('session')).to.include({ sessionId, state: 'ended', reason: 'superseded' });

        become('connected');
        expect(await phone.next('session')).to.include({ sessionId, state: 'connected' });
        tv.send({ type: 'end', sessionId });
        expect(await tv.next('error')).to.include({ code: 'UNKNOWN_SESSION' });
        expect(
          [...host.unread, ...tv.unread],
          'the host and the first device received nothing',
        ).to.deep.equal([]);
      });

      it('finds it again under the new request after the connection was lost', async () => {
        play(phone, 'r2', { onConflict: 'resume' });
        await phone.next('matched');
        await tv.next('session');
        phone.terminate();
        const back = await fleet.player('alice');
        play(back, 'r2');
        const { sessionId, epoch } = session;
        expect(await back.answer('r2')).to.include({ type: 'matched', sessionId, epoch });
      });

      it('is sent no end when the same connection resumes its own session', async () => {
        play(tv, 'r2', { onConflict: 'resume' });
        expect(await tv.next('matched')).to.include({ requestId: 'r2', sessionId: session['sessionId'] });
        become('active');
        expect(await tv.next('session')).to.include({ state: 'active' });
        expect(tv.unread).to.deep.equal([]);
      });

      it('is sent the remaining time of the ticket at a resume', async () => {
        await letTimePass(20);
        play(phone, 'r2', { onConflict: 'resume' });
        const { claimWithinMs } = await phone.next('matched');
        expect(claimWithinMs).to.be.within(20_000, 29_990);
      });

      it('takes over: the old session ends, and the new one gets its slot', async () => {
        become('active');
        await tv.next('session');
        play(phone, 'r2', { onConflict: 'takeover' });
        const { sessionId } = session;
        expect(await tv.next('session')).to.include({ sessionId, state: 'ended', reason: 'superseded' });
        expect(await host.next('end')).to.include({ sessionId, reason: 'superseded' });
        const fresh = await phone.next('matched');
        expect(fresh).to.include({ requestId: 'r2', epoch: 1 });
        expect(fresh['sessionId']).not.to.equal(sessionId);
        expect(await host.next('prepare')).to.include({ sessionId: fresh['sessionId'] });

        // A third request conflicts with the second one.
        play(tv, 'r3');
        expect(await tv.next('error')).to.include({
          requestId: 'r3',
          code: 'SESSION_EXISTS',
          sessionId: fresh['sessionId'],
        });
      });

      it('takes over, and waits behind the players who already wait', async () => {
        const bob = await fleet.player('bob');
        await queueUp(bob, 'r1');
        play(phone, 'r2', { onConflict: 'takeover' });
        expect(await tv.next('session')).to.include({ state: 'ended', reason: 'superseded' });
        await acceptOffer(bob);
        expect(await phone.next('queued')).to.include({ requestId: 'r2', position: 1 });
      });

      it('may play again when the session is over', async () => {
        tv.send({ type: 'end', sessionId: session['sessionId'] });
        await tv.next('session');
        play(phone, 'r2');
        expect(await phone.answer('r2')).to.include({ type: 'matched' });
      });
    });

    describe('with a waiting request', () => {
      let host: FullHost;
      let bob: Peer;
      beforeEach(async () => {
        host = await fleet.fullHost({ hostId: 'h1' });
        bob = await fleet.player('bob');
        await queueUp(tv, 'r1');
        await queueUp(bob, 'r1');
      });

      it('is refused another request', async () => {
        play(phone, 'r2');
        const refusal = await phone.next('error');
        expect(refusal).to.include({ requestId: 'r2', code: 'SESSION_EXISTS' });
        expect(refusal).to.not.have.property('sessionId');
        await host.free();
        await acceptOffer(tv);
      });

      it('is refused another request while the first has an offer', async () => {
        await host.free();
        await tv.next('offer');
        play(phone, 'r2');
        const refusal = await phone.next('error');
        expect(refusal).to.include({ requestId: 'r2', code: 'SESSION_EXISTS' });
        expect(refusal).to.not.have.property('sessionId');
        tv.send({ type: 'accept', requestId: 'r1' });
        await tv.next('matched');
      });

      it('resumes the position on the second device, under the new request', async () => {
        expect(await queueUp(phone, 'r2', { onConflict: 'resume' })).to.include({ position: 1 });
        await cancelled(tv, 'r1');
        await host.free();
        const { sessionId, epoch, requestId } = await acceptOffer(phone);
        expect(requestId).to.equal('r2');
        expect(await host.next('prepare')).to.include({ sessionId, epoch, playerId: 'alice' });
        host.send({ type: 'session', sessionId, epoch, state: 'active' });
        expect(await phone.next('session')).to.include({ sessionId, state: 'active' });
        await roundTrip(tv);
        expect(tv.unread).to.deep.equal([]);
      });

      it('keeps waiting for the first title and regions, whatever the resuming request names', async () => {
        const change = { onConflict: 'resume', title: 'circuit', rtt: { near: 12, next: 20 } };
        expect(await queueUp(phone, 'r2', change)).to.include({ position: 1 });
        await host.free();
        expect(await acceptOffer(phone)).to.include({ title: 'drift', pool: 'console-x' });
      });

      it('keeps the position under the new request when its connection was lost', async () => {
        await queueUp(phone, 'r2', { onConflict: 'resume' });
        phone.terminate();
        const back = await fleet.player('alice');
        expect(await queueUp(back, 'r2')).to.include({ position: 1 });
      });

      it('accepts the offer of the first request on the second device', async () => {
        await host.free();
        await tv.next('offer');
        play(phone, 'r2', { onConflict: 'resume' });
        expect(await acceptOffer(phone)).to.include({ requestId: 'r2' });
        await cancelled(tv, 'r1');
      });

      it('takes over: the old request is cancelled, and the new one starts at the back', async () => {
        expect(await queueUp(phone, 'r2', { onConflict: 'takeover' })).to.include({ position: 2 });
        await cancelled(tv, 'r1');
        await host.free();
        const { sessionId } = await acceptOffer(bob);
        bob.send({ type: 'end', sessionId });
        expect(await acceptOffer(phone)).to.include({ requestId: 'r2' });
      });

      it('takes over during an offer: the slot goes to the next player', async () => {
        await host.free();
        await tv.next('offer');
        play(phone, 'r2', { onConflict: 'takeover' });
        await acceptOffer(bob);
        await cancelled(tv, 'r1');
        expect(await phone.next('queued')).to.include({ requestId: 'r2' });
      });

      it('takes over right after an accept: the slot goes to the next player, and no session is left', async () => {
        await host.free();
        await tv.next('offer');
        tv.send({ type: 'accept', requestId: 'r1' });
        play(phone, 'r2', { onConflict: 'takeover' });
        const frame = await tv.nextOf(
          ['error', 'session'],
          ({ type, state }) => type === 'error' || state === 'ended',
        );
        expect(frame['code'] ?? frame['reason']).to.be.oneOf(['CANCELLED', 'superseded']);
        await acceptOffer(bob);
        expect(await phone.next('queued')).to.include({ requestId: 'r2' });
      });
    });
  });
}
