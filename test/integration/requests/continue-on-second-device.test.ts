import { createHost, type Admission, type Host, type ReplacedStream } from '@duskline/host';
import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { IDLE_LOAD, testToken } from '../../support/fleet/test-broker.js';
import { TestFleet, play } from '../../support/fleet/test-fleet.js';
import { waitUntil } from '../../support/time/eventually.js';

const PLACE = { region: 'near', pool: 'console-x' };
const HOST_ID = 'h1';

function ticketOf({ ticket }: Frame): string {
  return String(ticket);
}

/** The number of the connection for which the ticket was signed; `undefined` if the ticket has none. */
function numberOf(matched: Frame): number | undefined {
  return (jwt.decode(ticketOf(matched)) as { readonly seq?: number }).seq;
}

for (const [where, options] of [
  ['on one broker', { brokers: 1 }],
  ['on one broker with Redis', { brokers: 1, store: 'redis' }],
  ['on two brokers', { brokers: 2 }],
] as const) {
  describe(`A player who continues on a second device while the first one streams, ${where}`, function () {
    this.timeout(15_000);
    let fleet: TestFleet;
    let host: Host;
    let tv: Peer;
    let phone: Peer;
    const replacements: ReplacedStream[] = [];
    const errors: string[] = [];

    beforeEach(async () => {
      replacements.length = errors.length = 0;
      fleet = await TestFleet.start(options);
      host = createHost({
        url: fleet.broker(0).url.replace(/^http/, 'ws'),
        token: testToken({ kind: 'host', ...PLACE }),
        ...PLACE,
        hostId: HOST_ID,
        slots: 1,
        endpoint: 'wss://h1.example.com/stream',
        measureLoad: () => IDLE_LOAD,
      });
      host.on('streamReplaced', (replaced) => void replacements.push(replaced));
      host.on('error', ({ code }) => void errors.push(code));
      tv = await fleet.player('alice');
      phone = await fleet.player('alice', { broker: 1 });
      await host.whenRegistered();
      await waitUntil(async () => {
        const { regions } = await fleet.broker(0).broker.status();
        return regions[0]?.pools[0]?.readyHosts === 1;
      });
    });
    afterEach(async () => {
      await host.close();
      await fleet.stop();
    });

    async function expectStates(peer: Peer, ...states: string[]): Promise<void> {
      for (const state of states) expect(await peer.next('session')).to.include({ state });
    }

    async function storedNumber({ sessionId }: Frame): Promise<number | undefined> {
      const [session] = await fleet.stores[0]!.getSessions(PLACE, [String(sessionId)]);
      return session?.seq;
    }

    function sessionOf(admission: Admission): Extract<Admission, { ok: true }>['session'] {
      if (!admission.ok) throw new Error(`refused: ${admission.reason}`);
      return admission.session;
    }

    it('is admitted by the host with the ticket of the resumed session, and the first device is disconnected', async () => {
      play(tv, 'r1');
      const first = await tv.next('matched');
      const onTv = sessionOf(host.admit(ticketOf(first)));
      onTv.reportConnected();
      await expectStates(tv, 'active', 'connected');

      play(phone, 'r2', { onConflict: 'resume' });
      const second = await phone.next('matched');
      expect([numberOf(first), numberOf(second)]).to.deep.equal([undefined, await storedNumber(second)]);
      expect(second).to.include({ sessionId: first['sessionId'], epoch: first['epoch'] });
      await expectStates(phone, 'connected');
      const { sessionId } = first;
      expect(await tv.next('replaced')).to.include({ requestId: 'r1', sessionId, byRequestId: 'r2' });
      const onPhone = sessionOf(host.admit(ticketOf(second)));
      expect(replacements).to.have.length(1);
      expect(replacements[0]?.replaced).to.equal(onTv);
      onPhone.reportConnected();

      expect(onTv.reportDisconnected(), 'the socket of the first device closes').to.be.false;
      expect(host.admit(ticketOf(first))).to.deep.equal({ ok: false, reason: 'already_claimed' });
      expect(host.usage).to.deep.equal({ slots: 1, prepared: 0, held: 1 });
      expect(onPhone.end('client_left')).to.be.true;
      // A broker may skip states, but not the end.
      const ended = await phone.next('session', ({ state }) => state === 'ended');
      expect(ended).to.include({ reason: 'client_left' });
      expect(errors, 'the broker accepts all reports of the host').to.be.empty;
    });

    it('goes back to the first device, and the second one has to let go', async () => {
      play(tv, 'r1');
      sessionOf(host.admit(ticketOf(await tv.next('matched')))).reportConnected();
      play(phone, 'r2', { onConflict: 'resume' });
      const onPhone = sessionOf(host.admit(ticketOf(await phone.next('matched'))));
      onPhone.reportConnected();
      play(tv, 'r3', { onConflict: 'resume' });
      const onTv = sessionOf(
        host.admit(ticketOf(await tv.next('matched', ({ requestId }) => requestId === 'r3'))),
      );
      expect(replacements.at(-1)?.replaced).to.equal(onPhone);
      onTv.reportConnected();
      await tv.next('session', ({ state }) => state === 'connected');
      expect(host.usage).to.deep.equal({ slots: 1, prepared: 0, held: 1 });
      expect(errors).to.be.empty;
    });

    it('keeps the number on a connection that repeats its request, and raises it on another one', async () => {
      const next = async (peer: Peer, requestId: string): Promise<Frame> => {
        play(peer, requestId, { onConflict: 'resume' });
        return peer.next('matched', (frame) => frame['requestId'] === requestId);
      };
      expect(numberOf(await next(tv, 'r1'))).to.be.undefined;
      expect(numberOf(await next(tv, 'r1')), 'a first ticket stays without a number').to.be.undefined;
      const first = numberOf(await next(phone, 'r2'));
      expect(first).to.be.above(0);
      expect(numberOf(await next(phone, 'r2'))).to.equal(first);
      expect(numberOf(await next(phone, 'r3')), 'under another request').to.equal(first);
      phone.terminate();
      const back = await fleet.player('alice', { broker: 1 });
      expect(numberOf(await next(back, 'r3')), 'the same device, connected again').to.be.above(first!);
    });
  });
}
