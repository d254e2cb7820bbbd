import { expect } from 'chai';
import { waitUntil } from '../support/time/eventually.js';
import { holdFaultFor } from '../support/time/scenario-time.js';
import { openPlayer } from '../support/fleet/test-broker.js';
import { startRedisServer, type RedisServer } from '../support/redis/redis-server.js';
import { createPlayerGroup, type PlayerGroup } from '../support/recovery/player-group.js';
import { joinQueue, type QueuedPlayer } from './support/queued-player.js';
import { startChaosFleet, type ChaosFleet } from './support/chaos-fleet.js';
import { cutAndResume } from './support/cut-and-resume.js';

const PLAY = { title: 'starfall', rtt: { near: 12 } };
const DOWN_MS = 30_000;
const HEARTBEAT_MS = 2_000;
const HOSTS = 6;
const SLOTS = 8;
const QUEUED = 20;

describe('A Redis that is down for 30 s and returns empty', function () {
  this.timeout(90_000);
  let redis: RedisServer;
  let fleet: ChaosFleet;
  let playing: PlayerGroup;
  let waiting: PlayerGroup;
  let late: PlayerGroup;
  beforeEach(async () => {
    redis = await startRedisServer();
    fleet = await startChaosFleet({ redis: { kind: 'single', url: redis.url } });
    await fleet.addHosts({ count: HOSTS, slots: SLOTS });
    const { urls, recorder } = fleet;
    playing = createPlayerGroup({ urls, recorder, players: HOSTS * SLOTS, name: 'playing' });
    waiting = createPlayerGroup({ urls, recorder, players: QUEUED, name: 'waiting' });
    late = createPlayerGroup({ urls, recorder, players: 4, name: 'late' });
  });
  afterEach(async () => {
    await Promise.all([playing, waiting, late].map((group) => group.close()));
    await fleet.stop();
    await redis.stop();
  });

  const positions = (queued: readonly QueuedPlayer[]): (number | undefined)[] =>
    queued.map(({ updates }) => updates.at(-1)?.position);
  const sessionIds = (): (string | undefined)[] =>
    playing.players.map(({ client }) => client.sessions[0]?.sessionId);

  it('costs no session: hosts and brokers restore its data, and the queue keeps its order', async () => {
    const { recorder, health } = fleet;
    await playing.connectAll();
    await playing.playAll(PLAY);
    await playing.watchAll();
    await waiting.connectAll();
    await late.connectAll();
    const queued: QueuedPlayer[] = [];
    for (const player of waiting.players) queued.push(await joinQueue(player, PLAY));
    const inOrder = queued.map((_, i) => i + 1);
    expect(positions(queued)).to.deep.equal(inOrder);
    await waitUntil(() => fleet.storeAgreesWithHosts());
    await fleet.recordSnapshot(true);
    const before = sessionIds();

    recorder.record({ type: 'fault', fault: 'redis-stopped', target: 'redis', lasts: true });
    await redis.kill();
    const outageIsOver = holdFaultFor(DOWN_MS);
    await waitUntil(() => !health.ready.includes(true));
    // A request during the outage is refused with a retry time. With `retry`, the SDK repeats it until it is answered.
    const stranger = await openPlayer(fleet.urls[0]!, 'stranger');
    stranger.send({ type: 'play', requestId: 'r1', ...PLAY });
    const refusal = await stranger.answer('r1');
    expect(refusal).to.include({ code: 'UNAVAILABLE', retryable: true });
    expect(refusal['retryAfterMs']).to.be.within(500, 2_000);
    await stranger.close();
    const lateQueued = late.players.map((player) =>
      joinQueue(player, { ...PLAY, retry: { maxWaitMs: 120_000 } }),
    );
    await outageIsOver;
    expect(health.ready).to.not.include(true);

    await redis.restart();
    const backAtMs = performance.now();
    recorder.record({ type: 'healed', target: 'redis' });
    await waitUntil(() => fleet.storeAgreesWithHosts(), 2 * HEARTBEAT_MS);
    const agreedMs = performance.now() - backAtMs;
    await waitUntil(() => !health.ready.includes(false), 2 * HEARTBEAT_MS);
    queued.push(...(await Promise.all(lateQueued)));
    await waitUntil(() => positions(queued.slice(0, QUEUED)).every((position, i) => position === i + 1));
    await waitUntil(() => fleet.storeKnowsPlayers());
    const recoveredMs = performance.now() - backAtMs;
    await fleet.recordSnapshot(true);
    expect(sessionIds()).to.deep.equal(before);
    expect(endedSessions()).to.equal(0);

    // Players are served in the order of their arrival, whichever broker restored their positions.
    const served: string[] = [];
    for (const { player, answer } of queued) void answer.then(() => served.push(player));
    for (let turn = 0; turn < QUEUED; turn += 1) {
      await playing.players[turn]!.client.sessions[0]!.end();
      await waitUntil(() => served.length === turn + 1);
    }
    expect(served).to.deep.equal(waiting.players.map(({ player }) => player));

    // The remaining players lose their sockets, and find their sessions again.
    expect(await cutAndResume(recorder, playing)).to.equal(HOSTS * SLOTS - QUEUED);
    await waitUntil(() => fleet.storeAgreesWithHosts());
    await fleet.recordSnapshot(true);

    expect(health.unhealthy).to.equal(0);
    fleet.checkRun();
    const overbooked = fleet.hosts.reduce((sum, { stats }) => sum + stats.overbooked, 0);
    expect(overbooked).to.equal(0);
    console.log(
      `      clients ${playing.players.length + queued.length}, sessions ${HOSTS * SLOTS}, queued ${QUEUED}; ` +
        `store equals hosts after ${Math.round(agreedMs)} ms, full recovery ${Math.round(recoveredMs)} ms; ` +
        `sessions lost ${endedSessions() - QUEUED}, overbooked ${overbooked}`,
    );
  });

  /** Number of sessions that hosts have ended so far. */
  function endedSessions(): number {
    return fleet.recorder.events.filter(({ type }) => type === 'host-ended').length;
  }
});
