import { setTimeout as delay } from 'node:timers/promises';
import type { Host } from '@duskline/host';
import { bestAssignment, type Assignment, type RegionRequest } from './assignment.js';
import { BenchPlayer, benchConfig, openBenchHost, startBenchBroker } from './bench-fleet.js';
import { seeded } from './random.js';

const REGIONS = ['peak', 'west', 'east', 'south'] as const;
const SLOTS_PER_HOST = 8;
/** Share of the capacity of each other region that its own players use. */
const NEIGHBOURS_USE = 0.5;
/** Demand of the peak region divided by its capacity. */
const DEMAND = 1.3;
/** Share of the players of the peak region that no other region may serve. */
const BOUND_SHARE = 0.72;

export interface SpillOutcome {
  readonly served: number;
  readonly waiting: number;
  readonly refused: number;
  readonly meanRttMs: number;
  readonly moves: number;
  readonly failedMoves: number;
  /** From the last arrival to the last change. */
  readonly settledMs: number;
}

export interface SpillResult {
  readonly players: number;
  readonly slots: number;
  readonly optimum: Assignment;
  readonly servedOverOptimum: number;
  readonly meanRttOverOptimum: number;
  readonly moves: number;
  readonly off: SpillOutcome;
  readonly on: SpillOutcome;
}

/** Four regions: one with more players than slots, the others half full. */
export async function measureSpill(
  hostsPerRegion: number,
  say: (text: string) => void,
): Promise<SpillResult> {
  const slots = hostsPerRegion * SLOTS_PER_HOST;
  const wishes = drawPlayers(slots);
  const capacity = Object.fromEntries(REGIONS.map((region) => [region, slots]));
  const optimum = bestAssignment(wishes, capacity);
  say('rebalancing off');
  const off = await play(wishes, hostsPerRegion, false);
  say('rebalancing on');
  const on = await play(wishes, hostsPerRegion, true);
  return {
    players: wishes.length,
    slots: slots * REGIONS.length,
    optimum,
    servedOverOptimum: on.served / optimum.served,
    meanRttOverOptimum: on.meanRttMs / optimum.meanRttMs,
    moves: on.moves,
    off,
    on,
  };
}

/** Draws the same players in the same order in every run. */
function drawPlayers(slots: number): RegionRequest[] {
  const random = seeded(21);
  const near = (): number => Math.round(8 + random() * 17);
  const far = (): number => Math.round(30 + random() * 28);
  const neighbours = REGIONS.slice(1);
  const wishes: RegionRequest[] = [];
  for (const home of neighbours) {
    for (let i = 0; i < slots * NEIGHBOURS_USE; i += 1) {
      // Some of these players may use a second region, so that freeing a slot can need a chain of two moves.
      const other = neighbours[Math.floor(random() * neighbours.length)] ?? home;
      const rtt = random() < 0.3 && other !== home ? { [home]: near(), [other]: far() } : { [home]: near() };
      wishes.push({ rtt });
    }
  }
  const atPeak: RegionRequest[] = [];
  for (let i = 0; i < slots * DEMAND; i += 1) {
    const isBound = random() < BOUND_SHARE;
    const other = neighbours[Math.floor(random() * neighbours.length)] ?? 'west';
    atPeak.push({ rtt: isBound ? { peak: near() } : { peak: near(), [other]: far() } });
  }
  return [...wishes, ...atPeak];
}

async function play(
  wishes: readonly RegionRequest[],
  hostsPerRegion: number,
  rebalances: boolean,
): Promise<SpillOutcome> {
  // The bench compresses hours into a minute, so the hourly move limit is raised accordingly.
  const rebalance = `{ enabled: ${rebalances}, movesPerSessionHour: 60 }`;
  const broker = await startBenchBroker(benchConfig(REGIONS, { rebalance }));
  const url = broker.url.replace('http', 'ws');
  const hosts = new Map<string, Host>();
  for (const region of REGIONS) {
    for (let i = 0; i < hostsPerRegion; i += 1) {
      const hostId = `${region}-${i}`;
      const load = (): number => (hosts.get(hostId)?.sessions().length ?? 0) * (0.65 / SLOTS_PER_HOST);
      hosts.set(hostId, openBenchHost({ url, region, hostId, slots: SLOTS_PER_HOST, load }));
    }
  }
  await Promise.all([...hosts.values()].map((host) => host.whenRegistered()));
  const players = wishes.map((_, i) => new BenchPlayer(url, `p${i}`, hosts));
  await Promise.all(players.map(({ client }) => client.connect()));
  let refused = 0;
  for (const [i, player] of players.entries()) {
    const { rtt } = wishes[i]!;
    player.play({ ...rtt }).catch(() => (refused += 1));
    // About a hundred arrivals a second.
    await delay(10);
  }
  const lastArrivalMs = performance.now();
  const settledAtMs = await untilSettled(players, async () => broker.broker.operations.moves(100_000));
  const moves = await broker.broker.operations.moves(100_000);
  const sessions = players.flatMap(({ session }) => session ?? []);
  const sumMs = players.reduce(
    (sum, { session }, i) => sum + (session ? wishes[i]!.rtt[session.region]! : 0),
    0,
  );
  const outcome = {
    served: sessions.length,
    waiting: players.length - sessions.length - refused,
    refused,
    meanRttMs: sumMs / sessions.length,
    moves: moves.filter((move) => move.outcome === 'moved').length,
    failedMoves: moves.filter((move) => move.outcome === 'failed').length,
    settledMs: Math.round(settledAtMs - lastArrivalMs),
  };
  await Promise.all(players.map(({ client }) => client.close()));
  await Promise.all([...hosts.values()].map((host) => host.leave()));
  await broker.stop();
  return outcome;
}

const QUIET_MS = 8_000;
const AT_MOST_MS = 120_000;

/** Waits until nothing has changed for `QUIET_MS`. Returns the time of the last change. */
async function untilSettled(
  players: readonly BenchPlayer[],
  moves: () => Promise<readonly unknown[]>,
): Promise<number> {
  const startedAt = performance.now();
  let changedAt = startedAt;
  let before = '';
  while (performance.now() - changedAt < QUIET_MS && performance.now() - startedAt < AT_MOST_MS) {
    const served = players.filter(({ session }) => session !== undefined).length;
    const now = `${served} ${(await moves()).length}`;
    if (now !== before) changedAt = performance.now();
    before = now;
    await delay(200);
  }
  return changedAt;
}
