import { expect } from 'chai';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { TestFleet, acceptOffer, play, queueUp, roundTrip } from '../../support/fleet/test-fleet.js';
import { sendTogether } from '../frames/raw-frames.js';

const CANCELLED = { type: 'error', code: 'CANCELLED', inReplyTo: 'cancel', retryable: false };

for (const [where, brokers] of [
  ['on one broker, with its state in memory', 1],
  ['on two brokers that share a Redis', 2],
] as const) {
  describe(`A cancel is answered with CANCELLED, ${where}`, function () {
    this.timeout(15_000);
    let fleet: TestFleet;
    let alice: Peer;
    let phone: Peer;
    beforeEach(async () => {
      fleet = await TestFleet.start({ brokers });
      alice = await fleet.player('alice');
      phone = await fleet.player('alice', { broker: 1 });
    });
    afterEach(() => fleet.stop());

    /** Cancels, and expects this many answers and nothing else about the request. */
    async function expectCancelled(peer: Peer, requestId: string, times = 1): Promise<void> {
      for (let i = 0; i < times; i += 1) peer.send({ type: 'cancel', requestId });
      for (let i = 0; i < times; i += 1) {
        expect(await peer.next('error')).to.include({ ...CANCELLED, requestId });
      }
      await roundTrip(peer);
      expect(peer.unread).to.deep.equal([]);
    }

    const isEnded = ({ state }: Frame): boolean => state === 'ended';

    it('for an id that was never used', async () => {
      await expectCancelled(alice, 'r1', 3);
    });

    it('for a request that was refused', async () => {
      play(alice, 'r1', { title: 'nowhere' });
      expect(await alice.next('error')).to.include({ code: 'UNKNOWN_TITLE', inReplyTo: 'play' });
      await expectCancelled(alice, 'r1');
    });

    it('for a request that is being refused, after the refusal', async () => {
      await fleet.fullHost({ hostId: 'h1' }, 1);
      const cancel = { type: 'cancel', requestId: 'r1' };
      sendTogether(alice, [playFrame('r1', { wait: false }), cancel, cancel]);
      const codes: string[] = [];
      for (let answered = 0; answered < 2;) {
        const { code, inReplyTo } = await alice.next('error');
        if (inReplyTo === 'cancel') answered += 1;
        codes.push(`${String(inReplyTo)} ${String(code)}`);
      }
      await roundTrip(alice);
      expect(alice.unread).to.deep.equal([]);
      expect(codes.filter((code) => code !== 'play NO_CAPACITY')).to.deep.equal(
        Array(2).fill('cancel CANCELLED'),
      );
    });

    it('twice, for two cancels of a request that waits', async () => {
      await fleet.fullHost({ hostId: 'h1' }, 1);
      await queueUp(alice, 'r1');
      await expectCancelled(alice, 'r1', 2);
    });

    it('for a session, which ends first', async () => {
      const host = await fleet.host({ hostId: 'h1' }, 1);
      play(alice, 'r1');
      const { sessionId } = await alice.next('matched');
      await host.next('prepare');
      alice.send({ type: 'cancel', requestId: 'r1' });
      expect(await alice.nextFrame()).to.include({ type: 'session', sessionId, reason: 'client_left' });
      expect(await alice.nextFrame()).to.include({ ...CANCELLED, requestId: 'r1' });
      expect(await host.next('end')).to.include({ sessionId, reason: 'client_left' });
      await expectCancelled(alice, 'r1');
    });

    it('for a session of the same request on another connection, which is told of the end', async () => {
      const host = await fleet.host({ hostId: 'h1' }, 1);
      play(phone, 'r1');
      const { sessionId } = await phone.next('matched');
      await host.next('prepare');
      await expectCancelled(alice, 'r1');
      expect(await phone.next('session', isEnded)).to.include({ sessionId, reason: 'client_left' });
      expect(await host.next('end')).to.include({ sessionId });
    });

    it('for a request that waits on another connection, whose play gets the same code', async () => {
      const host = await fleet.fullHost({ hostId: 'h1' }, 1);
      await queueUp(phone, 'r1');
      await expectCancelled(alice, 'r1');
      expect(await phone.next('error')).to.include({ code: 'CANCELLED', requestId: 'r1', inReplyTo: 'play' });
      await host.free();
    });

    it('for a request whose session another one resumed: the session goes on', async () => {
      const host = await fleet.host({ hostId: 'h1' }, 1);
      play(alice, 'r1');
      const { sessionId, epoch } = await alice.next('matched');
      await host.next('prepare');
      play(phone, 'r2', { onConflict: 'resume' });
      await phone.next('matched');
      await alice.next('replaced');
      await expectCancelled(alice, 'r1');
      host.send({ type: 'session', sessionId, epoch, state: 'active' });
      expect(await phone.next('session')).to.include({ sessionId, state: 'active' });
      expect(host.unread).to.deep.equal([]);
    });

    it('for a waiting request that another one resumed: the other one waits on', async () => {
      const host = await fleet.fullHost({ hostId: 'h1' }, 1);
      await queueUp(alice, 'r1');
      await queueUp(phone, 'r2', { onConflict: 'resume' });
      await alice.next('replaced');
      await expectCancelled(alice, 'r1');
      await host.free();
      await acceptOffer(phone);
    });
  });
}

function playFrame(requestId: string, change: object): object {
  return { type: 'play', requestId, title: 'drift', rtt: { near: 12 }, ...change };
}
