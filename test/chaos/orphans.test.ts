import type { Session } from '@duskline/client/node';
import { createKeySpace } from '@duskline/server/store/redis/keys.js';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { hostName } from '@duskline/loadtest/history/events.js';
import { waitUntil } from '../support/eventually.js';
import type { HostProcess } from '../support/processes/host-process.js';
import { DRIFT, RecoveryFleet } from '../support/recovery/recovery-fleet.js';
import { createPlayerGroup, type PlayerGroup } from '../support/recovery/player-group.js';

const PLACE = { region: 'near', pool: 'console-x' };
const SESSIONS = 12;

/** Two heartbeats, and a second for everything else. */
const FORGOTTEN_WITHIN_MS = 2 * 2_000 + 1_000;
/** Each eleventh sweep recounts, a second apart; a heartbeat finds that something is missing. */
const ADOPTED_WITHIN_MS = 11 * 1_000 + 2_000 + 1_000;
/** Brokers look at each of their clients' sessions so often. */
const KNOWN_AGAIN_WITHIN_MS = ADOPTED_WITHIN_MS + 31_000;

/** Default limits. */
describe('Sessions that only the store or only the host knows', () => {
  let fleet: RecoveryFleet;
  let swarm: PlayerGroup;
  let first: HostProcess;
  beforeEach(async () => {
    fleet = await RecoveryFleet.start({ brokers: 2 });
    swarm = createPlayerGroup({
      urls: fleet.urls(),
      recorder: fleet.recorder,
      watchesHosts: true,
      players: SESSIONS,
    });
    await swarm.connectAll();
    first = await fleet.startHost({ hostId: 'first', slots: SESSIONS });
    await fleet.untilReady(1);
    await swarm.playAll(DRIFT);
    await swarm.watchAll();
    await waitUntil(async () => (await fleet.sessions('connected')) === SESSIONS);
    await fleet.recordSnapshot();
  });
  afterEach(async () => {
    await swarm.close();
    await fleet.stop();
  });

  const idsOf = (): string[] => swarm.players.map(({ answer }) => (answer as Session).sessionId);

  async function leave(): Promise<void> {
    await swarm.leaveAll();
    await waitUntil(async () => (await fleet.sessions('connected', 'active', 'reserved')) === 0);
    await fleet.recordSnapshot();
  }

  it('are placed on another host when their own restarted without them', async () => {
    await fleet.startHost({ hostId: 'second', slots: SESSIONS, broker: 1 });
    await fleet.untilReady(2);
    const ids = idsOf();
    const mark = fleet.recorder.events.length;
    const killedAtMs = await fleet.killHost(first);
    await fleet.startHost({ hostId: 'first', slots: SESSIONS, broker: 1 });
    const backAtMs = performance.now();
    await waitUntil(() => fleet.since(mark, 'matched').length === SESSIONS, FORGOTTEN_WITHIN_MS);
    const goneInMs = performance.now() - backAtMs;
    expect(fleet.since(mark, 'matched').map(({ epoch }) => epoch)).to.deep.equal(ids.map(() => 2));
    expect(fleet.since(mark, 'session-ended')).to.deep.equal([]);
    await swarm.watchAll();
    await waitUntil(async () => (await fleet.sessions('connected')) === SESSIONS);
    const recoveredInMs = performance.now() - killedAtMs;
    const hosts = await fleet.hosts();
    expect(hosts.reduce((sum, { committed }) => sum + committed, 0)).to.equal(SESSIONS);
    await fleet.recordSnapshot();
    await leave();
    await fleet.checkHistory({
      scenario: 'orphans in the store',
      clients: SESSIONS,
      sessions: SESSIONS,
      recoveredInMs,
      goneInMs: Math.round(goneInMs),
    });
  });

  /** Takes the records of half of the sessions away from Redis, and waits until they are adopted from the host. */
  async function loseAndAdopt(): Promise<{ lost: readonly string[]; lostAtMs: number; adoptedAtMs: number }> {
    const lost = idsOf().slice(0, SESSIONS / 2);
    const redis = new Redis(fleet.redis.url);
    const [, , , , sessions] = createKeySpace('duskline').pool(PLACE);
    expect(await redis.hdel(sessions!, ...lost)).to.equal(lost.length);
    redis.disconnect();
    const lostAtMs = performance.now();
    fleet.recorder.record({ type: 'fault', fault: 'redis-failover', target: 'redis', lasts: false });
    const known = async (): Promise<number> =>
      (await fleet.store.getSessions(PLACE, lost)).filter((session) => session?.state === 'connected').length;
    await waitUntil(async () => (await known()) === lost.length, ADOPTED_WITHIN_MS);
    return { lost, lostAtMs, adoptedAtMs: performance.now() };
  }

  /** Cuts every socket: everybody finds the session again that they had. */
  async function comeBack(): Promise<void> {
    const mark = fleet.recorder.events.length;
    expect(swarm.cutAll()).to.equal(SESSIONS);
    await waitUntil(() => fleet.since(mark, 'matched', 'refused').length >= SESSIONS);
    expect(fleet.since(mark, 'refused')).to.deep.equal([]);
    const matched = fleet.since(mark, 'matched');
    expect(matched.map(({ sessionId }) => sessionId)).to.have.members(idsOf());
    const host = hostName(PLACE.region, PLACE.pool, 'first');
    for (const event of matched) expect(event).to.include({ epoch: 1, host });
    expect(fleet.since(mark, 'session-ended', 'host-ended')).to.deep.equal([]);
  }

  it('are adopted from the host when the store lost them, and their players are recorded again', async () => {
    const mark = fleet.recorder.events.length;
    const { lost, lostAtMs, adoptedAtMs } = await loseAndAdopt();
    expect(await fleet.host('first')).to.include({ committed: SESSIONS });
    await fleet.recordSnapshot();

    const owners = async (): Promise<number> =>
      (await fleet.store.getSessions(PLACE, lost)).filter((session) => session?.meta != null).length;
    await waitUntil(async () => (await owners()) === lost.length, KNOWN_AGAIN_WITHIN_MS);
    const recoveredInMs = performance.now() - lostAtMs;
    expect(fleet.since(mark, 'session-ended', 'refused', 'host-ended', 'matched')).to.deep.equal([]);
    await comeBack();
    await fleet.recordSnapshot();
    await leave();
    await fleet.checkHistory({
      scenario: 'orphans on the host',
      clients: SESSIONS,
      sessions: SESSIONS,
      recoveredInMs,
      adoptedInMs: Math.round(adoptedAtMs - lostAtMs),
    });
  });

  it('are adopted from the host, and found by players who reconnect before the brokers have recorded them again', async () => {
    const { lost, lostAtMs } = await loseAndAdopt();
    await comeBack();
    const recoveredInMs = performance.now() - lostAtMs;
    const owners = (await fleet.store.getSessions(PLACE, lost)).map((session) => session?.meta?.playerId);
    expect(owners).to.deep.equal(swarm.players.slice(0, lost.length).map(({ player }) => player));
    await fleet.recordSnapshot();
    await leave();
    await fleet.checkHistory({
      scenario: 'orphans on the host, players come back',
      clients: SESSIONS,
      sessions: SESSIONS,
      recoveredInMs,
    });
  });
});
