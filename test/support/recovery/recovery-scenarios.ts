import type { Session } from '@duskline/client/node';
import type { Limits } from '@duskline/server/domain/limits.js';
import { expect } from 'chai';
import { waitUntil } from '../time/eventually.js';
import { DRIFT, RecoveryFleet, queueInOrder, serveQueue } from './recovery-fleet.js';
import { createPlayerGroup, type PlayerGroup } from './player-group.js';

const RECOVERY_DEADLINE_MS = 20_000;

/** Sizes of the scenario `brokerKilled`. */
export interface BrokerKilledSizes {
  /** Players in sessions. */
  readonly playing: number;
  /** Players that are matched but have not shown their tickets. */
  readonly unclaimed: number;
  readonly queued: number;
  /** All hosts together have as many slots as there are sessions. */
  readonly hosts: number;
  readonly slots: number;
}

/** Kills one of three brokers, to which all clients are connected. No session or reservation is lost, and the queue keeps its order. */
export async function brokerKilled(sizes: BrokerKilledSizes): Promise<void> {
  const fleet = await RecoveryFleet.start({ brokers: 3 });
  const groups: PlayerGroup[] = [];
  const addGroup = (name: string, players: number): PlayerGroup => {
    const [first, second, third] = fleet.urls() as [string, string, string];
    const urls = (i: number): string[] => (i % 2 === 0 ? [first, second, third] : [first, third, second]);
    const group = createPlayerGroup({ urls, players, recorder: fleet.recorder, name });
    groups.push(group);
    return group;
  };
  try {
    for (let i = 0; i < sizes.hosts; i += 1) {
      fleet.addHost({ hostId: `h${i}`, slots: sizes.slots, broker: i % 3 });
    }
    const playing = addGroup('playing', sizes.playing);
    const unclaimed = addGroup('unclaimed', sizes.unclaimed);
    const queued = addGroup('queued', sizes.queued);
    const everybody = groups.flatMap(({ players }) => players);
    const inSessions = sizes.playing + sizes.unclaimed;
    await fleet.untilReady(sizes.hosts);
    await Promise.all(groups.map((group) => group.connectAll()));
    await playing.playAll(DRIFT);
    await playing.watchAll();
    await unclaimed.playAll(DRIFT);
    await queueInOrder(queued.players);
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

    const offers = await serveQueue(fleet, playing.players.slice(0, sizes.queued));
    expect(offers).to.deep.equal(queued.players.map(({ player }) => player));
    await waitUntil(() => queued.players.every(({ answer }) => answer !== undefined));
    await queued.watchAll();
    await waitUntil(async () => (await fleet.sessions('connected')) === inSessions);
    await fleet.recordSnapshot();
    await endAll(fleet, groups);
    await fleet.checkHistory({
      scenario: 'broker killed',
      clients: everybody.length,
      sessions: had.length,
      recoveredInMs: Math.max(clientsAtMs, hostsAtMs) - killedAtMs,
      clientsBackInMs: Math.round(clientsAtMs - killedAtMs),
      hostsBackInMs: Math.round(hostsAtMs - killedAtMs),
    });
  } finally {
    await Promise.all(groups.map((group) => group.close()));
    await fleet.stop();
  }
}

/** Sizes of the scenario `hostKilled`. */
export interface HostKilledSizes {
  /** Sessions of the killed host. */
  readonly lost: number;
  /** Sessions of the other host. */
  readonly kept: number;
  readonly queued: number;
  /** Default: `DEFAULT_LIMITS`. */
  readonly limits?: Partial<Limits>;
}

/**
 * Kills a host process. The region is full and has a queue. Another region has free slots, which the lost sessions can use
 * but the queued players cannot: the sessions are placed there, and the queue does not change.
 */
export async function hostKilled({
  lost,
  kept,
  queued: waiting,
  limits = {},
}: HostKilledSizes): Promise<void> {
  const fleet = await RecoveryFleet.start({ brokers: 2, limits });
  const groups: PlayerGroup[] = [];
  const addGroup = (name: string, players: number): PlayerGroup => {
    const { recorder } = fleet;
    const group = createPlayerGroup({ urls: fleet.urls(), recorder, watchesHosts: true, players, name });
    groups.push(group);
    return group;
  };
  try {
    const locals = addGroup('local', kept);
    const mobile = addGroup('mobile', lost);
    const queued = addGroup('queued', waiting);
    await Promise.all(groups.map((group) => group.connectAll()));
    await fleet.startHost({ hostId: 'stays', slots: kept });
    await fleet.untilReady(1);
    await locals.playAll(DRIFT);
    const doomed = await fleet.startHost({ hostId: 'doomed', slots: lost, broker: 1 });
    await fleet.untilReady(2);
    await mobile.playAll({ ...DRIFT, rtt: { near: 12, next: 30 } });
    await Promise.all([locals.watchAll(), mobile.watchAll()]);
    await queueInOrder(queued.players);
    await fleet.startHost({ hostId: 'farther', slots: lost, region: 'next', broker: 1 });
    await fleet.untilReady(3);
    await waitUntil(async () => (await fleet.sessions('connected')) === kept + lost);
    await fleet.recordSnapshot();

    const { lostAfterMs, sweepIntervalMs, sweepGapMs } = fleet.limits;
    // The first sweep follows within an interval, the second after the gap.
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

    const offers = await serveQueue(fleet, locals.players.slice(0, waiting));
    expect(offers).to.deep.equal(queued.players.map(({ player }) => player));
    await waitUntil(() => queued.players.every(({ answer }) => answer !== undefined));
    await queued.watchAll();
    await endAll(fleet, groups);
    await fleet.checkHistory({
      scenario: 'host killed',
      clients: lost + kept + waiting,
      sessions: lost + kept,
      recoveredInMs: recoveredAtMs - killedAtMs,
      placedAgainInMs: Math.round(placedAgainAtMs - killedAtMs),
    });
  } finally {
    await Promise.all(groups.map((group) => group.close()));
    await fleet.stop();
  }
}

/** All players leave. Resolves when the store has no sessions any more. */
async function endAll(fleet: RecoveryFleet, groups: readonly PlayerGroup[]): Promise<void> {
  await Promise.all(groups.map((group) => group.leaveAll()));
  await waitUntil(
    async () => (await fleet.sessions('connected', 'active', 'reserved', 'disconnected')) === 0,
  );
  await fleet.recordSnapshot();
}
