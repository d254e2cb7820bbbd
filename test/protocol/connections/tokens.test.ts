import { expect } from 'chai';
import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import { CLIENT_PATH, HOST_PATH } from '@duskline/protocol/constants';
import type { Duskline } from '@duskline/server/duskline.js';
import { TEST_DEVICE, openPlayer, openReadyHost, startTestBroker } from '../../support/fleet/test-broker.js';
import { Peer } from '../../support/fleet/peer.js';
import { letTimePass } from '../../support/time/scenario-time.js';
import { expectClosed } from '../frames/raw-frames.js';
import { earlyToken, handMadeToken, refusedTokens, type Bearer } from './raw-tokens.js';

const FIRST: Readonly<Record<Bearer, { path: string; message: object; answer: string }>> = {
  player: { path: CLIENT_PATH, message: { type: 'hello', device: TEST_DEVICE }, answer: 'welcome' },
  host: {
    path: HOST_PATH,
    message: {
      type: 'register',
      hostId: 'h9',
      region: 'near',
      pool: 'console-x',
      slots: 1,
      endpoint: 'ws://127.0.0.1:1/h9',
      sessions: [],
    },
    answer: 'registered',
  },
};

/** Connects with the token in the header or in the first message, and sends this message. */
async function introduce(url: string, bearer: Bearer, header?: string, inMessage?: string): Promise<Peer> {
  const { path, message } = FIRST[bearer];
  const peer = await Peer.open(url, path, header === undefined ? {} : { token: header });
  peer.send(inMessage === undefined ? message : { ...message, token: inMessage });
  return peer;
}

describe('Tokens', function () {
  this.timeout(10_000);
  let duskline: Duskline;
  before(async () => {
    duskline = await startTestBroker();
  });
  after(() => duskline.stop());

  for (const bearer of ['player', 'host'] as const) {
    for (const carrier of ['header', 'message'] as const) {
      const send = (token: string): Promise<Peer> =>
        carrier === 'header'
          ? introduce(duskline.url, bearer, token)
          : introduce(duskline.url, bearer, undefined, token);

      it(`${bearer}, in the ${carrier}: a valid token is accepted`, async () => {
        const peer = await send(handMadeToken(bearer));
        await peer.next(FIRST[bearer].answer);
        await peer.close();
      });

      for (const [name, [token, code]] of Object.entries(refusedTokens(bearer))) {
        it(`${bearer}, in the ${carrier}: a token ${name} is refused`, async () => {
          const peer = await send(token);
          await expectClosed(peer, ERRORS[code as ErrorCode].closeCode!, code as ErrorCode);
          expect(peer.unread).to.have.length(1);
          expect(JSON.stringify(peer.unread)).to.not.include(token.slice(0, 20));
        });
      }
    }

    it(`${bearer}: a token that is early by seconds is accepted once the time has passed that the error names`, async () => {
      const token = earlyToken(bearer, 2);
      const peer = await introduce(duskline.url, bearer, token);
      const error = await peer.next('error');
      const { retryAfterMs } = error;
      expect(error).to.include({ code: 'TOKEN_NOT_YET_VALID', retryable: true });
      expect(retryAfterMs).to.be.within(1, 2_000);
      expect(await peer.closed).to.deep.equal({ code: 4401, reason: 'TOKEN_NOT_YET_VALID' });
      // The broker's clock is that of this process, but timers may be a millisecond early.
      await letTimePass(Number(retryAfterMs) + 10);
      const again = await introduce(duskline.url, bearer, token);
      await again.next(FIRST[bearer].answer);
      await again.close();
    });

    it(`${bearer}: a missing token is refused`, async () => {
      await expectClosed(await introduce(duskline.url, bearer), 4401, 'UNAUTHENTICATED');
    });

    it(`${bearer}: the token in the message takes precedence over the header`, async () => {
      const [expired] = refusedTokens(bearer)['that has expired']!;
      const good = handMadeToken(bearer);
      const peer = await introduce(duskline.url, bearer, expired, good);
      await peer.next(FIRST[bearer].answer);
      await peer.close();
      await expectClosed(await introduce(duskline.url, bearer, good, expired), 4401, 'TOKEN_EXPIRED');
    });

    it(`${bearer}: a token outside its length bounds is a bad message`, async () => {
      for (const token of ['short', 'x'.repeat(8_193)]) {
        await expectClosed(await introduce(duskline.url, bearer, undefined, token), 4400, 'BAD_MESSAGE');
      }
    });
  }

  it('an oversized header is refused by HTTP, and the broker keeps running', async () => {
    const refused = await introduce(duskline.url, 'player', 'x'.repeat(40_000)).then(
      () => 'accepted',
      (error: unknown) => String(error),
    );
    expect(refused).to.include('431');
    await (await openPlayer(duskline.url, 'alice')).close();
  });

  it('a ticket admits to its host, and not to a broker', async () => {
    await openReadyHost(duskline, { hostId: 'h1' });
    const player = await openPlayer(duskline.url, 'alice');
    player.send({ type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 10 } });
    const ticket = String((await player.next('matched'))['ticket']);
    for (const bearer of ['player', 'host'] as const) {
      await expectClosed(await introduce(duskline.url, bearer, ticket), 4401, 'UNAUTHENTICATED');
    }
  });
});
