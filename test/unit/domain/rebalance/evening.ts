import { addMs } from '@duskline/server/domain/store-time.js';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import type {
  FleetSnapshot,
  HostSnapshot,
  RegionPoolOption,
  SessionSnapshot,
  WaitingPlayer,
} from '@duskline/server/domain/rebalance/snapshot/fleet-snapshot.js';
import { createSeededRandom } from '../../../support/time/seeded-random.js';
import { NOW } from './fleets.js';

/** Sizes of the simulated fleet. */
export interface EveningShape {
  readonly regions: number;
  readonly pools: number;
  readonly hosts: number;
  readonly slotsPerHost: number;
  readonly waiting: number;
  /** Share of the hosts that are hot. */
  readonly hot: number;
  /** Whether every option has its own region pool object, as after decoding. */
  readonly ownObjects: boolean;
}

/** Distance per millisecond of RTT: light in glass travels 200 km per millisecond, and RTT counts both ways. */
const KM_PER_MS = 100;
const RING_KM = 40_000;

/**
 * A fleet of regions on a ring around the world, with evening in a third of them: regions are full there, and empty on the
 * other side. Players can use all regions within 60 ms, in one or two pools.
 */
export function evening(shape: EveningShape, seed = 1): FleetSnapshot {
  const random = createSeededRandom(seed).number;
  const pick = (limit: number): number => Math.floor(random() * limit);
  const regionPools: RegionPool[][] = Array.from({ length: shape.regions }, (_, region) =>
    Array.from({ length: shape.pools }, (_pool, pool) => ({
      region: `region-${region}`,
      pool: `pool-${pool}`,
    })),
  );
  const optionsAt = (homeKm: number): RegionPoolOption[] => {
    const pools = new Set([pick(shape.pools), pick(shape.pools)]);
    return regionPools.flatMap((inRegion, region) => {
      const km = Math.abs(homeKm - (region * RING_KM) / shape.regions);
      const rttMs = 8 + Math.min(km, RING_KM - km) / KM_PER_MS + random() * 10;
      if (rttMs > 60) return [];
      return [...pools].map((pool) => {
        const regionPool = inRegion[pool]!;
        return { regionPool: shape.ownObjects ? { ...regionPool } : regionPool, rttMs };
      });
    });
  };
  const fullness = (region: number): number =>
    Math.min(1, 0.55 + 0.75 * Math.max(0, Math.cos((2 * Math.PI * region) / shape.regions)));

  const hosts: HostSnapshot[] = [];
  const sessions: SessionSnapshot[] = [];
  for (let i = 0; i < shape.hosts; i += 1) {
    const region = i % shape.regions;
    const regionPool = regionPools[region]![Math.floor(i / shape.regions) % shape.pools]!;
    const slots = shape.slotsPerHost;
    const isHot = random() < shape.hot;
    const isFull = random() < fullness(region) || isHot;
    const committed = isFull ? slots : Math.floor(slots * fullness(region) * random());
    const load = isHot ? 0.91 + random() * 0.2 : (committed / slots) * 0.8;
    const hostId = `host-${String(i).padStart(5, '0')}`;
    hosts.push({
      ...{
        hostId,
        regionPool,
        slots,
        committed,
        load,
        measuredLoad: load,
        congestion: Math.max(committed / slots, load),
      },
      ...{
        heat: isHot ? 'hot' : 'cool',
        state: 'ready',
        open: true,
        quarantined: false,
        outgoingMoves: 0,
        incomingMoves: 0,
        slotsBeingFreed: 0,
      },
    });
    for (let slot = 0; slot < committed; slot += 1) {
      const options = optionsAt((region * RING_KM) / shape.regions + (random() - 0.5) * 4_000);
      if (
        !options.some(
          (option) =>
            option.regionPool.region === regionPool.region && option.regionPool.pool === regionPool.pool,
        )
      ) {
        options.push({ regionPool, rttMs: 30 });
      }
      const lot = random();
      sessions.push({
        ...{ sessionId: `session-${sessions.length}`, hostId, regionPool, options },
        kind: lot < 0.05 ? 'unclaimed' : lot < 0.75 ? 'movable' : 'fixed',
        movedAtMs: random() < 0.05 ? addMs(NOW, -pick(1_200_000)) : null,
      });
    }
  }
  const waiting = Array.from({ length: shape.waiting }, (_, i): WaitingPlayer => {
    const region = (pick(5) - 2 + shape.regions) % shape.regions;
    return { sessionId: `waiting-${i}`, options: optionsAt((region * RING_KM) / shape.regions).slice(0, 4) };
  });
  return { nowMs: NOW, hosts, sessions, waiting, storeIsRecovering: false };
}
