/** The process of players and hosts: opens them, and drives them as its parent asks. */
import { serveRequests } from './process-requests.js';
import { LeanHost } from '../load/lean-host.js';
import { LeanPlayer } from '../load/lean-player.js';
import { MatchLoad, type LoadOutcome } from '../load/match-load.js';

/** A fleet of hosts and its players, at one server or spread over several. */
export interface FleetOrder {
  readonly fleet: string;
  /** `ws://host:port` of each server. */
  readonly urls: readonly string[];
  readonly hosts: number;
  readonly slots: number;
  readonly players: number;
}

export interface LoadOrder {
  readonly fleet: string;
  /** Matches at a time; with `perSecond`, at the most. */
  readonly inFlight: number;
  /** In an open loop; else each match is followed by another at once. */
  readonly perSecond?: number;
  readonly forMs: number;
}

export interface IdleOrder {
  readonly url: string;
  readonly players: number;
  readonly expectsWelcome: boolean;
}

export interface BeatOrder {
  readonly url: string;
  /** Hosts are spread over these, in turn. */
  readonly places: readonly { readonly region: string; readonly pool: string }[];
  readonly hosts: number;
  /** Sessions that each host lists. */
  readonly sessions: number;
}

const BEAT_INTERVAL_MS = 2_000;
/** Connections under way at a time. */
const WAVE = 50;
const PLACE = { region: 'near', pool: 'console-x' };

const fleets = new Map<string, MatchLoad>();
const idle: LeanPlayer[] = [];
const troubles: string[] = [];
let opened = 0;
let beats = 0;

function onTrouble(what: string): void {
  if (troubles.length < 20) troubles.push(what);
}

/** What went wrong since it was asked last: a measurement with troubles is none. */
function checkTroubles(): void {
  const found = troubles.splice(0);
  if (found.length > 0) throw new Error(`the load did not run as it should:\n${found.join('\n')}`);
}

serveRequests(
  {
    async openFleet({ fleet, urls, hosts, slots, players }: FleetOrder): Promise<void> {
      const urlOf = (i: number): string => urls[i % urls.length] ?? '';
      const opening = numbers(hosts).map((i) => {
        return new LeanHost({ url: urlOf(i), hostId: `host-${i}`, ...PLACE, slots, onTrouble });
      });
      await inWaves(opening, (host) => host.register());
      keepBeating(opening);
      const load = new MatchLoad(opening);
      const byId = new Map(opening.map((host) => [host.hostId, host]));
      const entering = await inWaves(numbers(players), async (i) => {
        const playerId = `player-${String(i).padStart(6, '0')}`;
        const player = new LeanPlayer({ url: urlOf(i), playerId, hosts: byId, listener: load, onTrouble });
        await player.enter();
        return player;
      });
      load.use(entering);
      fleets.set(fleet, load);
      checkTroubles();
    },

    async load({ fleet, inFlight, perSecond, forMs }: LoadOrder): Promise<LoadOutcome> {
      const load = fleets.get(fleet);
      if (load === undefined) throw new Error(`no fleet ${fleet}`);
      try {
        return await (perSecond === undefined
          ? load.runClosedLoop(inFlight, forMs)
          : load.runAtRate(perSecond, inFlight, forMs));
      } finally {
        checkTroubles();
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
          onTrouble,
        });
        await player.enter(expectsWelcome);
        idle.push(player);
      });
      checkTroubles();
    },

    cutIdle(): void {
      for (const { socket } of idle.splice(0)) socket.cut();
    },

    async openBeating({ url, places, hosts, sessions }: BeatOrder): Promise<void> {
      const beating = await inWaves(numbers(hosts), async (i) => {
        const place = places[i % places.length] ?? PLACE;
        const hostId = `host-${i}`;
        const slots = Math.max(8, sessions * 2);
        const sessionIds = numbers(sessions).map((n) => sessionIdOf(i * sessions + n));
        const held = { slots, sessionIds, isLoaded: true };
        const host = new LeanHost({ url, hostId, ...place, ...held, onTrouble });
        await host.register();
        // From now on, or the first are lost before the last are there.
        keepBeating([host]);
        return host;
      });
      if (beating.length !== hosts) throw new Error('not all hosts are there');
      checkTroubles();
    },

    /** Heartbeats since the start of this process. */
    countBeats: () => beats,

    checkTroubles,
  },
  { keepsUp: true },
);

function keepBeating(hosts: readonly LeanHost[]): void {
  for (const host of hosts) {
    const beat = (): void => {
      beats += 1;
      host.beat();
    };
    setTimeout(() => setInterval(beat, BEAT_INTERVAL_MS), Math.random() * BEAT_INTERVAL_MS);
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
  // Nobody plays.
}
