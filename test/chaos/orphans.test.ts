import type { Session } from '@duskline/client/node';
import { createKeySpace } from '@duskline/server/store/redis/keys.js';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { hostName } from '@duskline/loadtest/history/events.js';
import { waitUntil } from '../support/time/eventually.js';
import type { HostProcess } from '../support/processes/host-process.js';
import { DRIFT, RecoveryFleet } from '../support/recovery/recovery-fleet.js';
import { createPlayerGroup, type PlayerGroup } from '../support/recovery/player-group.js';

const REGION_POOL = { region: 'near', pool: 'console-x' };
const SESSIONS = 12;

/** Time for two heartbeats, and a second for all other work. */
const REPLACED_WITHIN_MS = 2 * 2_000 + 1_000;
/** Time for eleven sweeps, of which one recounts; for a heartbeat, after which the host is reconciled; and for all other work. */
const ADOPTED_WITHIN_MS = 11 * 1_000 + 2_000 + 1_000;
/** Brokers verify the sessions of their clients every 30 s, and record their players again. */
const PLAYERS_KNOWN_WITHIN_MS = ADOPTED_WITHIN_MS + 31_000;

/** With the default limits. */
describe('Sessions that only the store or only the host knows', () => {
  let fleet: RecoveryFleet;
  let group: PlayerGroup;
  let first: HostProcess;
  beforeEach(async () => {
    fleet = await RecoveryFleet.start({ brokers: 2 });
    group = createPlayerGroup({
      urls: fleet.urls(),
      recorder: fleet.recorder,
      watchesHosts: true,
      players: SESSIONS,
    });
    await group.connectAll();
    first = await fleet.startHost({ hostId: 'first', slots: SESSIONS });
    await fleet.untilReady(1);
    await group.playAll(DRIFT);
    await group.watchAll();
    await waitUntil(async () => (await fleet.sessions('connected')) === SESSIONS);
    await fleet.recordSnapshot();
  });
  afterEach(async () => {
    await group.close();
    await fleet.stop();
  });

  const sessionIds = (): string[] => group.players.map(({ answer }) => (answer as Session).sessionId);

  async function leave(): Promise<void> {
    await group.leaveAll();
    await waitUntil(async () => (await fleet.sessions('connected', 'active', 'reserved')) === 0);
    await fleet.recordSnapshot();
  }

  it('are placed on another host when their host restarted without them', async () => {
    await fleet.startHost({ hostId: 'second', slots: SESSIONS, broker: 1 });
    await fleet.untilReady(2);
    const ids = sessionIds();
    const mark = fleet.recorder.events.length;
    const killedAtMs = await fleet.killHost(first);
    await fleet.startHost({ hostId: 'first', slots: SESSIONS, broker: 1 });
    const backAtMs = performance.now();
    await waitUntil(() => fleet.since(mark, 'matched').length === SESSIONS, REPLACED_WITHIN_MS);
    const replacedInMs = performance.now() - backAtMs;
    expect(fleet.since(mark, 'matched').map(({ epoch }) => epoch)).to.deep.equal(ids.map(() => 2));
    expect(fleet.since(mark, 'session-ended')).to.deep.equal([]);
    await group.watchAll();
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
      replacedInMs: Math.round(replacedInMs),
    });
  });

  /** Deletes the records of half of the sessions from Redis. Resolves when the store has adopted these sessions from the host. */
  async function deleteUntilAdopted(): Promise<{
    lost: readonly string[];
    lostAtMs: number;
    adoptedAtMs: number;
  }> {
    const lost = sessionIds().slice(0, SESSIONS / 2);
    const redis = new Redis(fleet.redis.url);
    const [, , , , sessions] = createKeySpace('duskline').pool(REGION_POOL);
    expect(await redis.hdel(sessions!, ...lost)).to.equal(lost.length);
    redis.disconnect();
    const lostAtMs = performance.now();
    fleet.recorder.record({ type: 'fault', fault: 'redis-failover', target: 'redis', lasts: false });
    const adopted = async (): Promise<number> =>
      (await fleet.store.getSessions(REGION_POOL, lost)).filter((session) => session?.state === 'connected')
        .length;
    await waitUntil(async () => (await adopted()) === lost.length, ADOPTED_WITHIN_MS);
    return { lost, lostAtMs, adoptedAtMs: performance.now() };
  }

  /** Cuts every socket, and expects that all players find their sessions again. */
  async function expectSessionsAfterReconnect(): Promise<void> {
    const mark = fleet.recorder.events.length;
    expect(group.cutAll()).to.equal(SESSIONS);
    await waitUntil(() => fleet.since(mark, 'matched', 'refused').length >= SESSIONS);
    expect(fleet.since(mark, 'refused')).to.deep.equal([]);
    const matched = fleet.since(mark, 'matched');
    expect(matched.map(({ sessionId }) => sessionId)).to.have.members(sessionIds());
    const host = hostName(REGION_POOL.region, REGION_POOL.pool, 'first');
    for (const event of matched) expect(event).to.include({ epoch: 1, host });
    expect(fleet.since(mark, 'session-ended', 'host-ended')).to.deep.equal([]);
  }

  it('are adopted from the host when the store lost them, and their players are recorded again', async () => {
    const mark = fleet.recorder.events.length;
    const { lost, lostAtMs, adoptedAtMs } = await deleteUntilAdopted();
    expect(await fleet.host('first')).to.include({ committed: SESSIONS });
    await fleet.recordSnapshot();

    const owners = async (): Promise<number> =>
      (await fleet.store.getSessions(REGION_POOL, lost)).filter((session) => session?.meta != null).length;
    await waitUntil(async () => (await owners()) === lost.length, PLAYERS_KNOWN_WITHIN_MS);
    const recoveredInMs = performance.now() - lostAtMs;
    expect(fleet.since(mark, 'session-ended', 'refused', 'host-ended', 'matched')).to.deep.equal([]);
    await expectSessionsAfterReconnect();
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
    const { lost, lostAtMs } = await deleteUntilAdopted();
    await expectSessionsAfterReconnect();
    const recoveredInMs = performance.now() - lostAtMs;
    const owners = (await fleet.store.getSessions(REGION_POOL, lost)).map(
      (session) => session?.meta?.playerId,
    );
    expect(owners).to.deep.equal(group.players.slice(0, lost.length).map(({ player }) => player));
    await fleet.recordSnapshot();
    await leave();
    await fleet.checkHistory({
      scenario: 'orphans on the host, players reconnect',
      clients: SESSIONS,
      sessions: SESSIONS,
      recoveredInMs,
    });
  });
});
