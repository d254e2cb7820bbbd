import { setMaxListeners } from 'node:events';
import { DusklineError } from '@duskline/client/node';
import { createSeededRandom } from '@duskline/host/simulated';
import { expect } from 'chai';
import { waitUntil } from '../support/eventually.js';
import { pauseFor } from '../support/time/pacing.js';
import { startRedisServer, type RedisServer } from '../support/redis/redis-server.js';
import { createPlayerGroup, type PlayerGroup, type GroupPlayer } from '../support/recovery/player-group.js';
import { quantile } from './support/match-probe.js';
import { startChaosFleet, type ChaosFleet } from './support/chaos-fleet.js';

const PLAY = { title: 'starfall', rtt: { near: 12 } };
const HOSTS = 8;
const SLOTS = 20;
const WAITING = 100;
/** A session lasts so long on average: four slots become free a second. */
const MEAN_LENGTH_MS = 40_000;
/** What players are told rests on the ends of sessions that the brokers have seen so far: those of about 20 s. */
const WARM_UP_ENDS = 80;

/** What a waiting player was told, and when its turn came. */
interface Estimate {
  readonly position: number;
  readonly low: number;
  readonly high: number;
  readonly toldAtMs: number;
}

interface Outcome extends Estimate {
  readonly waitedMs: number;
}

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

  it('holds for most of them, while sessions end at a steady rate', async () => {
    const random = createSeededRandom(1);
    const over = new AbortController();
    setMaxListeners(0, over.signal);
    const ends: Promise<void>[] = [];
    let ended = 0;

    const playForRandomTime = (): Promise<void> =>
      pauseFor(-Math.log(1 - random()) * MEAN_LENGTH_MS, over.signal);

    /** Plays for a random time, and again, until the test is over. */
    const comeAndGo = async ({ client }: GroupPlayer): Promise<void> => {
      while (!over.signal.aborted) {
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
    ends.push(...playing.players.map(comeAndGo));
    await waitUntil(() => ended >= WARM_UP_ENDS, 2 * MEAN_LENGTH_MS);

    const waits = await Promise.all(
      waiting.players.map(async (player) => {
        const told: Estimate[] = [];
        const session = await player.client.play({
          ...PLAY,
          onQueued: ({ position, etaMs }) => {
            if (etaMs !== undefined) told.push({ position, ...etaMs, toldAtMs: performance.now() });
          },
        });
        const servedAtMs = performance.now();
        const hosted = fleet.admit(session);
        ends.push(playForRandomTime().then(() => void hosted.end('host_ended')));
        return told.map((estimate): Outcome => ({ ...estimate, waitedMs: servedAtMs - estimate.toldAtMs }));
      }),
    );
    over.abort();
    await Promise.all([playing.close(), ...ends]);

    const samples = waits.flat();
    expect(waits.filter((told) => told.length > 0)).to.have.length.above(WAITING * 0.9);
    const share = shareInside(samples);
    const firstShare = shareInside(waits.flatMap(([first]) => first ?? []));
    const errors = samples
      .map(({ low, high, waitedMs }) => Math.abs((low + high) / 2 - waitedMs) / Math.max(waitedMs, 1))
      .sort((a, b) => a - b);
    console.log(
      `      clients ${HOSTS * SLOTS + WAITING}, sessions ${HOSTS * SLOTS}, queued ${WAITING}; ` +
        `${samples.length} estimates, ${Math.round(100 * share)} % of waits inside [low, high] (${Math.round(100 * firstShare)} % of the first told), ` +
        `median relative error ${Math.round(100 * quantile(errors, 0.5))} %`,
    );
    expect(share).to.be.at.least(0.6);
    fleet.check();
  });
});
