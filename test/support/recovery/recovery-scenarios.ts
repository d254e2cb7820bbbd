import type { Session } from '@duskline/client/node';
import type { Limits } from '@duskline/server/domain/limits.js';
import { expect } from 'chai';
import { waitUntil } from '../eventually.js';
import { DRIFT, RecoveryFleet, drainQueue, queueUp } from './recovery-fleet.js';
import { createPlayerGroup, type PlayerGroup } from './player-group.js';

const RECOVERY_DEADLINE_MS = 20_000;

export interface BrokerKilledSizes {
  /** Players in sessions. */
  readonly playing: number;
  /** Players who are matched and have not shown their tickets. */
  readonly unclaimed: number;
  readonly queued: number;
  /** Together they have as many slots as there are sessions. */
  readonly hosts: number;
  readonly slots: number;
}

/** `kill -9` of one of three brokers, with every client on it: nobody loses anything, and the queue keeps its order. */
export async function brokerKilled(sizes: BrokerKilledSizes): Promise<void> {
  const fleet = await RecoveryFleet.start({ brokers: 3 });
  const swarms: PlayerGroup[] = [];
  const addSwarm = (name: string, players: number): PlayerGroup => {
    const [first, second, third] = fleet.urls() as [string, string, string];
    const urls = (i: number): string[] => (i % 2 === 0 ? [first, second, third] : [first, third, second]);
    const swarm = createPlayerGroup({ urls, players, recorder: fleet.recorder, name });
    swarms.push(swarm);
    return swarm;
  };
  try {
    for (let i = 0; i < sizes.hosts; i += 1) {
      fleet.addHost({ hostId: `h${i}`, slots: sizes.slots, broker: i % 3 });
    }
    const playing = addSwarm('playing', sizes.playing);
    const unclaimed = addSwarm('unclaimed', sizes.unclaimed);
    const queued = addSwarm('queued', sizes.queued);
    const everybody = swarms.flatMap(({ players }) => players);
    const inSessions = sizes.playing + sizes.unclaimed;
    await fleet.untilReady(sizes.hosts);
    await Promise.all(swarms.map((swarm) => swarm.connectAll()));
    await playing.playAll(DRIFT);
    await playing.watchAll();
    await unclaimed.playAll(DRIFT);
    await queueUp(queued.players);
    await waitUntil(async () => (await fleet.sessions('connected')) === sizes.playing);
    await fleet.recordSnapshot();
    const had = [...playing.players, ...unclaimed.players].map(({ answer }) => (answer as Session).sessionId);

    const mark = fleet.recorder.events.length;
    const killedAtMs = await fleet.killBroker(0);
    const answered = (): Set<string> =>
      new Set(fleet.since(mark, 'matched', 'queued').map(({ player }) => player));
    await waitUntil(() => answered().size === everybody.length, RECOVERY_DEADLINE_MS);
    const clientsAtMs = performance.now();
    await waitUntil(
      () => fleet.since(mark, 'host-back').length === fleet.since(mark, 'host-silent').length,
      RECOVERY_DEADLINE_MS,
    );
    const hostsAtMs = fleet.since(mark, 'host-back').at(-1)!.atMs;

    expect(fleet.since(mark, 'disconnected')).to.have.length(everybody.length);
    const matched = fleet.since(mark, 'matched');
    expect(new Set(matched.map(({ sessionId }) => sessionId))).to.deep.equal(new Set(had));
    expect(new Set(matched.map(({ epoch }) => epoch))).to.deep.equal(new Set([1]));
    expect(fleet.since(mark, 'session-ended', 'refused', 'host-ended')).to.deep.equal([]);
    await unclaimed.watchAll();
    await waitUntil(async () => (await fleet.sessions('connected')) === inSessions);
    await fleet.recordSnapshot();

    const offers = await drainQueue(fleet, playing.players.slice(0, sizes.queued));
    expect(offers).to.deep.equal(queued.players.map(({ player }) => player));
    await waitUntil(() => queued.players.every(({ answer }) => answer !== undefined));
    await queued.watchAll();
    await waitUntil(async () => (await fleet.sessions('connected')) === inSessions);
    await fleet.recordSnapshot();
    await endAll(fleet, swarms);
    await fleet.checkHistory({
      scenario: 'broker killed',
      clients: everybody.length,
      sessions: had.length,
      recoveredInMs: Math.max(clientsAtMs, hostsAtMs) - killedAtMs,
      clientsBackInMs: Math.round(clientsAtMs - killedAtMs),
      hostsBackInMs: Math.round(hostsAtMs - killedAtMs),
    });
  } finally {
    await Promise.all(swarms.map((swarm) => swarm.close()));
    await fleet.stop();
  }
}

export interface HostKilledSizes {
  /** Sessions of the host that dies. */
  readonly lost: number;
  /** Sessions of the host beside it. */
  readonly kept: number;
  readonly queued: number;
  /** The defaults when absent. */
  readonly limits?: Partial<Limits>;
}

/**
 * `kill -9` of a host process. Everything near is full, and a queue waits there; there is room farther away, where
 * those who wait do not want to go: its sessions get it, and the queue stays as it is.
 */
export async function hostKilled({
  lost,
  kept,
  queued: waiting,
  limits = {},
}: HostKilledSizes): Promise<void> {
  const fleet = await RecoveryFleet.start({ brokers: 2, limits });
  const swarms: PlayerGroup[] = [];
  const addSwarm = (name: string, players: number): PlayerGroup => {
    const { recorder } = fleet;
    const swarm = createPlayerGroup({ urls: fleet.urls(), recorder, watchesHosts: true, players, name });
    swarms.push(swarm);
    return swarm;
  };
  try {
    const locals = addSwarm('local', kept);
    const mobile = addSwarm('mobile', lost);
    const queued = addSwarm('queued', waiting);
    await Promise.all(swarms.map((swarm) => swarm.connectAll()));
    await fleet.startHost({ hostId: 'stays', slots: kept });
    await fleet.untilReady(1);
    await locals.playAll(DRIFT);
    const doomed = await fleet.startHost({ hostId: 'doomed', slots: lost, broker: 1 });
    await fleet.untilReady(2);
    await mobile.playAll({ ...DRIFT, rtt: { near: 12, next: 30 } });
    await Promise.all([locals.watchAll(), mobile.watchAll()]);
    await queueUp(queued.players);
    await fleet.startHost({ hostId: 'farther', slots: lost, region: 'next', broker: 1 });
    await fleet.untilReady(3);
    await waitUntil(async () => (await fleet.sessions('connected')) === kept + lost);
    await fleet.recordSnapshot();

    const { lostAfterMs, sweepIntervalMs, sweepGapMs } = fleet.limits;
    // Two sweeps, the first of which comes within an interval, and the second when the gap is over.
    const withinMs = lostAfterMs + sweepIntervalMs + (sweepGapMs + sweepIntervalMs) + 1_000;
    const had = mobile.players.map(({ answer }) => (answer as Session).sessionId);
    const mark = fleet.recorder.events.length;
    const killedAtMs = await fleet.killHost(doomed);
    await waitUntil(() => fleet.since(mark, 'matched').length === lost, withinMs + 5_000);
    const placedAgainAtMs = fleet.since(mark, 'matched').at(-1)!.atMs;
    expect(placedAgainAtMs - killedAtMs).to.be.below(withinMs);
    await mobile.watchAll();
    await waitUntil(async () => (await fleet.sessions('connected')) === kept + lost);
    const recoveredAtMs = performance.now();
    expect(await fleet.host('doomed')).to.equal(undefined);
    expect(await fleet.host('farther')).to.include({ committed: lost });
    await fleet.recordSnapshot();

    const matched = fleet.since(mark, 'matched');
    expect(matched.map(({ sessionId }) => sessionId)).to.have.members(had);
    for (const { host, epoch } of matched) {
      expect({ host, epoch }).to.deep.equal({ host: 'next/console-x/farther', epoch: 2 });
    }
    expect(fleet.since(mark, 'session-ended', 'refused', 'offered')).to.deep.equal([]);

    const offers = await drainQueue(fleet, locals.players.slice(0, waiting));
    expect(offers).to.deep.equal(queued.players.map(({ player }) => player));
    await waitUntil(() => queued.players.every(({ answer }) => answer !== undefined));
    await queued.watchAll();
    await endAll(fleet, swarms);
    await fleet.checkHistory({
      scenario: 'host killed',
      clients: lost + kept + waiting,
      sessions: lost + kept,
      recoveredInMs: recoveredAtMs - killedAtMs,
      placedAgainInMs: Math.round(placedAgainAtMs - killedAtMs),
    });
  } finally {
    await Promise.all(swarms.map((swarm) => swarm.close()));
    await fleet.stop();
  }
}

/** Everybody leaves: nothing of them stays. */
async function endAll(fleet: RecoveryFleet, swarms: readonly PlayerGroup[]): Promise<void> {
  await Promise.all(swarms.map((swarm) => swarm.leaveAll()));
  await waitUntil(
    async () => (await fleet.sessions('connected', 'active', 'reserved', 'disconnected')) === 0,
  );
  await fleet.recordSnapshot();
}
