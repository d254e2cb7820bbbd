import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { eventually } from '../support/eventually.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { createSwarm, type Swarm } from '../support/swarm.js';
import { standInLine, type InLine } from './in-line.js';
import { quantile, startMatchProbe, type MatchProbe } from './match-probe.js';
import { startRecoveryFleet, type RecoveryFleet } from './recovery-fleet.js';

const PLAY = { title: 'starfall', rtt: { near: 12 } };
const HOSTS = 90;
const SLOTS = 20;
const SESSIONS = HOSTS * SLOTS;
const QUEUED = 200;
/** How long match times are measured before. */
const NORMAL_MS = 5_000;
const BIN_MS = 100;

describe('2,000 clients that lose their sockets in the same instant', function () {
  this.timeout(120_000);
  let redis: RedisServer;
  let fleet: RecoveryFleet;
  let playing: Swarm;
  let waiting: Swarm;
  let probe: MatchProbe;
  beforeEach(async () => {
    redis = await startRedisServer();
    fleet = await startRecoveryFleet({ redis: { kind: 'single', url: redis.url }, frameIntervalMs: 0 });
    await fleet.addHosts({ count: HOSTS, slots: SLOTS });
    const { urls, recorder } = fleet;
    playing = createSwarm({ urls, recorder, players: SESSIONS, name: 'playing' });
    waiting = createSwarm({ urls, recorder, players: QUEUED, name: 'waiting' });
    probe = startMatchProbe({ urls, region: 'next', players: 10, pauseMs: 50 });
  });
  afterEach(async () => {
    await Promise.all([playing.close(), waiting.close(), probe.stop()]);
    await fleet.stop();
    await redis.stop();
  });

  it('come back spread out, all to what they had', async () => {
    const { recorder } = fleet;
    await playing.connectAll();
    await playing.playAll(PLAY);
    for (const { client } of playing.players) fleet.admit(client.sessions[0]!);
    await waiting.connectAll();
    const lines = await Promise.all(waiting.players.map((player) => standInLine(player, PLAY)));
    await eventually(() => inSomeOrder(lines), 10_000);
    await eventually(() => fleet.agrees(), 10_000);
    await fleet.picture(true);
    const positions = lines.map(positionOf);
    const sessions = playing.players.map(({ client }) => client.sessions[0]!.sessionId);
    probe.take();
    await delay(NORMAL_MS);
    const normal = probe.take();

    const missing = new Set([...sessions, ...waiting.players.map(({ player }) => player)]);
    let looked = recorder.events.length;
    const bins = new Map<number, number>();
    const cutAtMs = performance.now();
    recorder.record({ type: 'fault', fault: 'sockets-cut', target: 'clients', lasts: false });
    expect(playing.cutAll() + waiting.cutAll()).to.equal(SESSIONS + QUEUED);
    await eventually(() => {
      for (; looked < recorder.events.length; looked += 1) {
        const event = recorder.events[looked]!;
        if (event.type === 'matched') missing.delete(event.sessionId);
        if (event.type === 'queued') missing.delete(event.player);
        if (event.type !== 'connected') continue;
        const bin = Math.floor((event.atMs - cutAtMs) / BIN_MS);
        bins.set(bin, (bins.get(bin) ?? 0) + 1);
      }
      return missing.size === 0;
    }, 30_000);
    const recoveredMs = performance.now() - cutAtMs;
    const during = probe.take();
    await eventually(() => fleet.agrees(), 10_000);
    await fleet.picture(true);

    expect(lines.map(positionOf)).to.deep.equal(positions);
    const peak = Math.max(...bins.values());
    expect(peak).to.be.below((SESSIONS + QUEUED) / 2);
    fleet.check();
    const oversold = fleet.hosts.reduce((sum, { stats }) => sum + stats.overbooked, 0);
    expect(oversold).to.equal(0);
    console.log(
      `      clients ${SESSIONS + QUEUED}, sessions ${SESSIONS}, queued ${QUEUED}; ` +
        `full recovery ${Math.round(recoveredMs)} ms, peak ${peak} reconnects per ${BIN_MS} ms; ` +
        `match time of others: normal p99 ${Math.round(quantile(normal, 0.99))} ms (${normal.length}), ` +
        `meanwhile ${Math.round(quantile(during, 0.99))} ms (${during.length}); ` +
        `sessions lost 0, double sales ${oversold}`,
    );
  });
});

function positionOf({ told }: InLine): number {
  return told.at(-1)?.position ?? 0;
}

/** Whether each place in the line is somebody's, as it is when everybody was told the latest. */
function inSomeOrder(lines: readonly InLine[]): boolean {
  return lines
    .map(positionOf)
    .sort((a, b) => a - b)
    .every((position, i) => position === i + 1);
}
