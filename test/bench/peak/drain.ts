import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, type Client, type Session } from '@duskline/client/node';
import {
  createSimulatedHost,
  createStreamServer,
  watchStream,
  type SimulatedHost,
  type StreamServer,
  type StreamViewer,
} from '@duskline/host/simulated';
import type { DrainReport } from '@duskline/server/broker/drain/drain-orders.js';
import type { MoveEntry } from '@duskline/server/domain/move-entry.js';
import { startBrokerProcess, type BrokerProcess } from '../../support/processes/broker-process.js';
import { testToken } from '../../support/fleet/test-broker.js';
import { startRedisServer } from '../../support/redis/redis-server.js';
import { benchConfig } from './bench-fleet.js';

const SLOTS = 20;
const MOVABLE_SHARE = 0.7;
const FRAME_INTERVAL_MS = 500;
/** A player notices. */
const INTERRUPTION_MS = 2_000;

export interface DrainResult {
  readonly sessions: number;
  readonly movable: number;
  readonly deadlineMs: number;
  /** From the order until none was left that could be moved. */
  readonly movableDoneMs: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Players whose stream stood still for longer than two seconds, of those who were moved. */
  readonly interruptedOver2s: number;
  /** The longest that any of those saw no picture, in milliseconds; pictures come every half second. */
  readonly longestGapMs: number;
  /** How long a move took, from the order to the arrival, in milliseconds. */
  readonly moveMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Sessions that ended for another reason than the drain's deadline, and those whose count went back. */
  readonly lost: number;
  /** Why sessions ended, and how many counts went back. */
  readonly ends: Readonly<Record<string, number>>;
}

/** A region is drained in mode `move`, with a deadline, while everybody plays: two broker processes on Redis. */
export async function measureDrain(
  sessions: number,
  deadlineMs: number,
  say: (text: string) => void,
): Promise<DrainResult> {
  const directory = await mkdtemp(join(tmpdir(), 'duskline-bench-'));
  const file = join(directory, 'duskline.yaml');
  await writeFile(file, benchConfig(['old', 'new']).replace('log: { level: error }', ''));
  const redis = await startRedisServer();
  const args = ['--config', file, '--redis', redis.url, '--log-level', 'info'];
  const brokers = [await startBrokerProcess(args), await startBrokerProcess(args)];
  const streams = await createStreamServer({ frameIntervalMs: FRAME_INTERVAL_MS });
  const players: DrainPlayer[] = [];
  const hosts: SimulatedHost[] = [];
  try {
    const urls = brokers.map(({ url }) => url.replace('http', 'ws'));
    // With room to spare, so that nobody is sent away from the region before the drain.
    const perRegion = Math.ceil(sessions / SLOTS / 0.7);
    hosts.push(...openHosts(urls, streams, 'old', perRegion), ...openHosts(urls, streams, 'new', perRegion));
    await Promise.all(hosts.map(({ host }) => host.whenRegistered()));
    say(`${sessions} players come`);
    for (let i = 0; i < sessions; i += 1) players.push(new DrainPlayer(urls, i));
    await inGroups(players, 50, (player) => player.play());
    const movable = hosts
      .flatMap(({ host }) => host.sessions())
      .filter(({ sessionId }) => isMovable(sessionId));
    // Brokers hear of who is movable with the next heartbeats.
    await delay(3_000);
    say(`the region is drained: ${movable.length} of ${sessions} sessions can be moved`);
    const orderedAtMs = performance.now();
    await post(brokers[0]!, { target: { region: 'old' }, deadlineMs, mode: 'move', atDeadline: 'end' });
    const movableDoneMs = await untilMoved(hosts, orderedAtMs, deadlineMs);
    say(`all that could be moved are, after ${movableDoneMs} ms; the rest is waited for until the deadline`);
    const done = await untilDone(brokers[0]!, orderedAtMs + deadlineMs + 15_000);
    await delay(2 * FRAME_INTERVAL_MS);
    const moves = await latestMoves(brokers[0]!);
    return {
      sessions,
      movable: movable.length,
      deadlineMs,
      movableDoneMs,
      outcomes: done.progress,
      ...judge(players),
      moveMs: spread(moves.filter(({ outcome }) => outcome === 'moved').map(({ tookMs }) => tookMs)),
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

/** The same for a session wherever it is: hosts say of so many that they may be moved. */
function isMovable(sessionId: string): boolean {
  return Number.parseInt(sessionId.slice(-8), 16) % 100 < MOVABLE_SHARE * 100;
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

class DrainPlayer {
  readonly client: Client;
  #session: Session | undefined;
  #viewer: StreamViewer | undefined;
  #frameAtMs = 0;
  #count = 0;
  longestGapMs = 0;
  wentBack = false;
  moved = false;
  reason: string | undefined;

  constructor(urls: readonly string[], number: number) {
    this.client = createClient({
      url: number % 2 === 0 ? urls : [...urls].reverse(),
      token: testToken({ kind: 'player', playerId: `p${number}` }),
      device: { kind: 'console', codecs: ['hevc'], maxResolution: '1080p' },
    });
  }

  async play(): Promise<void> {
    const session = await this.client.play({
      title: 'drift',
      rtt: { old: 10, new: 50 },
      onMove: async ({ host, ticket }) => {
        const before = this.#viewer;
        const after = await this.#watch(host.endpoint, ticket);
        session.on('moved', () => {
          this.moved = true;
          this.#viewer = after;
          before?.drop();
        });
      },
    });
    this.#session = session;
    void session.ended.then((reason) => (this.reason = reason));
    this.#viewer = await this.#watch(session.host.endpoint, session.ticket);
  }

  get playing(): boolean {
    return this.#session !== undefined && this.reason === undefined;
  }

  /** Resolves when the host lets it in. */
  #watch(endpoint: string, ticket: string): Promise<StreamViewer> {
    return new Promise((resolve, reject) => {
      const viewer = watchStream(endpoint, ticket, {
        admitted: () => resolve(viewer),
        frame: (_, count) => this.#see(count),
        closed: (why) => reject(new Error(why)),
      });
    });
  }

  #see(count: number): void {
    const nowMs = performance.now();
    if (this.#frameAtMs > 0) this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#frameAtMs);
    if (count <= this.#count) {
      this.wentBack = true;
      if (process.env['DBG']) console.error('BACK', this.#session?.sessionId, this.#count, count, this.moved);
    }
    this.#frameAtMs = nowMs;
    this.#count = count;
  }
}

function judge(
  players: readonly DrainPlayer[],
): Pick<DrainResult, 'interruptedOver2s' | 'longestGapMs' | 'lost' | 'ends'> {
  const ends: Record<string, number> = {};
  for (const { reason, wentBack } of players) {
    if (reason !== undefined) ends[reason] = (ends[reason] ?? 0) + 1;
    if (wentBack) ends['count went back'] = (ends['count went back'] ?? 0) + 1;
  }
  const moved = players.filter((player) => player.moved);
  const isLost = ({ reason, wentBack }: DrainPlayer): boolean =>
    wentBack || (reason !== undefined && reason !== 'drain_deadline');
  return {
    interruptedOver2s: moved.filter(({ longestGapMs }) => longestGapMs > INTERRUPTION_MS).length,
    longestGapMs: Math.round(Math.max(0, ...moved.map(({ longestGapMs }) => longestGapMs))),
    lost: players.filter(isLost).length,
    ends,
  };
}

/** @returns how long after the order no host of the region held a session any more that could be moved */
async function untilMoved(
  hosts: readonly SimulatedHost[],
  orderedAtMs: number,
  deadlineMs: number,
): Promise<number> {
  const old = hosts.filter(({ hostId }) => hostId.startsWith('old'));
  while (performance.now() - orderedAtMs < deadlineMs) {
    const left = old.flatMap(({ host }) => host.sessions()).filter(({ sessionId }) => isMovable(sessionId));
    if (left.length === 0) break;
    await delay(20);
  }
  return Math.round(performance.now() - orderedAtMs);
}

async function untilDone(broker: BrokerProcess, untilMs: number): Promise<DrainReport> {
  for (;;) {
    const { drains } = await get<{ drains: DrainReport[] }>(broker, '/v1/drains');
    const [drain] = drains;
    if (drain === undefined) throw new Error('the drain is gone');
    if (drain.state !== 'running' || performance.now() > untilMs) return drain;
    await delay(500);
  }
}

async function latestMoves(broker: BrokerProcess): Promise<MoveEntry[]> {
  return (await get<{ moves: MoveEntry[] }>(broker, '/v1/moves?limit=1000')).moves;
}

const OPERATOR = {
  authorization: `Bearer ${testToken({ kind: 'operator', operatorId: 'bench', scopes: ['ops:read', 'ops:write'] })}`,
};

async function get<Answer>(broker: BrokerProcess, path: string): Promise<Answer> {
  const response = await fetch(broker.url + path, { headers: OPERATOR });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Answer;
}

async function post(broker: BrokerProcess, body: object): Promise<void> {
  const headers = { ...OPERATOR, 'content-type': 'application/json' };
  const response = await fetch(`${broker.url}/v1/drains`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`drain: ${response.status} ${await response.text()}`);
}

async function inGroups<T>(
  items: readonly T[],
  size: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  for (let i = 0; i < items.length; i += size) await Promise.all(items.slice(i, i + size).map(act));
}

function spread(values: readonly number[]): DrainResult['moveMs'] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 };
}
