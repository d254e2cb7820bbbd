import { DusklineError, type Session } from '@duskline/client/node';
import { expect } from 'chai';
import { waitUntil } from '../support/eventually.js';
import { startRedisCluster, type RedisCluster } from '../support/redis/redis-cluster.js';
import { startRedisSentinel, type RedisSentinel } from '../support/redis/redis-sentinel.js';
import { createPlayerGroup, type PlayerGroup, type GroupPlayer } from '../support/recovery/player-group.js';
import { joinQueue } from './support/queued-player.js';
import { startChaosFleet, type ChaosFleet } from './support/chaos-fleet.js';
import { cutAndResume } from './support/cut-and-resume.js';

const PLAY = { title: 'starfall', rtt: { near: 12 }, retry: { maxWaitMs: 60_000 } };
const HEARTBEAT_MS = 2_000;
const HOSTS = 5;
const SLOTS = 8;
/** Sessions that the replica never hears of. */
const LOST = 6;
const QUEUED = 6;

describe('A Redis that fails over to a replica without the last writes', function () {
  this.timeout(90_000);
  let fleet: ChaosFleet;
  let swarms: PlayerGroup[];
  beforeEach(() => {
    swarms = [];
  });
  afterEach(async () => {
    await Promise.all(swarms.map((swarm) => swarm.close()));
    await fleet.stop();
  });

  async function openSwarm(name: string, players: number): Promise<PlayerGroup> {
    const swarm = createPlayerGroup({ urls: fleet.urls, recorder: fleet.recorder, players, name });
    swarms.push(swarm);
    await swarm.connectAll();
    return swarm;
  }

  /** Plays, and is let in by the hosts. */
  async function playAll(swarm: PlayerGroup): Promise<void> {
    await swarm.playAll(PLAY);
    for (const { client } of swarm.players) fleet.admit(client.sessions[0]!);
  }

  /** Shows the ticket, as players do at once. A host that is full refuses it. */
  function tryToEnter(answer: Session | DusklineError): void {
    if (answer instanceof DusklineError) return;
    try {
      fleet.admit(answer);
    } catch {
      // Its end will be told.
    }
  }

  const sessionsOf = (swarm: PlayerGroup): (string | undefined)[] =>
    swarm.players.map(({ client }) => client.sessions[0]?.sessionId);

  const count = (type: string, fits: (event: object) => boolean = () => true): number =>
    fleet.recorder.events.filter((event) => event.type === type && fits(event)).length;

  /** Until the store equals the hosts, and every broker is ready. Returns after how many milliseconds. */
  async function recovery(backAtMs: number): Promise<number> {
    await waitUntil(() => fleet.storeAgreesWithHosts(), 2 * HEARTBEAT_MS + 1_000);
    await waitUntil(() => !fleet.health.ready.includes(false));
    await waitUntil(() => fleet.knowsPlayers());
    return performance.now() - backAtMs;
  }

  const countOverbooked = (): number => fleet.hosts.reduce((sum, { stats }) => sum + stats.overbooked, 0);

  /** Players who had a slot, and were told that they wait for another. */
  function waitingAgain(): number {
    const had = new Set<string>();
    const again = new Set<string>();
    for (const event of fleet.recorder.events) {
      if (event.type === 'matched') had.add(event.requestId);
      if (event.type === 'queued' && had.has(event.requestId)) again.add(event.requestId);
    }
    return again.size;
  }

  function report(what: string, sessions: number, recoveredMs: number): void {
    const players = swarms.reduce((sum, swarm) => sum + swarm.players.length, 0);
    const ended = count('session-ended', (event) => 'reason' in event && event.reason === 'host_lost');
    console.log(
      `      ${what}: clients ${players}, sessions ${sessions}, ` +
        `full recovery ${Math.round(recoveredMs)} ms after the failover; ` +
        `sessions lost 0, overbooked ${countOverbooked()}, all found out ` +
        `(${ended} clients told host_lost, ${waitingAgain()} wait again)`,
    );
  }

  describe('with Sentinel', () => {
    let redis: RedisSentinel;
    beforeEach(async () => {
      redis = await startRedisSentinel();
      const { name, sentinels } = redis;
      fleet = await startChaosFleet({ redis: { kind: 'sentinel', name, sentinels } });
      await fleet.addHosts({ count: HOSTS, slots: SLOTS });
    });
    afterEach(async () => {
      await redis.stop();
    });

    it('keeps running sessions, and finds slots that were filled twice', async () => {
      const { recorder } = fleet;
      const kept = await openSwarm('kept', HOSTS * SLOTS - LOST);
      await playAll(kept);
      const lost = await openSwarm('lost', LOST);
      const line = await openSwarm('line', QUEUED);
      await waitUntil(() => fleet.storeAgreesWithHosts());
      await fleet.recordSnapshot(true);

      await redis.freezeReplication();
      await playAll(lost);
      const lines = [];
      for (const player of line.players) lines.push(await joinQueue(player, PLAY));
      for (const { answer } of lines) void answer.then(tryToEnter);
      const before = [...sessionsOf(kept), ...sessionsOf(lost)];

      recorder.record({ type: 'fault', fault: 'redis-failover', target: 'redis', lasts: true });
      await redis.failedOverFrom(await redis.killPrimary());
      const backAtMs = performance.now();
      recorder.record({ type: 'healed', target: 'redis' });
      const recoveredMs = await recovery(backAtMs);
      await fleet.recordSnapshot(true);
      expect([...sessionsOf(kept), ...sessionsOf(lost)]).to.deep.equal(before);

      expect(await cutAndResume(recorder, kept)).to.equal(HOSTS * SLOTS - LOST);
      expect(await cutAndResume(recorder, lost)).to.equal(LOST);
      await waitUntil(() => fleet.storeAgreesWithHosts());
      await fleet.recordSnapshot(true);
      expect(fleet.health.unhealthy).to.equal(0);
      fleet.check();
      report('Sentinel', HOSTS * SLOTS, recoveredMs);
    });
  });

  describe('in a Cluster, under load', () => {
    let redis: RedisCluster;
    beforeEach(async () => {
      redis = await startRedisCluster({ replicas: true });
      fleet = await startChaosFleet({ redis: { kind: 'cluster', nodes: redis.nodes } });
      await fleet.addHosts({ count: HOSTS, slots: SLOTS });
    });
    afterEach(async () => {
      await redis.stop();
    });

    /** Plays again and again. Returns how often it was let in. */
    async function comeAndGo({ client }: GroupPlayer, isOver: () => boolean): Promise<number> {
      let times = 0;
      while (!isOver()) {
        const session = await client.play(PLAY);
        tryToEnter(session);
        await session.end();
        times += 1;
      }
      return times;
    }

    it('keeps running sessions, and continues to serve', async () => {
      const { recorder } = fleet;
      const kept = await openSwarm('kept', HOSTS * SLOTS - LOST);
      await playAll(kept);
      const load = await openSwarm('load', 2 * LOST);
      const before = sessionsOf(kept);
      await waitUntil(() => fleet.storeAgreesWithHosts());
      await fleet.recordSnapshot(true);
      let over = false;
      const loads = load.players.map((player) => comeAndGo(player, () => over));
      await waitUntil(() => count('matched') > before.length + 5 * LOST);

      recorder.record({ type: 'fault', fault: 'redis-failover', target: 'redis', lasts: true });
      const killed = await redis.killMaster('{near}');
      await redis.failedOverFrom(killed, '{near}');
      const backAtMs = performance.now();
      recorder.record({ type: 'healed', target: 'redis' });
      const matchedBefore = count('matched');
      await waitUntil(() => count('matched') > matchedBefore + 5 * LOST, 20_000);
      over = true;
      const times = await Promise.all(loads);
      const recoveredMs = await recovery(backAtMs);
      await fleet.recordSnapshot(true);
      expect(sessionsOf(kept)).to.deep.equal(before);

      expect(await cutAndResume(recorder, kept)).to.equal(before.length);
      await waitUntil(() => fleet.storeAgreesWithHosts());
      await fleet.recordSnapshot(true);
      expect(fleet.health.unhealthy).to.equal(0);
      fleet.check();
      report('Cluster', before.length + times.reduce((sum, n) => sum + n, 0), recoveredMs);
    });
  });
});
