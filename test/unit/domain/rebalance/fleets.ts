import type { RegionPool } from '@duskline/server/domain/catalog.js';
import type {
  FleetSnapshot,
  HostSnapshot,
  Movability,
  RegionPoolOption,
  SessionSnapshot,
  WaitingPlayer,
} from '@duskline/server/domain/rebalance/snapshot/fleet-snapshot.js';
import fc from 'fast-check';

export const NOW_MS = 1_800_000_000_000;

export function regionPool(region: string, pool = 'pc'): RegionPool {
  return { region, pool };
}

/** Options by region, nearest first: 10 ms, 20 ms, ... */
export function options(...regions: string[]): RegionPoolOption[] {
  return regions.map((region, i) => ({ regionPool: regionPool(region), rttMs: 10 * (i + 1) }));
}

/** A fleet told host by host: a test's picture, built as a sentence. */
export class FleetStory {
  readonly hosts: HostSnapshot[] = [];
  readonly sessions: SessionSnapshot[] = [];
  readonly waiting: WaitingPlayer[] = [];

  /** @param committed slots taken by sessions that nobody can move, unless more is said by `session` */
  host(
    hostId: string,
    region: string,
    slots: number,
    committed: number,
    changes: Partial<HostSnapshot> = {},
  ): this {
    const load = changes.load ?? committed / slots;
    this.hosts.push({
      ...{ hostId, regionPool: regionPool(region), slots, committed, load, measuredLoad: load },
      congestion: Math.max(committed / slots, load),
      ...{
        heat: 'cool',
        state: 'ready',
        open: true,
        quarantined: false,
        outgoingMoves: 0,
        incomingMoves: 0,
        slotsBeingFreed: changes.outgoingMoves ?? 0,
      },
      ...changes,
    });
    return this;
  }

  /** Says that one of the host's committed slots is this session's. */
  session(
    sessionId: string,
    hostId: string,
    kind: Movability,
    regions: readonly string[],
    changes: Partial<SessionSnapshot> = {},
  ): this {
    const host = this.hosts.find((known) => known.hostId === hostId)!;
    const ownOptions = options(host.regionPool.region, ...regions);
    this.sessions.push({
      ...{ sessionId, hostId, regionPool: host.regionPool, kind, options: ownOptions, movedAtMs: null },
      ...changes,
    });
    return this;
  }

  waits(sessionId: string, ...regions: string[]): this {
    this.waiting.push({ sessionId, options: options(...regions) });
    return this;
  }

  get picture(): FleetSnapshot {
    const { hosts, sessions, waiting } = this;
    return { nowMs: NOW_MS, hosts, sessions, waiting, storeIsRecovering: false };
  }
}

/** How large random fleets are, and how unwell. */
export interface FleetShape {
  readonly regionPools: number;
  readonly hostsPerPlace: number;
  readonly slots: readonly number[];
  readonly waiting: number;
  /** How many places a player can be served in, at most. */
  readonly reach: number;
  /** Whether hosts may be hot, closed, suspect or quarantined, and sessions cooling down. */
  readonly troubled: boolean;
}

/** Numbers from 0 on, below 1 (mulberry32, by Tommy Ettinger). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A fleet by lot, with far more full hosts than real ones have. */
export function randomFleet(seed: number, shape: FleetShape): FleetSnapshot {
  const random = randomNumbers(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const chance = (share: number): boolean => random() < share;
  const trouble = (share: number): boolean => shape.troubled && chance(share);
  const regions = Array.from({ length: shape.regionPools }, (_, i) => `r${i}`);
  const reachFrom = (home: number): string[] => {
    const reached = new Set([home]);
    for (let i = below(shape.reach); i > 0; i -= 1)
      reached.add((home + 1 + below(shape.regionPools)) % shape.regionPools);
    return [...reached].map((number) => regions[number]!);
  };
  const story = new FleetStory();
  let count = 0;
  regions.forEach((region, home) => {
    const fullness = random();
    for (let i = 1 + below(shape.hostsPerPlace); i > 0; i -= 1) {
      const hostId = `h${story.hosts.length}`;
      const slots = shape.slots[below(shape.slots.length)]!;
      const committed = Array.from({ length: slots }).filter(() => fullness > 0.4 || chance(0.5)).length;
      const load = trouble(0.2) ? 0.85 + random() * 0.4 : (committed / slots) * random();
      const hot = trouble(0.5) && load > 0.8;
      const heat = trouble(0.1) ? 'excluded' : hot ? 'hot' : 'cool';
      story.host(hostId, region, slots, committed, {
        load,
        heat,
        state: trouble(0.1) ? 'suspect' : 'ready',
        open: !trouble(0.1),
        quarantined: trouble(0.1),
      });
      for (let session = 0; session < committed; session += 1) {
        const kind = chance(0.25) ? 'unclaimed' : chance(0.7) ? 'movable' : 'fixed';
        story.session(`s${(count += 1)}`, hostId, kind, reachFrom(home).slice(1), {
          movedAtMs: trouble(0.2) ? NOW_MS - below(1_200_000) : null,
        });
      }
    }
  });
  for (let i = below(shape.waiting + 1); i > 0; i -= 1) {
    story.waits(`w${i}`, ...reachFrom(below(shape.regionPools)));
  }
  return story.picture;
}

export function fleetOf(shape: FleetShape): fc.Arbitrary<FleetSnapshot> {
  return fc.integer().map((seed) => randomFleet(seed, shape));
}
