import { DusklineError, type Session } from '@duskline/client/node';
import { expect } from 'chai';
import { waitUntil } from '../support/time/eventually.js';
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
/** Sessions that are not replicated before the failover. */
const LOST = 6;
const QUEUED = 6;

describe('A Redis that fails over to a replica without the last writes', function () {
  this.timeout(90_000);
  let fleet: ChaosFleet;
  let groups: PlayerGroup[];
  beforeEach(() => {
    groups = [];
  });
  afterEach(async () => {
    await Promise.all(groups.map((group) => group.close()));
    await fleet.stop();
  });

  async function openGroup(name: string, players: number): Promise<PlayerGroup> {
    const group = createPlayerGroup({ urls: fleet.urls, recorder: fleet.recorder, players, name });
    groups.push(group);
    await group.connectAll();
    return group;
  }

  /** All players of the group get a session, and the hosts admit them. */
  async function playAll(group: PlayerGroup): Promise<void> {
    await group.playAll(PLAY);
    for (const { client } of group.players) fleet.admit(client.sessions[0]!);
  }

  /** Shows the ticket to the host, which refuses it when it is full. */
  function showTicket(answer: Session | DusklineError): void {
    if (answer instanceof DusklineError) return;
    try {
      fleet.admit(answer);
    } catch {
      // The broker reports the end of this session later.
    }
  }

  const sessionsOf = (group: PlayerGroup): (string | undefined)[] =>
    group.players.map(({ client }) => client.sessions[0]?.sessionId);

  const countEvents = (type: string, fits: (event: object) => boolean = () => true): number =>
    fleet.recorder.events.filter((event) => event.type === type && fits(event)).length;

  /** Waits until store and hosts agree, and every broker is ready. Returns the milliseconds since `backAtMs`. */
  async function waitForRecovery(backAtMs: number): Promise<number> {
    await waitUntil(() => fleet.storeAgreesWithHosts(), 2 * HEARTBEAT_MS + 1_000);
    await waitUntil(() => !fleet.health.ready.includes(false));
    await waitUntil(() => fleet.storeKnowsPlayers());
    return performance.now() - backAtMs;
  }

  const countOverbooked = (): number => fleet.hosts.reduce((sum, { stats }) => sum + stats.overbooked, 0);

  /** Number of requests that had a slot, lost it, and were queued again. */
  function countRequeued(): number {
    const had = new Set<string>();
    const again = new Set<string>();
    for (const event of fleet.recorder.events) {
      if (event.type === 'matched') had.add(event.requestId);
      if (event.type === 'queued' && had.has(event.requestId)) again.add(event.requestId);
    }
    return again.size;
  }

  function report(what: string, sessions: number, recoveredMs: number): void {
    const players = groups.reduce((sum, group) => sum + group.players.length, 0);
    const ended = countEvents('session-ended', (event) => 'reason' in event && event.reason === 'host_lost');
    console.log(
      `      ${what}: clients ${players}, sessions ${sessions}, ` +
        `full recovery ${Math.round(recoveredMs)} ms after the failover; ` +
        `sessions lost 0, overbooked ${countOverbooked()}, all of them detected ` +
        `(${ended} sessions ended with host_lost, ${countRequeued()} requests queued again)`,
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

    it('keeps running sessions, and detects slots that were filled twice', async () => {
      const { recorder } = fleet;
      const kept = await openGroup('kept', HOSTS * SLOTS - LOST);
      await playAll(kept);
      const lost = await openGroup('lost', LOST);
      const waiting = await openGroup('waiting', QUEUED);
      await waitUntil(() => fleet.storeAgreesWithHosts());
      await fleet.recordSnapshot(true);

      await redis.freezeReplication();
      await playAll(lost);
      const queued = [];
      for (const player of waiting.players) queued.push(await joinQueue(player, PLAY));
      for (const { answer } of queued) void answer.then(showTicket);
      const before = [...sessionsOf(kept), ...sessionsOf(lost)];

      recorder.record({ type: 'fault', fault: 'redis-failover', target: 'redis', lasts: true });
      await redis.failedOverFrom(await redis.killPrimary());
      const backAtMs = performance.now();
      recorder.record({ type: 'healed', target: 'redis' });
      const recoveredMs = await waitForRecovery(backAtMs);
      await fleet.recordSnapshot(true);
      expect([...sessionsOf(kept), ...sessionsOf(lost)]).to.deep.equal(before);

      expect(await cutAndResume(recorder, kept)).to.equal(HOSTS * SLOTS - LOST);
      expect(await cutAndResume(recorder, lost)).to.equal(LOST);
      await waitUntil(() => fleet.storeAgreesWithHosts());
      await fleet.recordSnapshot(true);
      expect(fleet.health.unhealthy).to.equal(0);
      fleet.checkRun();
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

    /** Plays one session after the other. Returns their number. */
    async function playRepeatedly({ client }: GroupPlayer, isOver: () => boolean): Promise<number> {
      let times = 0;
      while (!isOver()) {
        const session = await client.play(PLAY);
        showTicket(session);
        await session.end();
        times += 1;
      }
      return times;
    }

    it('keeps running sessions, and continues to serve', async () => {
      const { recorder } = fleet;
      const kept = await openGroup('kept', HOSTS * SLOTS - LOST);
      await playAll(kept);
      const load = await openGroup('load', 2 * LOST);
      const before = sessionsOf(kept);
      await waitUntil(() => fleet.storeAgreesWithHosts());
      await fleet.recordSnapshot(true);
      let over = false;
      const loads = load.players.map((player) => playRepeatedly(player, () => over));
      await waitUntil(() => countEvents('matched') > before.length + 5 * LOST);

      recorder.record({ type: 'fault', fault: 'redis-failover', target: 'redis', lasts: true });
      const killed = await redis.killMaster('{near}');
      await redis.failedOverFrom(killed, '{near}');
      const backAtMs = performance.now();
      recorder.record({ type: 'healed', target: 'redis' });
      const matchedBefore = countEvents('matched');
      await waitUntil(() => countEvents('matched') > matchedBefore + 5 * LOST, 20_000);
      over = true;
      const times = await Promise.all(loads);
      const recoveredMs = await waitForRecovery(backAtMs);
      await fleet.recordSnapshot(true);
      expect(sessionsOf(kept)).to.deep.equal(before);

      expect(await cutAndResume(recorder, kept)).to.equal(before.length);
      await waitUntil(() => fleet.storeAgreesWithHosts());
      await fleet.recordSnapshot(true);
      expect(fleet.health.unhealthy).to.equal(0);
      fleet.checkRun();
      report('Cluster', before.length + times.reduce((sum, n) => sum + n, 0), recoveredMs);
    });
  });
});
