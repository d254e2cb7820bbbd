import { expect } from 'chai';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import type { HostStatus } from '@duskline/server/broker/operations/fleet-status.js';
import { letTimePass } from '../../support/time/scenario-time.js';
import { waitUntil } from '../../support/time/eventually.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import {
  IDLE_LOAD,
  SHORT_INTERVALS,
  openPlayer,
  openReadyHost,
  startTestBroker,
} from '../../support/fleet/test-broker.js';
import {
  TestFleet,
  acceptOffer,
  keepSendingHeartbeats,
  play,
  queueUp,
  roundTrip,
} from '../../support/fleet/test-fleet.js';
import { sharedRedis, uniquePrefix } from '../../support/redis/redis-server.js';

/** Hosts stay alive without heartbeats. */
const CALM = { suspectAfterMs: 60_000, lostAfterMs: 120_000 };

const BACK_OFF = { firstMs: 300, maxMs: 1_200 };

/** Ends every session that the host has to prepare, as a host does that cannot start any. Returns those so far. */
function refuseSessions(host: Peer, report: object = { reason: 'error' }): Frame[] {
  const refused: Frame[] = [];
  host.socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString('utf8')) as Frame;
    if (frame.type !== 'prepare') return;
    refused.push(frame);
    const { sessionId, epoch } = frame;
    host.send({ type: 'session', sessionId, epoch, state: 'ended', ...report });
  });
  return refused;
}

/** Refusals and ends of sessions that a player received. */
function badNews(player: Peer): string[] {
  return player.unread
    .filter(({ type, state }) => type === 'error' || (type === 'session' && state === 'ended'))
    .map(({ type, code, reason }) => `${type} ${String(code ?? reason)}`);
}

const onHost = (hostId: string) => (frame: Frame) =>
  (frame['host'] as { readonly hostId: string }).hostId === hostId;

for (const [where, brokers] of [
  ['on one broker', 1],
  ['on two brokers', 2],
] as const) {
  describe(`A host that refuses its sessions, ${where}`, function () {
    this.timeout(15_000);
    let fleet: TestFleet;
    beforeEach(async () => {
      fleet = await TestFleet.start({ brokers, backOff: BACK_OFF });
    });
    afterEach(() => fleet.stop());

    async function statusOf(hostId: string, broker = 0): Promise<HostStatus> {
      const { regions } = await fleet.broker(broker).broker.status();
      const hosts = regions.flatMap(({ pools }) => pools.flatMap(({ hostList }) => hostList));
      return hosts.find((host) => host.hostId === hostId)!;
    }

    for (const [what, report] of [
      ['the reason `error`', { reason: 'error' }],
      ['no reason', {}],
    ] as const) {
      it(`with ${what}: its player gets another host under the same request`, async () => {
        const refusing = await fleet.host({ hostId: 'h1', slots: 8 }, 1);
        const refused = refuseSessions(refusing, report);
        const working = await fleet.host({ hostId: 'h2', slots: 2 });
        const alice = await fleet.player('alice');
        play(alice, 'r1');
        const { sessionId } = await alice.next('matched', onHost('h1'));
        const matched = await alice.next('matched', onHost('h2'));
        expect(matched).to.include({ requestId: 'r1', sessionId, epoch: 2 });
        expect(await working.next('prepare')).to.include({ sessionId, epoch: 2 });
        working.send({ type: 'session', sessionId, epoch: 2, state: 'active' });
        expect(await alice.next('session')).to.include({ sessionId, epoch: 2, state: 'active' });
        expect(badNews(alice)).to.deep.equal([]);
        expect(refused).to.have.length(1);
      });
    }

    it('is excluded by every broker: later players go to other hosts, although it is the emptiest', async () => {
      const refused = refuseSessions(await fleet.host({ hostId: 'h1', slots: 8 }, 1));
      await fleet.host({ hostId: 'h2', slots: 20 });
      const players = [];
      for (let i = 0; i < 10; i += 1) {
        const player = await fleet.player(`player-${i}`, { broker: i });
        play(player, 'r1');
        await player.next('matched', onHost('h2'));
        players.push(player);
      }
      expect(players.flatMap(badNews)).to.deep.equal([]);
      expect(refused).to.have.length(1);
      for (const broker of [0, 1]) {
        const host = await statusOf('h1', broker);
        expect(host.closures).to.deep.equal(['failing']);
        expect(host.failures).to.include({ count: 1, reason: 'refused' });
      }
    });

    it('is visible in the metrics by region and pool', async () => {
      refuseSessions(await fleet.host({ hostId: 'h1' }, 1));
      await fleet.host({ hostId: 'h2' });
      const alice = await fleet.player('alice');
      play(alice, 'r1');
      await alice.next('matched', onHost('h2'));
      const text = await (await fetch(`${fleet.broker(1).url}/metrics`)).text();
      expect(text).to.include(
        'duskline_host_failures_total{region="near",pool="console-x",reason="refused"} 1',
      );
    });

    it('does not empty the queue: players who are refused wait again at their positions', async () => {
      const full = await fleet.fullHost({ hostId: 'h2', slots: 2 });
      const players = [];
      for (let i = 0; i < 20; i += 1) {
        const player = await fleet.player(`player-${i}`, { broker: i });
        await queueUp(player, 'r1');
        players.push(player);
      }
      const refused = refuseSessions(await fleet.host({ hostId: 'h1', slots: 8 }, 1));
      const offered = players.slice(0, 8);
      await Promise.all(offered.map(acceptOffer));
      await Promise.all(offered.map((player) => player.next('queued')));
      await waitUntil(async () => (await statusOf('h1')).closures.includes('failing'));
      await Promise.all(players.map(roundTrip));
      expect(players.flatMap(badNews)).to.deep.equal([]);
      expect(refused.length).to.be.within(1, 8);
      await full.free();
      expect(onHost('h2')(await acceptOffer(players[0]!))).to.equal(true);
      await full.free();
      expect(onHost('h2')(await acceptOffer(players[1]!))).to.equal(true);
      expect(players.flatMap(badNews)).to.deep.equal([]);
    });

    it('gets one player at a time again after a while, and all once a client claimed a session there', async () => {
      const host = await fleet.host({ hostId: 'h1', slots: 4 }, 1);
      const alice = await fleet.player('alice');
      play(alice, 'r1');
      await alice.next('matched');
      const { sessionId, epoch } = await host.next('prepare');
      host.send({ type: 'session', sessionId, epoch, state: 'ended', reason: 'error' });
      await alice.next('queued');
      const bob = await fleet.player('bob');
      await queueUp(bob, 'r1');
      const stop = keepSendingHeartbeats(host);
      const trial = await acceptOffer(alice);
      expect(await host.next('prepare')).to.include({ sessionId });
      expect(bob.unread.map(({ type }) => type)).not.to.include('offer');
      stop();
      host.send({ type: 'session', sessionId, epoch: trial['epoch'], state: 'active' });
      keepSendingHeartbeats(host, () => [{ sessionId, epoch: trial['epoch'], state: 'active' }]);
      expect(onHost('h1')(await acceptOffer(bob))).to.equal(true);
      expect((await statusOf('h1')).failures).to.equal(null);
    });

    it('ends the session of a client that wants no other host, or does not wait while all others are full', async () => {
      refuseSessions(await fleet.host({ hostId: 'h1' }, 1));
      const alice = await fleet.player('alice');
      play(alice, 'r1', { onHostLost: 'end' });
      expect(await alice.next('session')).to.include({ state: 'ended', reason: 'host_lost' });
      refuseSessions(await fleet.host({ hostId: 'h2' }, 1));
      const bob = await fleet.player('bob');
      play(bob, 'r1', { wait: false });
      expect(await bob.next('session')).to.include({ state: 'ended', reason: 'host_lost' });
    });

    it('is one of at most three: the session ends when the third host refuses it', async () => {
      const refused = [];
      for (const hostId of ['h1', 'h2', 'h3', 'h4'])
        refused.push(refuseSessions(await fleet.host({ hostId }, 1)));
      const alice = await fleet.player('alice');
      play(alice, 'r1');
      const { sessionId } = await alice.next('matched');
      expect(await alice.next('session')).to.include({ sessionId, state: 'ended', reason: 'host_lost' });
      expect(refused.map(({ length }) => length)).to.deep.equal([1, 1, 1, 0]);
    });

    it('is not excluded for an end that is about the player, or of a session that runs', async () => {
      const host = await fleet.host({ hostId: 'h1' }, 1);
      const alice = await fleet.player('alice');
      play(alice, 'r1');
      const { sessionId, epoch } = await host.next('prepare');
      host.send({ type: 'session', sessionId, epoch, state: 'ended', reason: 'client_left' });
      expect(await alice.next('session')).to.include({ state: 'ended', reason: 'client_left' });
      play(alice, 'r2');
      const second = await host.next('prepare');
      const running = { sessionId: second['sessionId'], epoch: second['epoch'] };
      host.send({ type: 'session', ...running, state: 'active' });
      host.send({ type: 'session', ...running, state: 'ended', reason: 'error' });
      const ended = await alice.next('session', (frame) => frame['state'] === 'ended');
      expect(ended).to.include({ sessionId: second['sessionId'], reason: 'error' });
      expect((await statusOf('h1')).failures).to.equal(null);
    });
  });

  describe(`A reservation that expires unclaimed, ${where}`, () => {
    let fleet: TestFleet;
    beforeEach(async () => {
      fleet = await TestFleet.start({ brokers, limits: { reservationMs: 300 } });
    });
    afterEach(() => fleet.stop());

    /** Lets a reservation expire on a host that says this about its prepared sessions in each of three heartbeats. */
    async function expireOn(preparedIn: (prepare: Frame) => object): Promise<void> {
      const host = await fleet.host({ hostId: 'h1' }, 1);
      const alice = await fleet.player('alice');
      play(alice, 'r1');
      const prepare = await host.next('prepare');
      for (let i = 0; i < 3; i += 1) {
        host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [], ...preparedIn(prepare) });
      }
      await alice.next('session', ({ reason }) => reason === 'reservation_expired');
      await host.next('end', ({ reason }) => reason === 'reservation_expired');
    }

    async function failures(): Promise<HostStatus['failures'] | undefined> {
      const { regions } = await fleet.broker(0).broker.status();
      return regions[0]?.pools[0]?.hostList[0]?.failures;
    }

    it('counts against a host that says for which sessions it is ready, and never was for this one', async () => {
      await expireOn(() => ({ prepared: [] }));
      await waitUntil(async () => (await failures()) !== null);
      expect(await failures()).to.include({ count: 1, reason: 'unanswered' });
    });

    it('does not count against a host that was ready for it: its player did not come', async () => {
      await expireOn(({ sessionId, epoch }) => ({ prepared: [{ sessionId, epoch }] }));
      expect(await failures()).to.equal(null);
    });

    it('does not count against a host that does not say for which sessions it is ready', async () => {
      await expireOn(() => ({}));
      expect(await failures()).to.equal(null);
    });
  });

  describe(`A host that leaves with a reservation, ${where}`, () => {
    let fleet: TestFleet;
    beforeEach(async () => {
      fleet = await TestFleet.start({ brokers });
    });
    afterEach(() => fleet.stop());

    it('gives its player to another host', async () => {
      const leaving = await fleet.host({ hostId: 'h1' }, 1);
      const alice = await fleet.player('alice');
      play(alice, 'r1');
      const { sessionId } = await alice.next('matched', onHost('h1'));
      await fleet.host({ hostId: 'h2' });
      leaving.send({ type: 'leave' });
      expect(await alice.next('matched', onHost('h2'))).to.include({ sessionId, epoch: 2 });
      expect(badNews(alice)).to.deep.equal([]);
    });
  });
}

describe('A host on another broker that refuses a session before the match is sent', () => {
  it('gives its player to another host', async () => {
    const { url } = await sharedRedis();
    const prefix = uniquePrefix();
    const open = (): Promise<FleetStore> =>
      createRedisStore({ target: { kind: 'single', url }, prefix, suspectAfterMs: 60_000 });
    const [slow, quick] = await Promise.all([open(), open()]);
    let whenRefused: Promise<unknown> | undefined;
    // The answer about the reservation takes until the refusal is in the inbox of the client's broker.
    const reserve: FleetStore['reserve'] = async (...args) => {
      const result = await slow.reserve(...args);
      await whenRefused;
      whenRefused = undefined;
      return result;
    };
    const [one, other] = await Promise.all([
      startTestBroker({ store: { ...slow, reserve }, intervals: SHORT_INTERVALS, limits: CALM }),
      startTestBroker({ store: quick, intervals: SHORT_INTERVALS, limits: CALM }),
    ]);
    try {
      const refusing = await openReadyHost(other, { hostId: 'h1' });
      refuseSessions(refusing);
      const alice = await openPlayer(one.url, 'alice');
      await openReadyHost(other, { hostId: 'h2' });
      whenRefused = (async () => {
        await refusing.next('prepare');
        await letTimePass(3 * SHORT_INTERVALS.pollMs);
      })();
      play(alice, 'r1');
      expect((await alice.next('matched', onHost('h1')))['epoch']).to.equal(1);
      const matchedAtMs = performance.now();
      expect((await alice.next('matched', onHost('h2')))['epoch']).to.equal(2);
      // The periodic check of all sessions would find it after 30 polls.
      expect(performance.now() - matchedAtMs).to.be.below(10 * SHORT_INTERVALS.pollMs);
    } finally {
      await Promise.all([one.stop(), other.stop()]);
      await Promise.all([slow.close(), quick.close()]);
    }
  });
});
