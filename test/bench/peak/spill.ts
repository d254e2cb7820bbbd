import { setTimeout as delay } from 'node:timers/promises';
import type { Host } from '@duskline/host';
import type { MoveEntry } from '@duskline/server/domain/move-entry.js';
import { bestAssignment, type Assignment, type RegionRequest } from './assignment.js';
import { BenchPlayer, benchConfig, openBenchHost, startBenchBroker } from './bench-fleet.js';
import { seeded } from './random.js';
import { reportProgress } from '../progress.js';

const REGIONS = ['peak', 'west', 'east', 'south'] as const;
const SLOTS_PER_HOST = 8;
/** Players of each other region, divided by its slots. */
const NEIGHBOUR_DEMAND = 0.5;
/** Players of the peak region, divided by its slots. */
const PEAK_DEMAND = 1.3;
/** Share of the players of the peak region that can play only there. */
const ONLY_PEAK_SHARE = 0.72;
/** About a hundred players request a session per second. */
const ARRIVAL_INTERVAL_MS = 10;

const QUIET_MS = 8_000;
const DEADLINE_MS = 120_000;
const POLL_INTERVAL_MS = 200;
const MOST_MOVES = 100_000;

export interface SpillOutcome {
  readonly served: number;
  readonly waiting: number;
  readonly refused: number;
  readonly meanRttMs: number;
  readonly moves: number;
  readonly failedMoves: number;
  /** From the last request to the last change of sessions or moves. */
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

/**
 * Measures how many players get a session when one region has more players than slots, and the three others are half full:
 * with rebalancing, without it, and in the optimal assignment.
 */
export async function measureSpill(hostsPerRegion: number): Promise<SpillResult> {
  const slots = hostsPerRegion * SLOTS_PER_HOST;
  const requests = drawRequests(slots);
  const capacity = Object.fromEntries(REGIONS.map((region) => [region, slots]));
  const optimum = bestAssignment(requests, capacity);
  const off = await playAll(requests, hostsPerRegion, false);
  const on = await playAll(requests, hostsPerRegion, true);
  return {
    players: requests.length,
    slots: slots * REGIONS.length,
    optimum,
    servedOverOptimum: on.served / optimum.served,
    meanRttOverOptimum: on.meanRttMs / optimum.meanRttMs,
    moves: on.moves,
    off,
    on,
  };
}

/** Draws the requests of all players in the order of their arrival, the same in every run. */
function drawRequests(slots: number): RegionRequest[] {
  const random = seeded(21);
  const near = (): number => Math.round(8 + random() * 17);
  const far = (): number => Math.round(30 + random() * 28);
  const neighbours = REGIONS.slice(1);
  const requests: RegionRequest[] = [];
  for (const home of neighbours) {
    for (let i = 0; i < slots * NEIGHBOUR_DEMAND; i += 1) {
      // Some of these players can use a second region, so that freeing a slot can need a chain of two moves.
      const other = neighbours[Math.floor(random() * neighbours.length)] ?? home;
      const rtt = random() < 0.3 && other !== home ? { [home]: near(), [other]: far() } : { [home]: near() };
      requests.push({ rtt });
    }
  }
  for (let i = 0; i < slots * PEAK_DEMAND; i += 1) {
    const onlyPeak = random() < ONLY_PEAK_SHARE;
    const other = neighbours[Math.floor(random() * neighbours.length)] ?? 'west';
    requests.push({ rtt: onlyPeak ? { peak: near() } : { peak: near(), [other]: far() } });
  }
  return requests;
}

async function playAll(
  requests: readonly RegionRequest[],
  hostsPerRegion: number,
  rebalances: boolean,
): Promise<SpillOutcome> {
  const phase = `spill: rebalancing ${rebalances ? 'on' : 'off'}`;
  // All players arrive within seconds instead of hours, so the number of moves per session and hour is raised accordingly.
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
  const players = requests.map((_, i) => new BenchPlayer(url, `p${i}`, hosts));
  await Promise.all(players.map(({ client }) => client.connect()));
  reportProgress(`${phase}, ${players.length} players request sessions`);
  let refused = 0;
  for (const [i, player] of players.entries()) {
    player.play({ ...requests[i]!.rtt }).catch(() => (refused += 1));
    await delay(ARRIVAL_INTERVAL_MS);
  }
  const lastRequestMs = performance.now();
  reportProgress(`${phase}, waiting until sessions and moves change no more`);
  const listMoves = async (): Promise<readonly MoveEntry[]> => broker.broker.operations.moves(MOST_MOVES);
  const settledAtMs = await waitUntilSettled(players, listMoves);
  const moves = await listMoves();
  const sessions = players.flatMap(({ session }) => session ?? []);
  const sumMs = players.reduce(
    (sum, { session }, i) => sum + (session ? requests[i]!.rtt[session.region]! : 0),
    0,
  );
  const outcome = {
    served: sessions.length,
    waiting: players.length - sessions.length - refused,
    refused,
    meanRttMs: sumMs / sessions.length,
    moves: moves.filter((move) => move.outcome === 'moved').length,
    failedMoves: moves.filter((move) => move.outcome === 'failed').length,
    settledMs: Math.round(settledAtMs - lastRequestMs),
  };
  await Promise.all(players.map(({ client }) => client.close()));
  await Promise.all([...hosts.values()].map((host) => host.leave()));
  await broker.stop();
  return outcome;
}

/** Waits until sessions and moves have not changed for `QUIET_MS`. Returns the time of the last change. */
async function waitUntilSettled(
  players: readonly BenchPlayer[],
  listMoves: () => Promise<readonly MoveEntry[]>,
): Promise<number> {
  const startedAtMs = performance.now();
  let changedAtMs = startedAtMs;
  let last = '';
  while (performance.now() - changedAtMs < QUIET_MS && performance.now() - startedAtMs < DEADLINE_MS) {
    const served = players.filter(({ session }) => session !== undefined).length;
    const current = `${served} ${(await listMoves()).length}`;
    if (current !== last) changedAtMs = performance.now();
    last = current;
    await delay(POLL_INTERVAL_MS);
  }
  return changedAtMs;
}
