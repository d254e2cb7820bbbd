import { systemRuntime } from '@duskline/server/runtime/system-runtime.js';
import { expect } from 'chai';
import { CLIENT_PATH } from '@duskline/protocol/constants';
import { createResumeTokens } from '@duskline/server/auth/resume-tokens.js';
import { loadConfig } from '@duskline/server/config/load-config.js';
import type { Duskline } from '@duskline/server/duskline.js';
import {
  TEST_CONFIG,
  TEST_DEVICE,
  TEST_ENV,
  openReadyHost,
  startTestBroker,
  testToken,
} from '../../support/fleet/test-broker.js';
import { Peer, type Frame } from '../../support/fleet/peer.js';
import { expectClosed } from '../frames/raw-frames.js';

interface Shown {
  readonly token?: string;
  readonly resumeToken?: string;
}

const { ticketMasterKey } = loadConfig({ text: TEST_CONFIG, env: TEST_ENV });
const tokenOf = (playerId: string): string => testToken({ kind: 'player', playerId });

describe('Resume tokens', () => {
  let duskline: Duskline;
  before(async () => {
    duskline = await startTestBroker();
  });
  after(() => duskline.stop());

  async function introduce(shown: Shown, header?: string): Promise<Peer> {
    const peer = await Peer.open(duskline.url, CLIENT_PATH, header === undefined ? {} : { token: header });
    peer.send({ type: 'hello', device: TEST_DEVICE, ...shown });
    return peer;
  }

  async function welcome(shown: Shown, header?: string): Promise<Frame & { resumeToken: string }> {
    const peer = await introduce(shown, header);
    const frame = await peer.next('welcome');
    await peer.close();
    return frame as Frame & { resumeToken: string };
  }

  async function expectRefused(
    shown: Shown,
    code: 'INVALID' | 'USED' | 'EXPIRED',
    header?: string,
  ): Promise<void> {
    const peer = await introduce(shown, header);
    await expectClosed(peer, 4401, `RESUME_TOKEN_${code}`);
    expect(peer.unread).to.have.length(1);
    expect(JSON.stringify(peer.unread)).to.not.include(shown.resumeToken?.slice(0, 20));
  }

  it('come with every welcome, and each replaces the token of its player once', async () => {
    const seen = new Set<string>();
    let { resumeToken } = await welcome({ token: tokenOf('alice') });
    for (let i = 0; i < 5; i += 1) {
      expect(seen.has(resumeToken)).to.equal(false);
      seen.add(resumeToken);
      const next = await welcome({ resumeToken });
      expect(next['playerId']).to.equal('alice');
      ({ resumeToken } = next);
    }
  });

  it('are refused at their second use, every one of a chain', async () => {
    const first = await welcome({ token: tokenOf('alice') });
    const second = await welcome({ resumeToken: first.resumeToken });
    await expectRefused({ resumeToken: first.resumeToken }, 'USED');
    await welcome({ resumeToken: second.resumeToken });
    await expectRefused({ resumeToken: second.resumeToken }, 'USED');
  });

  it('used on many connections at the same time admit one', async () => {
    const { resumeToken } = await welcome({ token: tokenOf('alice') });
    const peers = await Promise.all(Array.from({ length: 8 }, () => introduce({ resumeToken })));
    const answers = await Promise.all(
      peers.map((peer) =>
        Promise.race([
          peer.next('welcome').then(
            () => 'welcome',
            () => 'closed',
          ),
          peer.closed.then(({ reason }) => reason),
        ]),
      ),
    );
    expect(answers.filter((answer) => answer === 'welcome')).to.have.length(1);
    await Promise.all(peers.map(({ closed }, i) => (answers[i] === 'welcome' ? peers[i]!.close() : closed)));
  });

  it('are accepted beside a token of the same player, and refused beside one of another player', async () => {
    const { resumeToken } = await welcome({ token: tokenOf('alice') });
    await expectRefused({ resumeToken, token: tokenOf('bob') }, 'INVALID');
    await expectRefused({ resumeToken }, 'INVALID', tokenOf('bob'));
    // The refusals above, which were caused by the other token, did not use this one up.
    const next = await welcome({ resumeToken, token: tokenOf('alice') });
    await welcome({ resumeToken: next.resumeToken }, tokenOf('alice'));
  });

  it('that have expired are refused', async () => {
    const longAgo = createResumeTokens(ticketMasterKey, {
      ...systemRuntime,
      lifetimeMs: 60_000,
      clock: { wallMs: () => Date.now() - 3_600_000 },
    });
    const resumeToken = longAgo.sign({ playerId: 'alice', tier: 'default' });
    await expectRefused({ resumeToken }, 'EXPIRED');
  });

  it('that are forged, unsigned or of another kind are refused', async () => {
    const { resumeToken } = await welcome({ token: tokenOf('alice') });
    const [header, claims, signature] = resumeToken.split('.');
    const recoded = (change: object, part: string | undefined): string => {
      const old = JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8')) as object;
      return Buffer.from(JSON.stringify({ ...old, ...change })).toString('base64url');
    };
    await openReadyHost(duskline, { hostId: 'h1' });
    const player = await introduce({ token: tokenOf('alice') });
    player.send({ type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 10 } });
    const { ticket } = await player.next('matched');
    for (const other of [
      `${header}.${recoded({ sub: 'bob' }, claims)}.${signature}`,
      `${recoded({ alg: 'none' }, header)}.${claims}.`,
      `${recoded({ alg: 'none' }, header)}.${claims}.${signature}`,
      tokenOf('alice'),
      String(ticket),
    ]) {
      await expectRefused({ resumeToken: other }, 'INVALID');
    }
    await welcome({ resumeToken });
  });

  it('are not accepted as player tokens, neither in the message nor in the header', async () => {
    const { resumeToken } = await welcome({ token: tokenOf('alice') });
    await expectClosed(await introduce({ token: resumeToken }), 4401, 'UNAUTHENTICATED');
    await expectClosed(await introduce({}, resumeToken), 4401, 'UNAUTHENTICATED');
    await welcome({ resumeToken });
  });

  it('outside their length bounds are a bad message', async () => {
    for (const resumeToken of ['short', 'x'.repeat(8_193)]) {
      await expectClosed(await introduce({ resumeToken }), 4400, 'BAD_MESSAGE');
    }
  });

  it('keep the tier of the player', async () => {
    const tiers = 'tiers: { gold: { idleMs: 900000 } }';
    const [everybody, withTiers] = [
      duskline,
      await startTestBroker({ config: `${TEST_CONFIG}\n${tiers}\n` }),
    ];
    duskline = withTiers;
    try {
      const host = await openReadyHost(duskline, { hostId: 'h1' });
      const { resumeToken } = await welcome({
        token: testToken({ kind: 'player', playerId: 'carol', tier: 'gold' }),
      });
      const player = await introduce({ resumeToken });
      player.send({ type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 10 } });
      expect((await host.next('prepare'))['limits']).to.include({ idleMs: 900_000 });
    } finally {
      duskline = everybody;
      await withTiers.stop();
    }
  });
});
