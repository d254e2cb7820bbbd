import { DusklineError, type Session } from '@duskline/client/node';
import { expect } from 'chai';
import { waitUntil } from '../support/time/eventually.js';
import { TEST_CONFIG } from '../support/fleet/test-broker.js';
import { startRedisServer, type RedisServer } from '../support/redis/redis-server.js';
import { createPlayerGroup, type PlayerGroup } from '../support/recovery/player-group.js';
import { joinQueue, type QueuedPlayer } from './support/queued-player.js';
import { NEAR, startChaosFleet, type ChaosFleet } from './support/chaos-fleet.js';

const HOSTS = 4;
const SLOTS = 8;
/** Waiting players who can play in `next` too, after some time. */
const FLEXIBLE = 8;
/** Waiting players who can play in `near` only. */
const LOCAL = 8;
const PLAY_LOCALLY = { title: 'starfall', rtt: { near: 12, far: 200 } };
/** Waiting time after which the latency policy allows the region `next`. */
const RELAXED_MS = 5_000;
const POLICY = [
  { afterMs: 0, maxRttMs: 60 },
  { afterMs: RELAXED_MS, maxRttMs: 90 },
];
/** After this number of polls of its queues, each broker would have sent an estimate to the waiting players. */
const POLLS = 3;
/** After mass silence, hosts count as lost after three times the usual limit. */
const LOST_MS = 3 * 4_000;

const CONFIG = `${TEST_CONFIG.replace(/standard:\n(?: +- .*\n)+/, `standard: ${JSON.stringify(POLICY)}\n`)}
limits: { heartbeatIntervalMs: 1000, suspectAfterMs: 2000, lostAfterMs: 4000, sweepIntervalMs: 500, sweepGapMs: 1000 }
`;

describe('When all hosts of a full region are lost', function () {
  this.timeout(90_000);
  let redis: RedisServer;
  let fleet: ChaosFleet;
  let playing: PlayerGroup;
  let flexible: PlayerGroup;
  let local: PlayerGroup;
  let last: PlayerGroup;
  beforeEach(async () => {
    redis = await startRedisServer();
    fleet = await startChaosFleet({ redis: { kind: 'single', url: redis.url }, config: CONFIG });
    const { urls, recorder } = fleet;
    playing = createPlayerGroup({ urls, recorder, players: HOSTS * SLOTS, name: 'playing' });
    flexible = createPlayerGroup({ urls, recorder, players: FLEXIBLE, name: 'flexible' });
    local = createPlayerGroup({ urls, recorder, players: LOCAL, name: 'local' });
    last = createPlayerGroup({ urls, recorder, players: POLLS + urls.length, name: 'last' });
  });
  afterEach(async () => {
    await Promise.all([playing, flexible, local, last].map((group) => group.close()));
    await fleet.stop();
    await redis.stop();
  });

  /** Waits for the session of a queued player, whom the host then admits. */
  async function sessionOf({ answer }: QueuedPlayer): Promise<Session> {
    const session = await answer;
    if (session instanceof DusklineError) throw session;
    fleet.admit(session);
    return session;
  }

  const positions = (queued: readonly QueuedPlayer[]): (number | undefined)[] =>
    queued.map(({ updates }) => updates.at(-1)?.position);

  /**
   * Resolves when each broker has polled its queues several times: a player leaves the queue before each poll, and one
   * player of each broker, behind the others, waits for its new position.
   */
  async function waitForPolls(): Promise<void> {
    const leaves = last.players.map(() => new AbortController());
    const queued: QueuedPlayer[] = [];
    for (const [i, { signal }] of leaves.entries()) {
      queued.push(await joinQueue(last.players[i]!, { ...PLAY_LOCALLY, signal }));
    }
    const watching = queued.slice(POLLS);
    for (const leave of leaves.slice(0, POLLS)) {
      const expected = positions(watching).map((position) => Number(position) - 1);
      leave.abort();
      await waitUntil(() => positions(watching).every((position, i) => position === expected[i]));
    }
    for (const leave of leaves.slice(POLLS)) leave.abort();
    await Promise.all(queued.map(({ answer }) => answer));
  }

  it('players who wait there are served in another region when their latency policy allows it, and the others keep their order and get no estimated wait', async () => {
    const { recorder } = fleet;
    const near = await fleet.addHosts({ count: HOSTS, slots: SLOTS });
    await fleet.addHosts({ regionPool: { ...NEAR, region: 'next' }, count: 2, slots: SLOTS });
    await Promise.all([playing, flexible, local, last].map((group) => group.connectAll()));
    await playing.playAll({ title: 'starfall', rtt: { near: 12 } });
    for (const { client } of playing.players) fleet.admit(client.sessions[0]!);
    await waitUntil(() => fleet.storeAgreesWithHosts());
    await fleet.recordSnapshot(true);

    const requestedAtMs = performance.now();
    const flexibleQueued: QueuedPlayer[] = [];
    const localQueued: QueuedPlayer[] = [];
    for (let i = 0; i < FLEXIBLE; i += 1) {
      const play = { title: 'starfall', rtt: { near: 12, next: 80 } };
      flexibleQueued.push(await joinQueue(flexible.players[i]!, play));
      localQueued.push(await joinQueue(local.players[i]!, PLAY_LOCALLY));
    }
    expect(positions(flexibleQueued)).to.deep.equal([1, 3, 5, 7, 9, 11, 13, 15]);
    expect(positions(localQueued)).to.deep.equal([2, 4, 6, 8, 10, 12, 14, 16]);

    const killedAtMs = performance.now();
    recorder.record({ type: 'fault', fault: 'host-killed', target: 'near', lasts: false });
    await Promise.all(near.map((host) => host.crash()));

    const inNext = await Promise.all(flexibleQueued.map(sessionOf));
    const inNextMs = performance.now() - requestedAtMs;
    expect(new Set(inNext.map(({ region }) => region))).to.deep.equal(new Set(['next']));
    expect(inNextMs).to.be.within(RELAXED_MS, RELAXED_MS + 3_000);
    const inOrder = localQueued.map((_, i) => i + 1);
    await waitUntil(() => positions(localQueued).every((position, i) => position === inOrder[i]));

    // The sessions end with a reason. Waiting players get no estimate, because no slot becomes free in this region.
    await waitUntil(
      () => playing.players.every(({ client }) => client.sessions.length === 0),
      LOST_MS + 8_000,
    );
    await waitUntil(async () => (await fleet.store.listHosts(NEAR)).length === 0);
    const removedMs = performance.now() - killedAtMs;
    const ends = recorder.events.filter((event) => event.type === 'session-ended');
    expect(ends.map(({ reason }) => reason)).to.deep.equal(playing.players.map(() => 'host_lost'));
    await waitUntil(() => fleet.storeAgreesWithHosts());
    await fleet.recordSnapshot(true);
    // If the ended sessions counted as slots that became free, the waiting players would have received an estimate by then.
    await waitForPolls();
    expect(positions(localQueued)).to.deep.equal(inOrder);
    const estimates = localQueued.flatMap(({ updates }) =>
      updates.filter(({ etaMs }) => etaMs !== undefined),
    );
    expect(estimates).to.deep.equal([]);

    // Hosts return to the region one by one, and the players who waited longest are served first.
    const served = new Set<QueuedPlayer>();
    for (const queued of localQueued) void queued.answer.then(() => served.add(queued));
    const backAtMs = performance.now();
    await fleet.addHosts({ count: 1, slots: LOCAL / 2 });
    const first = localQueued.slice(0, LOCAL / 2);
    await Promise.all(first.map(sessionOf));
    expect([...served]).to.have.members(first);
    await fleet.addHosts({ count: 1, slots: LOCAL / 2 });
    await Promise.all(localQueued.slice(LOCAL / 2).map(sessionOf));
    const servedMs = performance.now() - backAtMs;
    await waitUntil(() => fleet.storeAgreesWithHosts());
    await fleet.recordSnapshot(true);

    fleet.checkRun({ heartbeatIntervalMs: 1_000, lostAfterMs: 4_000, latencyPolicies: { starfall: POLICY } });
    const overbooked = fleet.hosts.reduce((sum, { stats }) => sum + stats.overbooked, 0);
    expect(overbooked).to.equal(0);
    console.log(
      `      clients ${HOSTS * SLOTS + FLEXIBLE + LOCAL}, sessions ${HOSTS * SLOTS}, queued ${FLEXIBLE + LOCAL}; ` +
        `${FLEXIBLE} served in the next region after ${Math.round(inNextMs)} ms (policy ${RELAXED_MS}), lost hosts removed after ${Math.round(removedMs)} ms, ` +
        `full recovery ${Math.round(servedMs)} ms after a host is back; ` +
        `sessions lost ${ends.length} (their hosts were killed), overbooked ${overbooked}`,
    );
  });
});
