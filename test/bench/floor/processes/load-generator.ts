/** The process of the simulated players and hosts: it opens and drives them on request of its parent. */
import { serveRequests } from './process-requests.js';
import { LeanHost } from '../load/lean-host.js';
import { LeanPlayer } from '../load/lean-player.js';
import { MatchLoad, type LoadOutcome } from '../load/match-load.js';

/** A fleet of hosts and players, on one server or spread over several. */
export interface FleetOrder {
  readonly fleet: string;
  /** `ws://host:port` of each server. */
  readonly urls: readonly string[];
  readonly hosts: number;
  readonly slots: number;
  readonly players: number;
}

/** Order to put load on a fleet. */
export interface LoadOrder {
  readonly fleet: string;
  /** Matches in flight; with `perSecond` the limit of matches in flight. */
  readonly inFlight: number;
  /** Rate of an open loop; absent for a closed loop, in which each match is followed by another at once. */
  readonly perSecond?: number;
  readonly forMs: number;
}

/** Order to open idle clients. */
export interface IdleOrder {
  readonly url: string;
  readonly players: number;
  readonly expectsWelcome: boolean;
}

/** Order to open hosts that only send heartbeats. */
export interface HeartbeatOrder {
  readonly url: string;
  /** Hosts are assigned to these in turn. */
  readonly regionPools: readonly { readonly region: string; readonly pool: string }[];
  readonly hosts: number;
  /** Sessions that each host lists in a heartbeat. */
  readonly sessions: number;
}

const HEARTBEAT_INTERVAL_MS = 2_000;
/** Connections that are opened at the same time. */
const WAVE = 50;
const REGION_POOL = { region: 'near', pool: 'console-x' };

const fleets = new Map<string, MatchLoad>();
const idle: LeanPlayer[] = [];
const failures: string[] = [];
let opened = 0;
let heartbeats = 0;

function onFailure(what: string): void {
  if (failures.length < 20) failures.push(what);
}

/** @throws Error with all failures since the last check: a measurement with failures is invalid */
function checkFailures(): void {
  const found = failures.splice(0);
  if (found.length > 0)
    throw new Error(`The measurement is invalid, because players or hosts failed:\n${found.join('\n')}`);
}

serveRequests(
  {
    async openFleet({ fleet, urls, hosts, slots, players }: FleetOrder): Promise<void> {
      const urlOf = (i: number): string => urls[i % urls.length] ?? '';
      const opening = numbers(hosts).map((i) => {
        return new LeanHost({ url: urlOf(i), hostId: `host-${i}`, ...REGION_POOL, slots, onFailure });
      });
      await inWaves(opening, (host) => host.register());
      startHeartbeats(opening);
      const load = new MatchLoad(opening);
      const byId = new Map(opening.map((host) => [host.hostId, host]));
      const entering = await inWaves(numbers(players), async (i) => {
        const playerId = `player-${String(i).padStart(6, '0')}`;
        const player = new LeanPlayer({ url: urlOf(i), playerId, hosts: byId, listener: load, onFailure });
        await player.enter();
        return player;
      });
      load.use(entering);
      fleets.set(fleet, load);
      checkFailures();
    },

    async load({ fleet, inFlight, perSecond, forMs }: LoadOrder): Promise<LoadOutcome> {
      const load = fleets.get(fleet);
      if (load === undefined) throw new Error(`The fleet ${fleet} was not opened.`);
      try {
        return await (perSecond === undefined
          ? load.runClosedLoop(inFlight, forMs)
          : load.runAtRate(perSecond, inFlight, forMs));
      } finally {
        checkFailures();
      }
    },

    async openIdle({ url, players, expectsWelcome }: IdleOrder): Promise<void> {
      await inWaves(numbers(players), async () => {
        opened += 1;
        const listener = { matched: onNothing, over: onNothing, wentBack: onNothing };
        const player = new LeanPlayer({
          url,
          playerId: `player-${opened}`,
          hosts: new Map(),
          listener,
          onFailure,
        });
        await player.enter(expectsWelcome);
        idle.push(player);
      });
      checkFailures();
    },

    cutIdle(): void {
      for (const { socket } of idle.splice(0)) socket.cut();
    },

    async openHeartbeatFleet({ url, regionPools, hosts, sessions }: HeartbeatOrder): Promise<void> {
      const beating = await inWaves(numbers(hosts), async (i) => {
        const regionPool = regionPools[i % regionPools.length] ?? REGION_POOL;
        const hostId = `host-${i}`;
        const slots = Math.max(8, sessions * 2);
        const sessionIds = numbers(sessions).map((n) => sessionIdOf(i * sessions + n));
        const held = { slots, sessionIds, isLoaded: true };
        const host = new LeanHost({ url, hostId, ...regionPool, ...held, onFailure });
        await host.register();
        // Started at once: otherwise the first hosts would be lost before the last ones are registered.
        startHeartbeats([host]);
        return host;
      });
      if (beating.length !== hosts) throw new Error(`Only ${beating.length} of ${hosts} hosts registered.`);
      checkFailures();
    },

    /** Heartbeats since the start of this process. */
    countHeartbeats: () => heartbeats,

    checkFailures,
  },
  { keepsUp: true },
);

function startHeartbeats(hosts: readonly LeanHost[]): void {
  for (const host of hosts) {
    const send = (): void => {
      heartbeats += 1;
      host.sendHeartbeat();
    };
    setTimeout(() => setInterval(send, HEARTBEAT_INTERVAL_MS), Math.random() * HEARTBEAT_INTERVAL_MS);
  }
}

function sessionIdOf(number: number): string {
  return `019a0000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

async function inWaves<Item, Result>(
  items: readonly Item[],
  run: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += WAVE) {
    results.push(...(await Promise.all(items.slice(from, from + WAVE).map(run))));
  }
  return results;
}

function onNothing(): void {
  // Idle players have no matches.
}
