import { expect } from 'chai';
import type { Duskline } from '@duskline/server/duskline.js';
import type { BrokerIntervals } from '@duskline/server/broker/intervals.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { SIGNAL_RATE } from '@duskline/server/transport/signal-budgets.js';
import { CLIENT_SIGNAL_RATE } from '@duskline/server/transport/socket-server.js';
import { waitUntil } from '../../support/time/eventually.js';
import {
  IDLE_LOAD,
  SHORT_INTERVALS,
  openHost,
  openPlayer,
  openReadyHost,
  startTestBroker,
} from '../../support/fleet/test-broker.js';
import { newSessionId } from '../../support/fleet/fleet-data.js';
import type { Peer } from '../../support/fleet/peer.js';
import { startClosing } from '../../protocol/frames/raw-frames.js';
import { sharedRedis, uniquePrefix } from '../../support/redis/redis-server.js';

const RTT = { near: 12 };

/** The broker of the players and the broker of the hosts, which may be the same. */
interface Brokers {
  readonly ofPlayers: Duskline;
  readonly ofHosts: Duskline;
  stop(): Promise<void>;
}

/** A player and a host with a session between them. */
interface Pair {
  readonly player: Peer;
  readonly host: Peer;
  readonly sessionId: string;
}

/** Resolves with whether a signal is answered with PEER_AWAY. The answer to a signal of no session follows it. */
async function isAway(sender: Peer, signal: object): Promise<boolean> {
  sender.send(signal);
  sender.send({ ...signal, sessionId: newSessionId() });
  const codes: unknown[] = [];
  while (codes.at(-1) !== 'UNKNOWN_SESSION') codes.push((await sender.next('error'))['code']);
  return codes.includes('PEER_AWAY');
}

async function openOne(): Promise<Brokers> {
  const duskline = await startTestBroker();
  return { ofPlayers: duskline, ofHosts: duskline, stop: () => duskline.stop() };
}

/** Starts two brokers on one Redis. `adapt` may change each store before its broker gets it. */
async function openTwo(
  adapt: (store: FleetStore) => void = () => undefined,
  intervals: Partial<BrokerIntervals> = {},
): Promise<Brokers> {
  const target = { kind: 'single', url: (await sharedRedis()).url } as const;
  const prefix = uniquePrefix();
  const open = async (): Promise<[Duskline, FleetStore]> => {
    const store = await createRedisStore({ target, prefix, suspectAfterMs: 60_000 });
    adapt(store);
    return [await startTestBroker({ store, intervals }), store];
  };
  const [[ofPlayers, first], [ofHosts, second]] = await Promise.all([open(), open()]);
  return {
    ofPlayers,
    ofHosts,
    async stop() {
      await Promise.all([ofPlayers.stop(), ofHosts.stop()]);
      await Promise.all([first.close(), second.close()]);
    },
  };
}

async function openPair({ ofPlayers, ofHosts }: Brokers, name: string): Promise<Pair> {
  // One slot, so that the next player gets another host.
  const host = await openReadyHost(ofHosts, { hostId: `host-of-${name}`, slots: 1 });
  const player = await openPlayer(ofPlayers.url, name);
  player.send({ type: 'play', requestId: `of-${name}`, title: 'starfall', rtt: RTT });
  const { sessionId } = await player.next('matched');
  await host.next('prepare');
  return { player, host, sessionId: String(sessionId) };
}

const claim = async ({ host, player, sessionId }: Pair): Promise<void> => {
  host.send({ type: 'session', sessionId, epoch: 1, state: 'active' });
  await player.next('session');
};

for (const [where, open] of [
  ['on one broker', openOne],
  ['on two brokers', () => openTwo()],
] as const) {
  describe(`Signals between client and host, ${where}`, () => {
    let brokers: Brokers;
    let pair: Pair;
    beforeEach(async () => {
      brokers = await open();
      pair = await openPair(brokers, 'alice');
    });
    afterEach(() => brokers.stop());

    const toHost = (data: string): object => ({ type: 'signal', sessionId: pair.sessionId, data });
    const toClient = (data: string, epoch = 1): object => ({ ...toHost(data), epoch });

    it('carry offer, answer and candidates, before and after the host admits the client', async () => {
      const { player, host } = pair;
      const offer = 'v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\n| ü 漢 😀 \u2028';
      player.send(toHost(offer));
      expect(await host.next('signal')).to.deep.equal(toClient(offer));
      host.send(toClient('answer'));
      expect(await player.next('signal')).to.deep.equal(toHost('answer'));
      await claim(pair);
      for (const candidate of ['candidate:1', 'candidate:2']) {
        player.send(toHost(candidate));
        expect(await host.next('signal')).to.include({ data: candidate });
        host.send(toClient(candidate));
        expect(await player.next('signal')).to.include({ data: candidate });
      }
      expect([...player.unread, ...host.unread]).to.deep.equal([]);
    });

    it('arrive in order, two hundred at once in both directions', async () => {
      const { player, host } = pair;
      const words = Array.from({ length: SIGNAL_RATE.burst }, (_, i) => `${i}`);
      for (const word of words) {
        player.send(toHost(word));
        host.send(toClient(word));
      }
      for (const word of words) {
        expect((await host.next('signal'))['data']).to.equal(word);
        expect((await player.next('signal'))['data']).to.equal(word);
      }
    });

    it('reach no other client or host', async () => {
      const other = await openPair(brokers, 'mallory');
      const stranger = await openHost(brokers.ofHosts.url, { hostId: 'stranger' });
      const unknown = { type: 'error', code: 'UNKNOWN_SESSION', sessionId: pair.sessionId };
      other.player.send(toHost('let me in'));
      expect(await other.player.next('error')).to.include(unknown);
      for (const host of [other.host, stranger]) {
        host.send(toClient('look here'));
        expect(await host.next('error')).to.include(unknown);
        host.send({ type: 'limit', sessionId: pair.sessionId, epoch: 1, kind: 'idle', endsInMs: 1 });
        expect(await host.next('error')).to.include(unknown);
      }
      const nowhere = newSessionId();
      pair.player.send({ type: 'signal', sessionId: nowhere, data: 'hello' });
      expect(await pair.player.next('error')).to.include({ code: 'UNKNOWN_SESSION', sessionId: nowhere });
      pair.player.send(toHost('mine'));
      expect(await pair.host.next('signal')).to.deep.equal(toClient('mine'));
      pair.host.send(toClient('yours'));
      expect(await pair.player.next('signal')).to.deep.equal(toHost('yours'));
      for (const peer of [pair.player, pair.host, other.player, other.host, stranger]) {
        expect(peer.unread).to.deep.equal([]);
      }
    });

    it('of an older assignment are refused', async () => {
      const { player, host, sessionId } = pair;
      host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [{ sessionId, epoch: 2, state: 'active' }] });
      expect(await player.next('session')).to.include({ sessionId, epoch: 2 });
      host.send(toClient('old'));
      expect(await host.next('error')).to.include({ code: 'STALE_EPOCH', sessionId });
      host.send(toClient('new', 2));
      expect(await player.next('signal')).to.deep.equal(toHost('new'));
      player.send(toHost('newer'));
      expect(await host.next('signal')).to.deep.equal(toClient('newer', 2));
      expect(player.unread).to.deep.equal([]);
    });

    it('of an ended session are refused', async () => {
      const { player, host, sessionId } = pair;
      player.send({ type: 'end', sessionId });
      await player.next('session');
      await host.next('end');
      player.send(toHost('late'));
      expect(await player.next('error')).to.include({ code: 'UNKNOWN_SESSION', sessionId });
      host.send(toClient('late'));
      expect(await host.next('error')).to.include({ code: 'SESSION_OVER', sessionId });
    });

    it('to a disconnected client or host are answered with PEER_AWAY, but warnings of limits are not', async () => {
      const { player, host, sessionId } = pair;
      const away = { code: 'PEER_AWAY', sessionId, retryable: true };
      host.terminate();
      await waitUntil(() => brokers.ofHosts.broker.connections.hosts === 0);
      player.send(toHost('anybody?'));
      expect(await player.next('error')).to.include(away);
      const back = await openHost(brokers.ofHosts.url, { hostId: 'host-of-alice', slots: 1 });
      await back.next('prepare');
      player.send(toHost('welcome back'));
      expect(await back.next('signal')).to.deep.equal(toClient('welcome back'));
      player.terminate();
      await waitUntil(() => brokers.ofPlayers.broker.connections.clients === 0);
      back.send({ type: 'limit', sessionId, epoch: 1, kind: 'max_length', endsInMs: 1_000 });
      back.send(toClient('anybody?'));
      expect(await back.next('error')).to.include(away);
      expect(back.unread).to.deep.equal([]);
    });

    it('to a client or host that has sent a close frame, and whose socket is still open, are answered with PEER_AWAY', async () => {
      const { player, host } = pair;
      await startClosing(host);
      await waitUntil(() => isAway(player, toHost('anybody?')));
      const second = await openPair(brokers, 'bob');
      await startClosing(second.player);
      const toBob = { type: 'signal', sessionId: second.sessionId, epoch: 1, data: 'anybody?' };
      await waitUntil(() => isAway(second.host, toBob));
      for (const closing of [host, second.player]) closing.terminate();
    });

    it('follow a client to its new connection', async () => {
      const { player, host, sessionId } = pair;
      player.terminate();
      await waitUntil(() => brokers.ofPlayers.broker.connections.clients === 0);
      const back = await openPlayer(brokers.ofHosts.url, 'alice');
      back.send({ type: 'play', requestId: 'of-alice', title: 'starfall', rtt: RTT });
      expect(await back.next('matched')).to.include({ sessionId });
      host.send(toClient('welcome back'));
      expect(await back.next('signal')).to.deep.equal(toHost('welcome back'));
      back.send(toHost('here again'));
      expect(await host.next('signal')).to.deep.equal(toClient('here again'));
    });

    it('beyond the rate of a session are dropped and reported, in either direction', async () => {
      const { player, host, sessionId } = pair;
      const count = SIGNAL_RATE.burst + 60;
      const words = Array.from({ length: count }, (_, i) => `${i}`);
      for (const word of words) {
        player.send(toHost(word));
        host.send(toClient(word));
      }
      for (const [peer, other] of [
        [player, host],
        [host, player],
      ] as const) {
        // Dropped signals are answered at once, so the answer to this last message follows those of all drops.
        peer.send({ type: 'the-last' });
        await peer.next('error', ({ code }) => code === 'UNKNOWN_MESSAGE_TYPE');
        const dropped = peer.unread.filter(({ type }) => type === 'error');
        expect(dropped).to.have.length.within(1, count - SIGNAL_RATE.burst);
        for (const error of dropped) expect(error).to.include({ code: 'TOO_MANY_SIGNALS', sessionId });
        const passed: unknown[] = [];
        while (passed.length < count - dropped.length) passed.push((await other.next('signal'))['data']);
        expect(passed).to.deep.equal(words.filter((word) => passed.includes(word)));
      }
    });

    it('that would not fit the frame to the host are refused, and the host stays connected', async () => {
      const { player, host, sessionId } = pair;
      player.send(toHost('\u0001'.repeat(10_800)));
      expect(await player.next('error')).to.include({ code: 'BAD_MESSAGE', sessionId });
      const longest = '漢'.repeat(16_384);
      player.send(toHost(longest));
      expect(await host.next('signal')).to.include({ data: longest });
    });

    it('are not needed for warnings of limits, which reach the client with the time on the clock of the broker', async () => {
      const { player, host, sessionId } = pair;
      const limit = { type: 'limit', sessionId, epoch: 1, kind: 'idle' };
      const before = Date.now();
      host.send({ ...limit, endsInMs: 60_000 });
      const warned = await player.next('limit');
      expect(warned).to.include({ sessionId, kind: 'idle' });
      expect(warned['endsAtMs']).to.be.within(before + 60_000, Date.now() + 60_000);
      host.send({ ...limit, endsInMs: null });
      const withdrawn = { type: 'limit', sessionId, kind: 'idle', endsAtMs: null };
      expect(await player.next('limit')).to.deep.equal(withdrawn);
      host.send({ ...limit, epoch: 2, endsInMs: 5 });
      expect(await host.next('error')).to.include({ code: 'STALE_EPOCH', sessionId });
      expect(player.unread).to.deep.equal([]);
    });
  });
}

describe('Signals', () => {
  let brokers: Brokers;
  afterEach(() => brokers.stop());

  it('in a flood close the connection with 4429, and the session continues', async () => {
    brokers = await openOne();
    const { player, host, sessionId } = await openPair(brokers, 'alice');
    for (let i = 0; i < 2 * CLIENT_SIGNAL_RATE.burst; i += 1) {
      player.send({ type: 'signal', sessionId, data: `${i}` });
    }
    expect(await player.closed).to.deep.equal({ code: 4429, reason: 'TOO_MANY_MESSAGES' });
    const dropped = player.unread.filter(({ code }) => code === 'TOO_MANY_SIGNALS');
    expect(dropped).to.have.length.of.at.least(CLIENT_SIGNAL_RATE.burst / 4);
    host.send({ type: 'session', sessionId, epoch: 1, state: 'active' });
    host.send({ type: 'signal', sessionId, epoch: 1, data: 'anybody?' });
    expect(await host.next('error')).to.include({ code: 'PEER_AWAY' });
  });

  it('arrive also when no wake-up reaches a broker', async () => {
    brokers = await openTwo(
      (store) => Object.assign(store, { sendWakeUp: () => undefined } satisfies Partial<FleetStore>),
      SHORT_INTERVALS,
    );
    const { player, host, sessionId } = await openPair(brokers, 'alice');
    for (const data of ['one', 'two']) player.send({ type: 'signal', sessionId, data });
    for (const data of ['one', 'two']) expect(await host.next('signal')).to.include({ data });
    host.send({ type: 'signal', sessionId, epoch: 1, data: 'three' });
    expect(await player.next('signal')).to.include({ data: 'three' });
  });
});
