import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { CLIENT_PATH, SUBPROTOCOL } from '@duskline/protocol/constants';
import type { Duskline } from '@duskline/server/duskline.js';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import {
  TEST_DEVICE,
  openHost,
  openPlayer,
  startTestBroker,
  testToken,
} from '../../support/fleet/test-broker.js';
import { Peer } from '../../support/fleet/peer.js';
import { usedBytes } from '../frames/memory.js';

/** Number of clients that are admitted at once after a quiet time. */
const AT_ONCE = 4;

/** What a thousand clients that gave up may leave behind. A socket alone takes more than two kilobytes. */
const MAX_GROWTH_BYTES = 2 * 1024 * 1024;

describe('Clients that connect at the same time', function () {
  this.timeout(15_000);
  const opened: Duskline[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((duskline) => duskline.stop()));
  });

  async function start(limits: Parameters<typeof startTestBroker>[0]): Promise<Duskline> {
    const duskline = await startTestBroker(limits);
    opened.push(duskline);
    return duskline;
  }

  /** Opens a WebSocket. Returns the HTTP response if the broker refuses the upgrade, otherwise `opened`. */
  async function knock(
    url: string,
  ): Promise<'opened' | { status: number; retryAfter: string; code: unknown }> {
    const socket = new WebSocket(url.replace(/^http/, 'ws') + CLIENT_PATH, SUBPROTOCOL);
    socket.on('error', () => undefined);
    const refused = once(socket, 'unexpected-response') as Promise<[unknown, IncomingMessage]>;
    const answer = await Promise.race([once(socket, 'open').then(() => undefined), refused]);
    if (answer === undefined) {
      socket.close();
      return 'opened';
    }
    const [, response] = answer;
    let body = '';
    for await (const chunk of response) body += String(chunk);
    const { error } = JSON.parse(body) as { error: { code: unknown } };
    return {
      status: response.statusCode ?? 0,
      retryAfter: response.headers['retry-after'] ?? '',
      code: error.code,
    };
  }

  it('are all admitted, one after the other', async () => {
    const { url } = await start({ limits: { admissionsPerSecond: 50 } });
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 24 }, (_, i) => openPlayer(url, `player-${i}`)));
    expect(performance.now() - startedAt).to.be.at.least(((24 - AT_ONCE) * 1_000) / 50 - 20);
  });

  it('are refused with 503, BUSY and Retry-After when they would wait too long', async () => {
    const { url } = await start({ limits: { admissionsPerSecond: 2, admissionWaitMs: 1_000 } });
    const answers = await Promise.all(Array.from({ length: 12 }, () => knock(url)));
    expect(answers.filter((answer) => answer === 'opened')).to.have.length(AT_ONCE + 2);
    for (const answer of answers) {
      if (answer === 'opened') continue;
      expect(answer).to.include({ status: 503, code: 'BUSY' });
      expect(Number(answer.retryAfter)).to.be.within(1, 2);
    }
  });

  /** The broker has noticed what happened on other connections before, once it has answered a request on a new one. */
  async function untilNoticed(url: string): Promise<void> {
    const [response] = (await once(get(`${url}/beacon`, { agent: false }), 'response')) as [IncomingMessage];
    response.resume();
  }

  /** Opens clients that wait for their admission. */
  async function openWaiting(url: string, count: number): Promise<readonly WebSocket[]> {
    const sockets = Array.from({ length: count }, () => {
      const socket = new WebSocket(url.replace(/^http/, 'ws') + CLIENT_PATH, SUBPROTOCOL);
      socket.on('error', () => undefined);
      return socket;
    });
    await untilNoticed(url);
    return sockets;
  }

  it('do not wait for clients that gave up before them', async () => {
    const { url } = await start({ limits: { admissionsPerSecond: 1, admissionWaitMs: 20_000 } });
    await Promise.all(Array.from({ length: AT_ONCE }, () => Peer.open(url, CLIENT_PATH)));
    const gaveUp = await openWaiting(url, 6);
    const startedAt = performance.now();
    for (const socket of gaveUp) socket.terminate();
    await Peer.open(url, CLIENT_PATH);
    expect(performance.now() - startedAt).to.be.below(3_000);
  });

  it('are not refused on account of clients that gave up before them', async () => {
    const { url } = await start({ limits: { admissionsPerSecond: 1, admissionWaitMs: 4_000 } });
    await Promise.all(Array.from({ length: AT_ONCE }, () => Peer.open(url, CLIENT_PATH)));
    const gaveUp = await openWaiting(url, 4);
    expect(await knock(url)).to.include({ code: 'BUSY' });
    for (const socket of gaveUp) socket.terminate();
    await untilNoticed(url);
    expect(await knock(url)).to.equal('opened');
  });

  it('leave nothing behind when they give up again and again', async () => {
    const { url } = await start({ limits: { admissionsPerSecond: 1, admissionWaitMs: 60_000 } });
    await Promise.all(Array.from({ length: AT_ONCE }, () => Peer.open(url, CLIENT_PATH)));
    const connectAndLeave = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) {
        for (const socket of await openWaiting(url, 40)) socket.terminate();
      }
      await untilNoticed(url);
    };
    await connectAndLeave(5);
    const bytesBefore = usedBytes();
    await connectAndLeave(25);
    expect(usedBytes() - bytesBefore).to.be.below(MAX_GROWTH_BYTES);
    expect(await knock(url)).to.equal('opened');
  });

  it('do not delay hosts', async () => {
    const { url } = await start({ limits: { admissionsPerSecond: 1, admissionWaitMs: 5_000 } });
    const waiting = Array.from({ length: AT_ONCE + 1 }, () => Peer.open(url, CLIENT_PATH));
    await Promise.all(waiting.slice(0, AT_ONCE));
    const startedAt = performance.now();
    await openHost(url, { hostId: 'h1' });
    expect(performance.now() - startedAt).to.be.below(800);
    await Promise.all(waiting);
  });

  it('have the whole hello deadline, counted from their admission', async () => {
    const { url } = await start({ limits: { admissionsPerSecond: 4, helloDeadlineMs: 400 } });
    const peers = await Promise.all(
      Array.from({ length: AT_ONCE + 3 }, async (_, i) => {
        const peer = await Peer.open(url, CLIENT_PATH);
        const token = testToken({ kind: 'player', playerId: `player-${i}` });
        peer.send({ type: 'hello', token, device: TEST_DEVICE });
        return peer;
      }),
    );
    for (const peer of peers) await peer.next('welcome');
  });

  it('are refused with GOING_AWAY when the broker stops before their admission', async () => {
    const duskline = await start({ limits: { admissionsPerSecond: 1, admissionWaitMs: 9_000 } });
    const first = await Promise.all(
      Array.from({ length: AT_ONCE }, () => Peer.open(duskline.url, CLIENT_PATH)),
    );
    const answers = Promise.all(Array.from({ length: 3 }, () => knock(duskline.url)));
    // The broker has read the upgrade requests before it answers this frame, so these clients wait.
    first[0]!.send({
      type: 'hello',
      token: testToken({ kind: 'player', playerId: 'a' }),
      device: TEST_DEVICE,
    });
    await first[0]!.next('welcome');
    await duskline.stop();
    for (const answer of await answers) expect(answer).to.include({ status: 503, code: 'GOING_AWAY' });
  });
});
