import { setMaxListeners } from 'node:events';
import { DusklineError } from '@duskline/client/node';
import { createSeededRandom } from '@duskline/host/simulated';
import { expect } from 'chai';
import { waitUntil } from '../support/time/eventually.js';
import { pauseFor } from '../support/time/pacing.js';
import { startRedisServer, type RedisServer } from '../support/redis/redis-server.js';
import { createPlayerGroup, type PlayerGroup, type GroupPlayer } from '../support/recovery/player-group.js';
import { quantile } from './support/match-probe.js';
import { startChaosFleet, type ChaosFleet } from './support/chaos-fleet.js';

const PLAY = { title: 'starfall', rtt: { near: 12 } };
const HOSTS = 8;
const SLOTS = 20;
const WAITING = 100;
/** Mean length of a session, so that four slots become free per second. */
const MEAN_LENGTH_MS = 40_000;
/** Brokers estimate from the ends of sessions, so this number must end before players wait. It takes about 20 s. */
const WARM_UP_ENDS = 80;

/** Position and estimated wait that a player received. */
interface Estimate {
  readonly position: number;
  readonly low: number;
  readonly high: number;
  readonly receivedAtMs: number;
}

/** An estimate, and how long the player then waited. */
interface Outcome extends Estimate {
  readonly waitedMs: number;
}

/** Share of the waits that ended within the estimated range. */
function shareInside(outcomes: readonly Outcome[]): number {
  const inside = outcomes.filter(({ low, high, waitedMs }) => low <= waitedMs && waitedMs <= high);
  return inside.length / outcomes.length;
}

describe('The estimated wait of queued players', function () {
  this.timeout(120_000);
  let redis: RedisServer;
  let fleet: ChaosFleet;
  let playing: PlayerGroup;
  let waiting: PlayerGroup;
  beforeEach(async () => {
    redis = await startRedisServer();
    fleet = await startChaosFleet({ redis: { kind: 'single', url: redis.url }, frameIntervalMs: 0 });
    await fleet.addHosts({ count: HOSTS, slots: SLOTS });
    const { urls, recorder } = fleet;
    playing = createPlayerGroup({ urls, recorder, players: HOSTS * SLOTS, name: 'playing' });
    waiting = createPlayerGroup({ urls, recorder, players: WAITING, name: 'waiting' });
  });
  afterEach(async () => {
    await Promise.all([playing.close(), waiting.close()]);
    await fleet.stop();
    await redis.stop();
  });

  it('contains the real wait of most of them, while sessions end at a steady rate', async () => {
    const random = createSeededRandom(1);
    const stopped = new AbortController();
    setMaxListeners(0, stopped.signal);
    const ends: Promise<void>[] = [];
    let ended = 0;

    const playForRandomTime = (): Promise<void> =>
      pauseFor(-Math.log(1 - random()) * MEAN_LENGTH_MS, stopped.signal);

    /** Plays one session of random length after the other until the end of the test. */
    const playRepeatedly = async ({ client }: GroupPlayer): Promise<void> => {
      while (!stopped.signal.aborted) {
        const answer = await client.play(PLAY).catch((error: unknown) => error);
        if (answer instanceof DusklineError) return;
        const session = fleet.admit(client.sessions[0]!);
        await playForRandomTime();
        session.end('host_ended');
        ended += 1;
        await waitUntil(() => client.sessions.length === 0);
      }
    };

    await Promise.all([playing.connectAll(), waiting.connectAll()]);
    ends.push(...playing.players.map(playRepeatedly));
    await waitUntil(() => ended >= WARM_UP_ENDS, 2 * MEAN_LENGTH_MS);

    const waits = await Promise.all(
      waiting.players.map(async (player) => {
        const estimates: Estimate[] = [];
        const session = await player.client.play({
          ...PLAY,
          onQueued: ({ position, etaMs }) => {
            if (etaMs !== undefined) estimates.push({ position, ...etaMs, receivedAtMs: performance.now() });
          },
        });
        const servedAtMs = performance.now();
        const hosted = fleet.admit(session);
        ends.push(playForRandomTime().then(() => void hosted.end('host_ended')));
        return estimates.map((estimate): Outcome => ({
          ...estimate,
          waitedMs: servedAtMs - estimate.receivedAtMs,
        }));
      }),
    );
    stopped.abort();
    await Promise.all([playing.close(), ...ends]);

    const samples = waits.flat();
    expect(waits.filter((outcomes) => outcomes.length > 0)).to.have.length.above(WAITING * 0.9);
    const share = shareInside(samples);
    const firstShare = shareInside(waits.flatMap(([first]) => first ?? []));
    const errors = samples
      .map(({ low, high, waitedMs }) => Math.abs((low + high) / 2 - waitedMs) / Math.max(waitedMs, 1))
      .sort((a, b) => a - b);
    console.log(
      `      clients ${HOSTS * SLOTS + WAITING}, sessions ${HOSTS * SLOTS}, queued ${WAITING}; ` +
        `${samples.length} estimates, ${Math.round(100 * share)} % of waits inside [low, high] (${Math.round(100 * firstShare)} % of each player's first estimate), ` +
        `median relative error ${Math.round(100 * quantile(errors, 0.5))} %`,
    );
    expect(share).to.be.at.least(0.6);
    fleet.checkRun();
  });
});
