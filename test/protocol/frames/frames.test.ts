import { expect } from 'chai';
import { CLIENT_PATH, HOST_PATH, MAX_FRAME_BYTES, MAX_HOST_FRAME_BYTES } from '@duskline/protocol/constants';
import type { Duskline } from '@duskline/server/duskline.js';
import {
  IDLE_LOAD,
  TEST_DEVICE,
  openHost,
  openPlayer,
  startTestBroker,
  testToken,
} from '../../support/fleet/test-broker.js';
import { Peer } from '../../support/fleet/peer.js';
import { BAD_CLIENT_FRAMES, BAD_HOST_FRAMES, type Verdict } from './bad-frames.js';
import { expectClosed, expectError, sendTogether } from './raw-frames.js';

const PLAYER_TOKEN = testToken({ kind: 'player', playerId: 'alice' });
const HELLO = { type: 'hello', token: PLAYER_TOKEN, device: TEST_DEVICE };
const HOST_TOKEN = testToken({ kind: 'host', region: 'near', pool: 'console-x' });
const REGISTER = {
  type: 'register',
  hostId: 'h1',
  region: 'near',
  pool: 'console-x',
  slots: 2,
  endpoint: 'ws://127.0.0.1:1/h1',
  sessions: [],
};
const HEARTBEAT = { type: 'heartbeat', load: IDLE_LOAD, sessions: [] };

/** The two kinds of connections, to which the same rules apply: how to open one, and how to check that it works. */
const CHANNELS = {
  client: {
    bad: BAD_CLIENT_FRAMES,
    maxBytes: MAX_FRAME_BYTES,
    connect: (url: string) => Peer.open(url, CLIENT_PATH, { token: PLAYER_TOKEN }),
    open: (url: string): Promise<Peer> => openPlayer(url, 'alice'),
    async expectAlive(peer: Peer): Promise<void> {
      peer.send({ type: 'ping', id: 77 });
      expect(await peer.next('pong')).to.deep.equal({ type: 'pong', id: 77 });
    },
  },
  host: {
    bad: BAD_HOST_FRAMES,
    maxBytes: MAX_HOST_FRAME_BYTES,
    connect: (url: string) => Peer.open(url, HOST_PATH, { token: HOST_TOKEN }),
    open: (url: string): Promise<Peer> => openHost(url, { hostId: 'h1', slots: 2 }),
    async expectAlive(peer: Peer): Promise<void> {
      peer.send(REGISTER);
      await expectError(peer, 'OUT_OF_ORDER');
    },
  },
} as const;

describe('Malformed frames', function () {
  this.timeout(10_000);
  let duskline: Duskline;
  before(async () => {
    duskline = await startTestBroker();
  });
  after(() => duskline.stop());
  afterEach(() => expect(Object.prototype).to.not.have.property('polluted'));

  for (const [name, channel] of Object.entries(CHANNELS)) {
    const expectVerdict = async (peer: Peer, { error, close }: Verdict): Promise<void> => {
      if (close !== null) {
        await expectClosed(peer, close, error);
        return;
      }
      if (error !== null) await expectError(peer, error);
      await channel.expectAlive(peer);
      expect(peer.unread).to.deep.equal([]);
      await peer.close();
    };

    for (const { name: frame, send, before: verdictBefore, after: verdictAfter } of channel.bad) {
      it(`${name}, as first frame: ${frame}`, async () => {
        const peer = await channel.connect(duskline.url);
        send(peer);
        await expectVerdict(peer, verdictBefore);
      });
      it(`${name}, later: ${frame}`, async () => {
        const peer = await channel.open(duskline.url);
        send(peer);
        await expectVerdict(peer, verdictAfter);
      });
    }

    it(`${name}: the eighth invalid message closes the connection`, async () => {
      const peer = await channel.open(duskline.url);
      for (let i = 0; i < 7; i += 1) peer.send({ type: 'teleport' });
      for (let i = 0; i < 7; i += 1) await expectError(peer, 'UNKNOWN_MESSAGE_TYPE');
      await channel.expectAlive(peer);
      peer.send({ type: 'teleport' });
      await expectClosed(peer, 4400, 'BAD_MESSAGE');
    });

    it(`${name}: a fragmented message is accepted`, async () => {
      const peer = await channel.open(duskline.url);
      peer.socket.send('{"type":', { fin: false });
      peer.socket.send('"teleport"', { fin: false });
      peer.socket.send('}', { fin: true });
      await expectError(peer, 'UNKNOWN_MESSAGE_TYPE');
      await peer.close();
    });

    it(`${name}: fragments count together toward the size limit`, async () => {
      const peer = await channel.open(duskline.url);
      const part = ' '.repeat(channel.maxBytes / 8);
      for (let i = 0; i < 9; i += 1) peer.socket.send(part, { fin: false });
      await expectClosed(peer, 1009, null);
    });
  }

  it('client: every message before hello is refused', async () => {
    for (const message of [
      { type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 1 } },
      { type: 'cancel', requestId: 'r1' },
      { type: 'end', sessionId: '019a0000-0000-7000-8000-000000000001' },
      { type: 'ping', id: 1 },
    ]) {
      const peer = await CHANNELS.client.connect(duskline.url);
      peer.send(message);
      await expectClosed(peer, 4400, 'BAD_MESSAGE');
    }
  });

  it('host: every message before register is refused', async () => {
    const session = { sessionId: '019a0000-0000-7000-8000-000000000001', epoch: 1, state: 'active' };
    for (const message of [HEARTBEAT, { type: 'session', ...session }, { type: 'leave' }]) {
      const peer = await CHANNELS.host.connect(duskline.url);
      peer.send(message);
      await expectClosed(peer, 4400, 'BAD_MESSAGE');
    }
  });

  it('client: a second hello is refused with OUT_OF_ORDER, and changes nothing', async () => {
    const peer = await openPlayer(duskline.url, 'alice');
    peer.send({ ...HELLO, token: testToken({ kind: 'player', playerId: 'mallory' }) });
    await expectError(peer, 'OUT_OF_ORDER');
    await CHANNELS.client.expectAlive(peer);
    await peer.close();
  });

  it('client: messages sent together with hello are answered after it, in order', async () => {
    const peer = await Peer.open(duskline.url, CLIENT_PATH);
    const pings = Array.from({ length: 20 }, (_, id) => ({ type: 'ping', id }));
    sendTogether(peer, [HELLO, ...pings]);
    await peer.next('welcome');
    for (const { id } of pings) expect(await peer.next('pong')).to.include({ id });
    await peer.close();
  });

  it('client: only a bounded number of messages may wait for hello to be accepted', async () => {
    const peer = await Peer.open(duskline.url, CLIENT_PATH);
    sendTogether(peer, [HELLO, ...Array.from({ length: 40 }, (_, id) => ({ type: 'ping', id }))]);
    await expectClosed(peer, 4429, 'TOO_MANY_MESSAGES');
    expect(peer.unread.some(({ type }) => type === 'pong' || type === 'welcome')).to.be.false;
  });

  it('client: messages after a refused hello are ignored', async () => {
    const peer = await Peer.open(duskline.url, CLIENT_PATH);
    sendTogether(peer, [{ ...HELLO, token: 'x'.repeat(40) }, HELLO, { type: 'ping', id: 1 }]);
    await expectClosed(peer, 4401, 'UNAUTHENTICATED');
    expect(peer.unread).to.have.length(1);
  });

  it('host: messages after a refused registration are ignored', async () => {
    const steady = await openHost(duskline.url, { hostId: 'h1', slots: 2 });
    const peer = await CHANNELS.host.connect(duskline.url);
    sendTogether(peer, [{ ...REGISTER, pool: 'pc-ultra' }, REGISTER]);
    await expectClosed(peer, 4403, 'FORBIDDEN');
    await CHANNELS.host.expectAlive(steady);
    await steady.close();
  });

  it('an error names the invalid field, and repeats the request id', async () => {
    const peer = await openPlayer(duskline.url, 'alice');
    peer.send({ type: 'play', requestId: 'r9', title: 'Drift!', rtt: { near: 1 } });
    const error = await expectError(peer, 'BAD_MESSAGE');
    expect(error).to.include({ requestId: 'r9', retryable: false });
    expect(error['message']).to.match(/title/).and.not.match(/Drift/);
    await peer.close();
  });
});
