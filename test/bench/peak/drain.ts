import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createSimulatedHost,
  createStreamServer,
  type SimulatedHost,
  type StreamServer,
} from '@duskline/host/simulated';
import { startBrokerProcess } from '../../support/processes/broker-process.js';
import { testToken } from '../../support/fleet/test-broker.js';
import { startRedisServer } from '../../support/redis/redis-server.js';
import { reportProgress } from '../progress.js';
import { benchConfig } from './bench-fleet.js';
import { DrainPlayer } from './drain-player.js';
import { listMoves, orderDrain, waitForDrain } from './drain-requests.js';

const SLOTS = 20;
const MOVABLE_SHARE = 0.7;
/** Share of the slots that is used before the drain: low enough that no session is moved out of the region before. */
const UTILISATION = 0.7;
const FRAME_INTERVAL_MS = 500;
/** Hosts report with the next heartbeat which sessions are movable. */
const MOVABLE_REPORTED_MS = 3_000;
/** Time after the deadline in which the brokers end the remaining sessions. */
const END_MS = 15_000;
/** Players notice a longer interruption. */
const INTERRUPTION_MS = 2_000;
const CONCURRENT_PLAYERS = 50;

/** Effect of the drain on sessions and players. */
export interface DrainResult {
  readonly sessions: number;
  readonly movable: number;
  readonly deadlineMs: number;
  /** From the order until no movable session was left in the region. */
  readonly movableDoneMs: number;
  /** Sessions by outcome, as the drain reports them. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Moved players whose stream stopped for longer than two seconds. */
  readonly interruptedOver2s: number;
  /** Longest time without a frame for a moved player, in milliseconds. A frame is sent every half second. */
  readonly longestGapMs: number;
  /** Duration of a move from its order until the client is on the target host, in milliseconds. */
  readonly moveMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Sessions that ended for another reason than the deadline of the drain, or whose count went back. */
  readonly lost: number;
  /** Sessions by end reason, and how many counts went back. */
  readonly ends: Readonly<Record<string, number>>;
}

/** Drains a region in mode `move` while all its players play. The fleet has two broker processes on one Redis. */
export async function measureDrain(sessions: number, deadlineMs: number): Promise<DrainResult> {
  const directory = await mkdtemp(join(tmpdir(), 'duskline-bench-'));
  const file = join(directory, 'duskline.yaml');
  await writeFile(file, benchConfig(['old', 'new']).replace('log: { level: error }', ''));
  const redis = await startRedisServer();
  const args = ['--config', file, '--redis', redis.url, '--log-level', 'info'];
  const brokers = [await startBrokerProcess(args), await startBrokerProcess(args)] as const;
  const streams = await createStreamServer({ frameIntervalMs: FRAME_INTERVAL_MS });
  const players: DrainPlayer[] = [];
  const hosts: SimulatedHost[] = [];
  try {
    const urls = brokers.map(({ url }) => url.replace('http', 'ws'));
    const perRegion = Math.ceil(sessions / SLOTS / UTILISATION);
    hosts.push(...openHosts(urls, streams, 'old', perRegion), ...openHosts(urls, streams, 'new', perRegion));
    await Promise.all(hosts.map(({ host }) => host.whenRegistered()));
    reportProgress(`drain: ${sessions} players connect`);
    for (let i = 0; i < sessions; i += 1) players.push(new DrainPlayer(urls, i));
    await inGroups(players, CONCURRENT_PLAYERS, (player) => player.play());
    await delay(MOVABLE_REPORTED_MS);

    const movable = countMovable(hosts);
    reportProgress(`drain: the drain is ordered, ${movable} of ${sessions} sessions are movable`);
    const orderedAtMs = performance.now();
    await orderDrain(brokers[0], 'old', deadlineMs);
    const movableDoneMs = await waitForMoves(hosts, orderedAtMs, deadlineMs);
    reportProgress(
      `drain: all movable sessions have moved after ${movableDoneMs} ms; the others may stay until the deadline`,
    );
    const { progress } = await waitForDrain(brokers[0], orderedAtMs + deadlineMs + END_MS);
    await delay(2 * FRAME_INTERVAL_MS);
    const moves = await listMoves(brokers[0]);
    return {
      sessions,
      movable,
      deadlineMs,
      movableDoneMs,
      outcomes: progress,
      ...summarise(players),
      moveMs: percentiles(moves.filter(({ outcome }) => outcome === 'moved').map(({ tookMs }) => tookMs)),
    };
  } finally {
    await Promise.all(players.map((player) => player.client.close()));
    await Promise.all(hosts.map((host) => host.crash()));
    await streams.close();
    await Promise.all(brokers.map((broker) => broker.kill()));
    await redis.stop();
    await rm(directory, { recursive: true });
  }
}

/** True for `MOVABLE_SHARE` of the sessions. It depends on the session id only, so that it stays the same after a move. */
function isMovable(sessionId: string): boolean {
  return Number.parseInt(sessionId.slice(-8), 16) % 100 < MOVABLE_SHARE * 100;
}

function countMovable(hosts: readonly SimulatedHost[]): number {
  return hosts.flatMap(({ host }) => host.sessions()).filter(({ sessionId }) => isMovable(sessionId)).length;
}

function openHosts(
  urls: readonly string[],
  streams: StreamServer,
  region: string,
  count: number,
): SimulatedHost[] {
  return Array.from({ length: count }, (_, i) =>
    createSimulatedHost({
      url: i % 2 === 0 ? urls : [...urls].reverse(),
      token: testToken({ kind: 'host', region, pool: 'console-x' }),
      hostId: `${region}-${i}`,
      region,
      pool: 'console-x',
      slots: SLOTS,
      streams,
      movable: ({ sessionId }) => isMovable(sessionId),
    }),
  );
}

/** Returns the time from the order until no host of the region `old` has a movable session, in milliseconds. */
async function waitForMoves(
  hosts: readonly SimulatedHost[],
  orderedAtMs: number,
  deadlineMs: number,
): Promise<number> {
  const drained = hosts.filter(({ hostId }) => hostId.startsWith('old'));
  while (performance.now() - orderedAtMs < deadlineMs && countMovable(drained) > 0) await delay(20);
  return Math.round(performance.now() - orderedAtMs);
}

function summarise(
  players: readonly DrainPlayer[],
): Pick<DrainResult, 'interruptedOver2s' | 'longestGapMs' | 'lost' | 'ends'> {
  const ends: Record<string, number> = {};
  for (const { endReason, countWentBack } of players) {
    if (endReason !== undefined) ends[endReason] = (ends[endReason] ?? 0) + 1;
    if (countWentBack) ends['count went back'] = (ends['count went back'] ?? 0) + 1;
  }
  const gaps = players.filter(({ moved }) => moved).map(({ longestGapMs }) => longestGapMs);
  const isLost = ({ endReason, countWentBack }: DrainPlayer): boolean =>
    countWentBack || (endReason !== undefined && endReason !== 'drain_deadline');
  return {
    interruptedOver2s: gaps.filter((gapMs) => gapMs > INTERRUPTION_MS).length,
    longestGapMs: Math.round(Math.max(0, ...gaps)),
    lost: players.filter(isLost).length,
    ends,
  };
}

async function inGroups<T>(
  items: readonly T[],
  size: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  for (let i = 0; i < items.length; i += size) await Promise.all(items.slice(i, i + size).map(run));
}

function percentiles(values: readonly number[]): DrainResult['moveMs'] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 };
}
