import { addMs, toStoreMs } from '@duskline/server/domain/store-time.js';
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
import { createSeededRandom } from '../../../support/time/seeded-random.js';

export const NOW = toStoreMs(1_800_000_000_000);

/** The region pool of these tests in a region. */
export function regionPool(region: string, pool = 'pc'): RegionPool {
  return { region, pool };
}

/** Options of a session by region, the nearest first: 10 ms, 20 ms, ... */
export function options(...regions: string[]): RegionPoolOption[] {
  return regions.map((region, i) => ({ regionPool: regionPool(region), rttMs: 10 * (i + 1) }));
}

/** Builds a snapshot of a fleet host by host. */
export class SnapshotBuilder {
  readonly hosts: HostSnapshot[] = [];
  readonly sessions: SessionSnapshot[] = [];
  readonly waiting: WaitingPlayer[] = [];

  /** Adds a host. `committed` slots are used, by sessions that cannot move unless `session` names them. */
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

  /** Gives one of the used slots of the host to this session. */
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

  get snapshot(): FleetSnapshot {
    const { hosts, sessions, waiting } = this;
    return { nowMs: NOW, hosts, sessions, waiting, storeIsRecovering: false };
  }
}

/** Sizes and faults of random fleets. */
export interface FleetShape {
  readonly regionPools: number;
  readonly hostsPerRegionPool: number;
  readonly slots: readonly number[];
  readonly waiting: number;
  /** Upper bound of the number of regions in which a player can be served. */
  readonly reach: number;
  /** Whether hosts may be hot, closed, suspect or quarantined, and sessions may have moved recently. */
  readonly troubled: boolean;
}

/** A random fleet, with far more full hosts than real fleets have. */
export function randomFleet(seed: number, shape: FleetShape): FleetSnapshot {
  const random = createSeededRandom(seed).number;
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
  const fleet = new SnapshotBuilder();
  let count = 0;
  regions.forEach((region, home) => {
    const fullness = random();
    for (let i = 1 + below(shape.hostsPerRegionPool); i > 0; i -= 1) {
      const hostId = `h${fleet.hosts.length}`;
      const slots = shape.slots[below(shape.slots.length)]!;
      const committed = Array.from({ length: slots }).filter(() => fullness > 0.4 || chance(0.5)).length;
      const load = trouble(0.2) ? 0.85 + random() * 0.4 : (committed / slots) * random();
      const hot = trouble(0.5) && load > 0.8;
      const heat = trouble(0.1) ? 'excluded' : hot ? 'hot' : 'cool';
      fleet.host(hostId, region, slots, committed, {
        load,
        heat,
        state: trouble(0.1) ? 'suspect' : 'ready',
        open: !trouble(0.1),
        quarantined: trouble(0.1),
      });
      for (let session = 0; session < committed; session += 1) {
        const kind = chance(0.25) ? 'unclaimed' : chance(0.7) ? 'movable' : 'fixed';
        fleet.session(`s${(count += 1)}`, hostId, kind, reachFrom(home).slice(1), {
          movedAtMs: trouble(0.2) ? addMs(NOW, -below(1_200_000)) : null,
        });
      }
    }
  });
  for (let i = below(shape.waiting + 1); i > 0; i -= 1) {
    fleet.waits(`w${i}`, ...reachFrom(below(shape.regionPools)));
  }
  return fleet.snapshot;
}

/** Random fleets of this shape. */
export function fleetOf(shape: FleetShape): fc.Arbitrary<FleetSnapshot> {
  return fc.integer().map((seed) => randomFleet(seed, shape));
}
