import { DusklineError, type Session } from '@duskline/client/node';
import { expect } from 'chai';
import { waitUntil } from '../support/eventually.js';
import { TEST_CONFIG } from '../support/fleet/test-broker.js';
import { startRedisServer, type RedisServer } from '../support/redis/redis-server.js';
import { createPlayerGroup, type PlayerGroup } from '../support/recovery/player-group.js';
import { joinQueue, type QueuedPlayer } from './support/queued-player.js';
import { NEAR, startChaosFleet, type ChaosFleet } from './support/chaos-fleet.js';

const HOSTS = 4;
const SLOTS = 8;
const MOVERS = 8;
const STAYERS = 8;
const STAY = { title: 'starfall', rtt: { near: 12, far: 200 } };
/** `next` is near enough after so long. */
const RELAXED_MS = 5_000;
const POLICY = [
  { afterMs: 0, maxRttMs: 60 },
  { afterMs: RELAXED_MS, maxRttMs: 90 },
];
/** Polls of its queues after which each broker has sent what the ended sessions would promise to waiting players. */
const POLLS = 3;
/** So many hosts at once are waited for three times as long. */
const LOST_MS = 3 * 4_000;

const CONFIG = `${TEST_CONFIG.replace(/standard:\n(?: +- .*\n)+/, `standard: ${JSON.stringify(POLICY)}\n`)}
limits: { heartbeatIntervalMs: 1000, suspectAfterMs: 2000, lostAfterMs: 4000, sweepIntervalMs: 500, sweepGapMs: 1000 }
`;

describe('A full region whose hosts all vanish', function () {
  this.timeout(90_000);
  let redis: RedisServer;
  let fleet: ChaosFleet;
  let playing: PlayerGroup;
  let movers: PlayerGroup;
  let stayers: PlayerGroup;
  let last: PlayerGroup;
  beforeEach(async () => {
    redis = await startRedisServer();
    fleet = await startChaosFleet({ redis: { kind: 'single', url: redis.url }, config: CONFIG });
    const { urls, recorder } = fleet;
    playing = createPlayerGroup({ urls, recorder, players: HOSTS * SLOTS, name: 'playing' });
    movers = createPlayerGroup({ urls, recorder, players: MOVERS, name: 'mover' });
    stayers = createPlayerGroup({ urls, recorder, players: STAYERS, name: 'stayer' });
    last = createPlayerGroup({ urls, recorder, players: POLLS + urls.length, name: 'last' });
  });
  afterEach(async () => {
    await Promise.all([playing, movers, stayers, last].map((swarm) => swarm.close()));
    await fleet.stop();
    await redis.stop();
  });

  async function sessionOf({ answer }: QueuedPlayer): Promise<Session> {
    const session = await answer;
    if (session instanceof DusklineError) throw session;
    fleet.admit(session);
    return session;
  }

  const positions = (lines: readonly QueuedPlayer[]): (number | undefined)[] =>
    lines.map(({ told }) => told.at(-1)?.position);

  /**
   * Resolves when each broker has polled its queues several times: a player leaves the queue before each poll, and one
   * player of each broker, behind the others, waits for its new position.
   */
  async function waitForPolls(): Promise<void> {
    const leaves = last.players.map(() => new AbortController());
    const lines: QueuedPlayer[] = [];
    for (const [i, { signal }] of leaves.entries()) {
      lines.push(await joinQueue(last.players[i]!, { ...STAY, signal }));
    }
    const watching = lines.slice(POLLS);
    for (const leave of leaves.slice(0, POLLS)) {
      const expected = positions(watching).map((position) => Number(position) - 1);
      leave.abort();
      await waitUntil(() => positions(watching).every((position, i) => position === expected[i]));
    }
    for (const leave of leaves.slice(POLLS)) leave.abort();
    await Promise.all(lines.map(({ answer }) => answer));
  }

  it('has waiting players served elsewhere where their policy allows it, keeps the order of the others, and promises them no wait time', async () => {
    const { recorder } = fleet;
    const near = await fleet.addHosts({ count: HOSTS, slots: SLOTS });
    await fleet.addHosts({ regionPool: { ...NEAR, region: 'next' }, count: 2, slots: SLOTS });
    await Promise.all([playing, movers, stayers, last].map((swarm) => swarm.connectAll()));
    await playing.playAll({ title: 'starfall', rtt: { near: 12 } });
    for (const { client } of playing.players) fleet.admit(client.sessions[0]!);
    await waitUntil(() => fleet.storeAgreesWithHosts());
    await fleet.recordSnapshot(true);

    const askedAtMs = performance.now();
    const moving: QueuedPlayer[] = [];
    const staying: QueuedPlayer[] = [];
    for (let i = 0; i < MOVERS; i += 1) {
      moving.push(await joinQueue(movers.players[i]!, { title: 'starfall', rtt: { near: 12, next: 80 } }));
      staying.push(await joinQueue(stayers.players[i]!, STAY));
    }
    expect(positions(moving)).to.deep.equal([1, 3, 5, 7, 9, 11, 13, 15]);
    expect(positions(staying)).to.deep.equal([2, 4, 6, 8, 10, 12, 14, 16]);

    const killedAtMs = performance.now();
    recorder.record({ type: 'fault', fault: 'host-killed', target: 'near', lasts: false });
    await Promise.all(near.map((host) => host.crash()));

    const moved = await Promise.all(moving.map(sessionOf));
    const movedMs = performance.now() - askedAtMs;
    expect(new Set(moved.map(({ region }) => region))).to.deep.equal(new Set(['next']));
    expect(movedMs).to.be.within(RELAXED_MS, RELAXED_MS + 3_000);
    const inOrder = staying.map((_, i) => i + 1);
    await waitUntil(() => positions(staying).every((position, i) => position === inOrder[i]));

    // Those who played are told how it ended; those who wait are promised nothing that a dead region cannot keep.
    await waitUntil(
      () => playing.players.every(({ client }) => client.sessions.length === 0),
      LOST_MS + 8_000,
    );
    await waitUntil(async () => (await fleet.store.listHosts(NEAR)).length === 0);
    const goneMs = performance.now() - killedAtMs;
    const ends = recorder.events.filter((event) => event.type === 'session-ended');
    expect(ends.map(({ reason }) => reason)).to.deep.equal(playing.players.map(() => 'host_lost'));
    await waitUntil(() => fleet.storeAgreesWithHosts());
    await fleet.recordSnapshot(true);
    // What the ends of those sessions would promise, if they counted as slots that became free, is told by then.
    await waitForPolls();
    expect(positions(staying)).to.deep.equal(inOrder);
    const promised = staying.flatMap(({ told }) => told.filter(({ etaMs }) => etaMs !== undefined));
    expect(promised).to.deep.equal([]);

    // Hosts of the region come back one by one: who waited longer is served first.
    const served = new Set<QueuedPlayer>();
    for (const line of staying) void line.answer.then(() => served.add(line));
    const backAtMs = performance.now();
    await fleet.addHosts({ count: 1, slots: STAYERS / 2 });
    const first = staying.slice(0, STAYERS / 2);
    await Promise.all(first.map(sessionOf));
    expect([...served]).to.have.members(first);
    await fleet.addHosts({ count: 1, slots: STAYERS / 2 });
    await Promise.all(staying.slice(STAYERS / 2).map(sessionOf));
    const servedMs = performance.now() - backAtMs;
    await waitUntil(() => fleet.storeAgreesWithHosts());
    await fleet.recordSnapshot(true);

    fleet.check({ heartbeatIntervalMs: 1_000, lostAfterMs: 4_000, latencyPolicies: { starfall: POLICY } });
    const overbooked = fleet.hosts.reduce((sum, { stats }) => sum + stats.overbooked, 0);
    expect(overbooked).to.equal(0);
    console.log(
      `      clients ${HOSTS * SLOTS + MOVERS + STAYERS}, sessions ${HOSTS * SLOTS}, queued ${MOVERS + STAYERS}; ` +
        `${MOVERS} moved after ${Math.round(movedMs)} ms (policy ${RELAXED_MS}), dead hosts gone after ${Math.round(goneMs)} ms, ` +
        `full recovery ${Math.round(servedMs)} ms after a host is back; ` +
        `sessions lost ${ends.length} (their hosts died), overbooked ${overbooked}`,
    );
  });
});
