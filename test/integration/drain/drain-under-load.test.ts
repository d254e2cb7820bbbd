import type { Session } from '@duskline/client/node';
import {
  createSimulatedHost,
  createStreamServer,
  type SimulatedHost,
  type StreamServer,
} from '@duskline/host/simulated';
import { expect } from 'chai';
import { checkHistory, describeViolations } from '@duskline/loadtest/history/check-history.js';
import { hostName, type EventOf } from '@duskline/loadtest/history/events.js';
import { recordFleet } from '../../support/fleet/record-fleet.js';
import { recordHost } from '@duskline/loadtest/history/host-recording.js';
import { createRecorder, type Recorder } from '@duskline/loadtest/history/recorder.js';
import { waitUntil } from '../../support/time/eventually.js';
import { pauseFor } from '../../support/time/pacing.js';
import { testToken } from '../../support/fleet/test-broker.js';
import { createPlayerGroup, type PlayerGroup } from '../../support/recovery/player-group.js';
import { TestFleet } from '../../support/fleet/test-fleet.js';

const POOL = 'console-x';
const REGION_POOLS = ['near', 'next'].map((region) => ({ region, pool: POOL }));
const PLAYERS = 40;
const SLOTS = PLAYERS / 2;
/** Players besides the moving ones, who start and end sessions in the target region. */
const OTHERS = 4;
const FRAME_INTERVAL_MS = 50;
/** An interruption in the sense of the product. Usual gaps are a tenth of it; all parties share one process here. */
const INTERRUPTED_MS = 2_000;

describe('A region that is drained by moves under load', function () {
  this.timeout(60_000);
  let recorder: Recorder;
  let fleet: TestFleet;
  let streams: StreamServer;
  let hosts: SimulatedHost[];
  let moving: PlayerGroup;
  let others: PlayerGroup;
  beforeEach(async () => {
    recorder = createRecorder();
    fleet = await TestFleet.start({ brokers: 2, limits: { heartbeatIntervalMs: 500 } });
    streams = await createStreamServer({ frameIntervalMs: FRAME_INTERVAL_MS });
    hosts = [];
    const urls = fleet.brokers.map(({ url }) => url);
    moving = createPlayerGroup({ urls, players: PLAYERS, recorder, name: 'moving', followsMoves: true });
    others = createPlayerGroup({ urls, players: OTHERS, recorder, name: 'other' });
  });
  afterEach(async () => {
    await Promise.all([moving.close(), others.close()]);
    await Promise.all(hosts.map((host) => host.leave()));
    await streams.close();
    await fleet.stop();
  });

  async function addHosts(region: string, slots: number): Promise<void> {
    for (const name of ['a', 'b']) {
      const hostId = `${region}-${name}`;
      const [first, second] = fleet.brokers.map(({ url }) => url) as [string, string];
      const host = createSimulatedHost({
        url: name === 'a' ? [first, second] : [second, first],
        token: testToken({ kind: 'host', region, pool: POOL }),
        hostId,
        region,
        pool: POOL,
        slots,
        streams,
      });
      recordHost(recorder, hostName(region, POOL, hostId), host.host);
      hosts.push(host);
    }
    await waitUntil(async () => (await readyIn(region)) === 2);
  }

  async function readyIn(region: string): Promise<number> {
    const known = await fleet.stores[0]!.listHosts({ region, pool: POOL });
    return known.filter(({ state }) => state === 'ready').length;
  }

  async function connectedIn(region: string): Promise<number> {
    const own = hosts.filter(({ hostId }) => hostId.startsWith(region));
    const all = await Promise.all(
      own.map(({ hostId }) => fleet.stores[0]!.listHostSessions({ region, pool: POOL }, hostId)),
    );
    return all.flat().filter(({ state }) => state === 'connected').length;
  }

  /** Other players play short sessions until the returned function is called. */
  function playRepeatedly(): () => Promise<void> {
    let isOver = false;
    const runs = others.players.map(async (other) => {
      while (!isOver) {
        await other.play({ title: 'drift', rtt: { next: 20 } });
        await other.watch();
        await pauseFor(100);
        await other.leave();
      }
    });
    return async () => {
      isOver = true;
      await Promise.all(runs);
    };
  }

  const recordSnapshot = (): Promise<void> => recordFleet(recorder, fleet.stores[0]!, REGION_POOLS, true);

  it('loses no session and no frame of the stream, and interrupts no player for long', async () => {
    await Promise.all([moving.connectAll(), others.connectAll()]);
    await addHosts('near', SLOTS);
    await moving.playAll({ title: 'drift', rtt: { near: 12, next: 20 } });
    await moving.watchAll();
    await addHosts('next', SLOTS + OTHERS);
    await waitUntil(async () => (await connectedIn('near')) === PLAYERS);
    await recordSnapshot();

    const stopOthers = playRepeatedly();
    const drainedAtMs = performance.now();
    const { operations } = fleet.broker(1).broker;
    const target = { region: 'near', pool: null, hostId: null };
    const order = {
      target,
      mode: 'move',
      atDeadline: 'end',
      deadlineMs: 600_000,
      yesEverything: false,
    } as const;
    await operations.drain(order, { operatorId: 'ops', from: '127.0.0.1' });
    await waitUntil(async () => (await operations.drains())[0]?.state === 'done', 40_000);
    const tookMs = performance.now() - drainedAtMs;
    await stopOthers();
    const [drain] = await operations.drains();
    expect(drain?.progress).to.include({ moved: PLAYERS, ended: 0, staying: 0 });
    await waitUntil(async () => (await connectedIn('next')) === PLAYERS);
    await waitUntil(() => moving.players.every(({ answer }) => (answer as Session).region === 'next'));
    await waitUntil(async () => (await connectedIn('near')) === 0);
    await recordSnapshot();

    const gaps = moving.players.map(({ player }) => longestGapMs(framesOf(player), drainedAtMs));
    const sorted = gaps.toSorted((a, b) => a - b).map(Math.round);
    const figures = {
      movedInMs: Math.round(tookMs),
      interruptedMs: { median: sorted[PLAYERS / 2], max: sorted.at(-1) },
    };
    process.stdout.write(
      `    ${JSON.stringify({ scenario: 'region moved away', sessions: PLAYERS, ...figures })}\n`,
    );
    expect(sorted.at(-1)).to.be.below(INTERRUPTED_MS);
    expect(recorder.events.filter(({ type }) => type === 'began')).to.have.length(PLAYERS);
    expect(endsOf('moving')).to.deep.equal([]);
    expect(endsOf('other')).to.have.length.above(OTHERS);
    await moving.leaveAll();
    await waitUntil(async () => (await connectedIn('next')) === 0);
    await recordSnapshot();
    const violations = checkHistory(recorder.events, { bounds: { heartbeatIntervalMs: 500 } });
    expect(violations, describeViolations(violations.slice(0, 10))).to.deep.equal([]);
    for (const { stats } of hosts) expect(stats.overbooked).to.equal(0);
  });

  function framesOf(player: string): EventOf<'frame-received'>[] {
    return recorder.events.filter(
      (event): event is EventOf<'frame-received'> =>
        event.type === 'frame-received' && event.player === player,
    );
  }

  /** The ends that were reported to the players of this group. */
  function endsOf(name: string): EventOf<'session-ended'>[] {
    return recorder.events.filter(
      (event): event is EventOf<'session-ended'> =>
        event.type === 'session-ended' && event.player.startsWith(name),
    );
  }
});

/** The longest time between two of these frames, counting from this moment. */
function longestGapMs(frames: readonly EventOf<'frame-received'>[], sinceMs: number): number {
  const times = frames.map(({ atMs }) => atMs).filter((atMs) => atMs >= sinceMs);
  return times.slice(1).reduce((longest, atMs, i) => Math.max(longest, atMs - times[i]!), 0);
}
