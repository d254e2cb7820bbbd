import { createHost, type Admission, type Host, type ReplacedStream } from '@duskline/host';
import { createTicketSigner } from '@duskline/server/auth/ticket-signer.js';
import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import { createSecretKey } from 'node:crypto';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { IDLE_LOAD, TEST_ENV, testToken } from '../../support/fleet/test-broker.js';
import { TestFleet, play } from '../../support/fleet/test-fleet.js';
import { waitUntil } from '../../support/time/eventually.js';

const PLACE = { region: 'near', pool: 'console-x' };
const HOST_ID = 'h1';

/** The ticket of the match, as a broker signs it for the connection of this number to which it gives the session. */
function numbered(matched: Frame, seq: number): string {
  const master = createSecretKey(Buffer.from(TEST_ENV.DUSKLINE_TICKET_MASTER_KEY, 'base64'));
  const claims = jwt.decode(String(matched['ticket'])) as object;
  return jwt.sign({ ...claims, seq }, createTicketSigner(master).hostKey(PLACE, HOST_ID));
}

for (const [where, brokers] of [
  ['on one broker', 1],
  ['on two brokers', 2],
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
      fleet = await TestFleet.start({ brokers });
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

    function sessionOf(admission: Admission): Extract<Admission, { ok: true }>['session'] {
      if (!admission.ok) throw new Error(`refused: ${admission.reason}`);
      return admission.session;
    }

    it('is admitted by the host with the ticket of the resumed session, and the first device is disconnected', async () => {
      play(tv, 'r1');
      const first = await tv.next('matched');
      const onTv = sessionOf(host.admit(numbered(first, 1)));
      onTv.reportConnected();
      await expectStates(tv, 'active', 'connected');

      play(phone, 'r2', { onConflict: 'resume' });
      const second = await phone.next('matched');
      expect(second).to.include({ sessionId: first['sessionId'], epoch: first['epoch'] });
      await expectStates(phone, 'connected');
      expect(await tv.next('session')).to.include({ state: 'ended', reason: 'superseded' });
      const onPhone = sessionOf(host.admit(numbered(second, 2)));
      expect(replacements).to.have.length(1);
      expect(replacements[0]?.replaced).to.equal(onTv);
      onPhone.reportConnected();

      expect(onTv.reportDisconnected(), 'the socket of the first device closes').to.be.false;
      expect(host.admit(numbered(first, 1))).to.deep.equal({ ok: false, reason: 'already_claimed' });
      expect(host.usage).to.deep.equal({ slots: 1, prepared: 0, held: 1 });
      expect(onPhone.end('client_left')).to.be.true;
      // A broker may skip states, but not the end.
      const ended = await phone.next('session', ({ state }) => state === 'ended');
      expect(ended).to.include({ reason: 'client_left' });
      expect(errors, 'the broker accepts all reports of the host').to.be.empty;
    });
  });
}
