import { once } from 'node:events';
import { expect } from 'chai';
import { CLIENT_PATH, HOST_PATH } from '@duskline/protocol/constants';
import type { Duskline } from '@duskline/server/duskline.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { CLIENT_RATE, HOST_RATE } from '@duskline/server/transport/socket-server.js';
import { waitUntil } from '../../support/time/eventually.js';
import {
  IDLE_LOAD,
  TEST_DEVICE,
  openHost,
  openPlayer,
  openReadyHost,
  startTestBroker,
  testToken,
  type TestBrokerOptions,
} from '../../support/fleet/test-broker.js';
import { Peer } from '../../support/fleet/peer.js';
import { expectClosed, rawSocket, sendTogether, startClosing } from '../frames/raw-frames.js';

describe('Connections', function () {
  this.timeout(15_000);
  const started: Duskline[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((duskline) => duskline.stop()));
  });

  async function start(options: TestBrokerOptions = {}): Promise<Duskline> {
    const duskline = await startTestBroker(options);
    started.push(duskline);
    return duskline;
  }

  describe('and the hello deadline', () => {
    for (const path of [CLIENT_PATH, HOST_PATH]) {
      it(`${path}: are closed with 4408 when no first message comes`, async () => {
        const { url } = await start({ limits: { helloDeadlineMs: 60 } });
        await expectClosed(await Peer.open(url, path), 4408, 'HELLO_TIMEOUT');
      });

      it(`${path}: are closed with 4408 when only WebSocket pings come`, async () => {
        const { url } = await start({ limits: { helloDeadlineMs: 60 } });
        const peer = await Peer.open(url, path);
        peer.socket.ping();
        await expectClosed(peer, 4408, 'HELLO_TIMEOUT');
      });

      it(`${path}: are closed with 4408 when only a part of a frame comes`, async () => {
        const { url } = await start({ limits: { helloDeadlineMs: 60 } });
        const peer = await Peer.open(url, path);
        peer.socket.send('{"type":', { fin: false });
        await expectClosed(peer, 4408, 'HELLO_TIMEOUT');
      });
    }

    it('stay open after the deadline once the first message was accepted', async () => {
      const { url } = await start({ limits: { helloDeadlineMs: 200, pingIntervalMs: 100 } });
      const player = await openPlayer(url, 'alice');
      const host = await openHost(url, { hostId: 'h1' });
      // The deadline has passed after three pings.
      for (let i = 0; i < 3; i += 1)
        await Promise.all([once(player.socket, 'ping'), once(host.socket, 'ping')]);
      player.send({ type: 'ping', id: 1 });
      await player.next('pong');
      expect(host.unread).to.deep.equal([]);
    });
  });

  describe('of the same host', () => {
    it('the older one is closed with 4409, and its sessions continue', async () => {
      const duskline = await start();
      const older = await openReadyHost(duskline, { hostId: 'h1' });
      const player = await openPlayer(duskline.url, 'alice');
      player.send({ type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 5 } });
      const { sessionId, epoch } = await player.next('matched');
      await older.next('prepare');
      older.send({ type: 'session', sessionId, epoch, state: 'active' });
      await player.next('session');

      const sessions = [{ sessionId, epoch, state: 'active' }];
      const newer = await openHost(duskline.url, { hostId: 'h1', sessions });
      await expectClosed(older, 4409, 'CONNECTION_REPLACED');
      newer.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
      newer.send({ type: 'session', sessionId, epoch, state: 'connected' });
      expect(await player.next('session')).to.include({ sessionId, state: 'connected' });
      expect(duskline.broker.connections.hosts).to.equal(1);
    });

    it('the older one on another broker is closed at its next heartbeat', async () => {
      const store = createMemoryStore({ suspectAfterMs: 4_000 });
      const [first, second] = [await start({ store }), await start({ store })];
      const older = await openHost(first.url, { hostId: 'h1' });
      await openHost(second.url, { hostId: 'h1' });
      older.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [] });
      await expectClosed(older, 4409, 'CONNECTION_REPLACED');
    });

    it('with the same id in another pool are two hosts', async () => {
      const { url, broker } = await start();
      const [one, other] = [
        await openHost(url, { hostId: 'h1' }),
        await openHost(url, { hostId: 'h1', pool: 'pc-ultra' }),
      ];
      one.send({ type: 'leave' });
      expect((await one.closed).code).to.equal(1000);
      expect(broker.connections.hosts).to.equal(1);
      expect(other.unread).to.deep.equal([]);
    });

    it('messages sent together with the registration are handled in order', async () => {
      const duskline = await start();
      const older = await openReadyHost(duskline, { hostId: 'h1' });
      const player = await openPlayer(duskline.url, 'alice');
      player.send({ type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 5 } });
      const { sessionId, epoch } = await player.next('matched');
      older.send({ type: 'session', sessionId, epoch, state: 'active' });
      await player.next('session');

      const token = testToken({ kind: 'host', region: 'near', pool: 'console-x' });
      const newer = await Peer.open(duskline.url, HOST_PATH, { token });
      const states = ['connected', 'disconnected', 'connected', 'disconnected', 'active', 'connected'];
      const endpoint = 'ws://127.0.0.1:1/h1';
      sendTogether(newer, [
        {
          ...{ type: 'register', hostId: 'h1', region: 'near', pool: 'console-x', slots: 4, endpoint },
          sessions: [{ sessionId, epoch, state: 'active' }],
        },
        ...states.map((state) => ({ type: 'session', sessionId, epoch, state })),
      ]);
      for (const state of states) {
        expect(await player.next('session')).to.include({ sessionId, state });
      }
      expect(newer.unread.map(({ type }) => type)).to.deep.equal(['registered']);
    });
  });

  describe('above the rate limit', () => {
    it('client: more messages than allowed close that connection with 4429, and no other', async () => {
      const { url } = await start();
      const [flood, other] = [await openPlayer(url, 'alice'), await openPlayer(url, 'bob')];
      for (let id = 0; id < CLIENT_RATE.burst * 2; id += 1) flood.send({ type: 'ping', id });
      await expectClosed(flood, 4429, 'TOO_MANY_MESSAGES');
      const pongs = flood.unread.filter(({ type }) => type === 'pong').length;
      expect(pongs).to.be.within(CLIENT_RATE.burst - 1, CLIENT_RATE.burst + CLIENT_RATE.perSecond);
      other.send({ type: 'ping', id: 1 });
      await other.next('pong');
    });

    it('client: a burst within the limit is answered in full', async () => {
      const { url } = await start();
      const player = await openPlayer(url, 'alice');
      for (let id = 0; id < CLIENT_RATE.burst - 1; id += 1) player.send({ type: 'ping', id });
      for (let id = 0; id < CLIENT_RATE.burst - 1; id += 1)
        expect(await player.next('pong')).to.include({ id });
    });

    it('host: more messages than allowed close the connection with 4429', async () => {
      const { url } = await start();
      const host = await openHost(url, { hostId: 'h1' });
      for (let i = 0; i < HOST_RATE.burst * 1.5; i += 1) {
        host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [] });
      }
      await expectClosed(host, 4429, 'TOO_MANY_MESSAGES');
    });
  });

  describe('and keep-alive', () => {
    it('a WebSocket ping is answered, before and after hello', async () => {
      const { url } = await start();
      for (const peer of [await Peer.open(url, CLIENT_PATH), await openPlayer(url, 'alice')]) {
        peer.socket.ping('are you there?');
        const [data] = (await once(peer.socket, 'pong')) as [Buffer];
        expect(data.toString()).to.equal('are you there?');
      }
    });

    for (const [name, path, first] of [
      ['client', CLIENT_PATH, { type: 'hello', device: TEST_DEVICE }],
      [
        'host',
        HOST_PATH,
        {
          ...{ type: 'register', hostId: 'h1', region: 'near', pool: 'console-x', slots: 1 },
          ...{ endpoint: 'ws://127.0.0.1:1/h1', sessions: [] },
        },
      ],
    ] as const) {
      it(`a ${name} that answers no ping is dropped without a close frame, one that answers stays`, async () => {
        const { url, broker } = await start({ limits: { pingIntervalMs: 60, maxMissedPings: 2 } });
        const token =
          name === 'client'
            ? testToken({ kind: 'player', playerId: 'alice' })
            : testToken({ kind: 'host', region: 'near', pool: 'console-x' });
        const living = await openPlayer(url, 'bob');
        const dead = await Peer.open(url, path, { token, autoPong: false });
        dead.send(first);
        await dead.next(name === 'client' ? 'welcome' : 'registered');
        expect((await dead.closed).code).to.equal(1006);
        await waitUntil(() => broker.connections.clients === 1 && broker.connections.hosts === 0);
        living.send({ type: 'ping', id: 1 });
        await living.next('pong');
      });
    }

    it('a peer that sends a close frame and keeps its socket open is dropped', async () => {
      const duskline = await start();
      const peers = await Promise.all([
        openHost(duskline.url, { hostId: 'h1' }),
        openPlayer(duskline.url, 'alice'),
      ]);
      for (const peer of peers) await startClosing(peer);
      await waitUntil(() => {
        const { hosts, clients } = duskline.broker.connections;
        return hosts + clients === 0;
      });
      for (const peer of peers) peer.terminate();
    });

    it('messages count as signs of life', async () => {
      const { url } = await start({ limits: { pingIntervalMs: 60, maxMissedPings: 2 } });
      const token = testToken({ kind: 'player', playerId: 'alice' });
      const peer = await Peer.open(url, CLIENT_PATH, { token, autoPong: false });
      peer.send({ type: 'hello', device: TEST_DEVICE });
      await peer.next('welcome');
      for (let id = 0; id < 6; id += 1) {
        await once(peer.socket, 'ping');
        peer.send({ type: 'ping', id });
        await peer.next('pong');
      }
    });
  });

  describe('when the broker stops', () => {
    it('are sent GOING_AWAY, and closed with 1001', async () => {
      const duskline = await start();
      const peers = [
        await openPlayer(duskline.url, 'alice'),
        await openHost(duskline.url, { hostId: 'h1' }),
        await Peer.open(duskline.url, CLIENT_PATH),
      ];
      await duskline.stop();
      for (const peer of peers) await expectClosed(peer, 1001, 'GOING_AWAY');
    });

    it('do not delay the stop, whatever state they are in', async () => {
      const duskline = await start();
      // A client that does not read the close of its bad frame, and a client that keeps its socket open after a refused
      // upgrade.
      const stuck = await openPlayer(duskline.url, 'alice');
      rawSocket(stuck).pause();
      stuck.sendRaw(' '.repeat(70_000));
      const { port } = duskline.address;
      const { connect } = await import('node:net');
      const lingering = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      lingering.write(
        'GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
      const [answer] = (await once(lingering, 'data')) as [Buffer];
      expect(answer.toString()).to.match(/^HTTP\/1\.1 404 /);
      const startedAt = performance.now();
      await duskline.stop();
      expect(performance.now() - startedAt).to.be.below(4_000);
      lingering.destroy();
      stuck.terminate();
    });
  });
});
