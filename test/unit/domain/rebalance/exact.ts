import { msBetween } from '@duskline/server/domain/store-time.js';
import { regionPoolName } from '@duskline/server/domain/catalog.js';
import type {
  FleetSnapshot,
  RegionPoolOption,
} from '@duskline/server/domain/rebalance/snapshot/fleet-snapshot.js';
import type { RebalanceLimits } from '@duskline/server/domain/rebalance/limits/rebalance-limits.js';

/** The best possible result of a plan. */
export interface Best {
  readonly served: number;
  /** The fewest live moves with which `served` players are served. */
  readonly live: number;
}

interface ExactSession {
  readonly regionPool: number;
  readonly host: number;
  readonly free: boolean;
  readonly replaceable: boolean;
  readonly options: readonly number[];
}

/** The fleet as counts by region pool and by host, computed from the rules and not with the code of the plan. */
interface ExactFleet {
  /** Free slots of each region pool, for players. */
  readonly freeSlots: readonly number[];
  /** Free slots of each host, for moves. */
  readonly room: readonly number[];
  readonly regionPoolOf: readonly number[];
  readonly sessions: readonly ExactSession[];
  readonly waiting: readonly (readonly number[])[];
}

function toExact(snapshot: FleetSnapshot, limits: RebalanceLimits): ExactFleet {
  const names = [...new Set(snapshot.hosts.map((host) => regionPoolName(host.regionPool)))];
  const numbersOf = (options: readonly RegionPoolOption[]): number[] => [
    ...new Set(
      options
        .map(({ regionPool }) => names.indexOf(regionPoolName(regionPool)))
        .filter((number) => number >= 0),
    ),
  ];
  const freeSlots = names.map(() => 0);
  const regionPoolOf = snapshot.hosts.map(({ regionPool }) => names.indexOf(regionPoolName(regionPool)));
  const room = snapshot.hosts.map(
    ({ slots, committed, congestion, state, open, heat, quarantined }, host) => {
      if (state !== 'ready' || !open || heat !== 'cool') return 0;
      freeSlots[regionPoolOf[host]!]! += slots - committed;
      let more = 0;
      while (more < slots - committed && congestion + more / slots <= limits.moveCap + 1e-9) more += 1;
      return quarantined ? 0 : more;
    },
  );
  const sessions = snapshot.sessions.flatMap((session): ExactSession[] => {
    const number = snapshot.hosts.findIndex(
      ({ hostId, regionPool }) =>
        hostId === session.hostId && regionPoolName(regionPool) === regionPoolName(session.regionPool),
    );
    const host = snapshot.hosts[number]!;
    const cools =
      session.movedAtMs !== null && msBetween(session.movedAtMs, snapshot.nowMs) < limits.cooldownMs;
    const stays = host.quarantined || host.heat !== 'cool' || !host.open || host.state !== 'ready';
    if (session.kind === 'fixed' || cools || stays) return [];
    return [
      {
        regionPool: names.indexOf(regionPoolName(session.regionPool)),
        host: number,
        free: session.kind === 'unclaimed',
        replaceable: host.congestion - 1 / host.slots <= limits.freedSlotCap + 1e-9,
        options: numbersOf(session.options),
      },
    ];
  });
  const waiting = snapshot.waiting.map((player) => numbersOf(player.options));
  return { freeSlots, room, regionPoolOf, sessions, waiting };
}

/** Searches all plans with chains of at most two moves. Only for tiny fleets. */
export function bestWithinTwoMoves(snapshot: FleetSnapshot, budget: number, limits: RebalanceLimits): Best {
  const { freeSlots, room, regionPoolOf, sessions, waiting } = toExact(snapshot, limits);
  const free = [...freeSlots];
  const open = [...room];
  const quota = room.map(() => limits.maxMovesPerHost);
  const moved = sessions.map(() => false);
  const known = new Map<string, Best>();
  const isBetter = (a: Best, b: Best): boolean =>
    a.served > b.served || (a.served === b.served && a.live < b.live);
  /** Calls `inside` with the session moved away, if its host may take part in one more move. */
  const leaving = (i: number, inside: (session: ExactSession) => void): void => {
    const session = sessions[i]!;
    if (moved[i] === true || quota[session.host] === 0) return;
    moved[i] = true;
    quota[session.host]! -= 1;
    inside(session);
    quota[session.host]! += 1;
    moved[i] = false;
  };

  const best = (at: number, left: number): Best => {
    const options = waiting[at];
    if (options === undefined) return { served: 0, live: 0 };
    const key = [at, left, ...free, ...open, ...quota, moved.map(Number).join('')].join();
    const before = known.get(key);
    if (before !== undefined) return before;
    let found = best(at + 1, left);
    const go = (live: number): void => {
      if (live > left) return;
      const rest = best(at + 1, left - live);
      const all = { served: rest.served + 1, live: rest.live + live };
      if (isBetter(all, found)) found = all;
    };
    const into = (poolIndex: number, live: number): void => {
      if (free[poolIndex] === 0) return;
      free[poolIndex]! -= 1;
      for (const [host, its] of regionPoolOf.entries()) {
        if (its !== poolIndex || open[host] === 0 || quota[host] === 0) continue;
        open[host]! -= 1;
        quota[host]! -= 1;
        go(live);
        quota[host]! += 1;
        open[host]! += 1;
      }
      free[poolIndex]! += 1;
    };
    for (const regionPool of options) {
      if (free[regionPool]! > 0) {
        free[regionPool]! -= 1;
        go(0);
        free[regionPool]! += 1;
      }
      for (const [i, { regionPool: home }] of sessions.entries()) {
        if (home !== regionPool) continue;
        leaving(i, (first) => {
          for (const between of first.options) {
            if (between === regionPool) continue;
            into(between, Number(!first.free));
            for (const [j, { regionPool: passed, replaceable }] of sessions.entries()) {
              if (passed !== between || !replaceable) continue;
              leaving(j, (second) => {
                for (const end of second.options) {
                  if (end !== between) into(end, Number(!first.free) + Number(!second.free));
                }
              });
            }
          }
        });
      }
    }
    known.set(key, found);
    return found;
  };
  return best(0, budget);
}

/** The most players that can be served with chains of any length and any number of moves. A maximum flow, unit by unit. */
export function mostServed(snapshot: FleetSnapshot, limits: RebalanceLimits): number {
  const { freeSlots, room, regionPoolOf, sessions, waiting } = toExact(snapshot, limits);
  const capacity = new Map<string, Map<string, number>>();
  const arc = (from: string, to: string, amount: number): void => {
    for (const [a, b, more] of [[from, to, amount] as const, [to, from, 0] as const]) {
      const arcs = capacity.get(a) ?? new Map<string, number>();
      capacity.set(a, arcs.set(b, (arcs.get(b) ?? 0) + more));
    }
  };
  waiting.forEach((options, i) => {
    arc('start', `w${i}`, 1);
    for (const poolIndex of options) arc(`w${i}`, `player ${poolIndex}`, 1);
  });
  freeSlots.forEach((slots, poolIndex) => {
    arc(`player ${poolIndex}`, `free ${poolIndex}`, Infinity);
    const ofHosts = room.filter((_, host) => regionPoolOf[host] === poolIndex);
    arc(
      `mover ${poolIndex}`,
      `free ${poolIndex}`,
      ofHosts.reduce((sum, more) => sum + more, 0),
    );
    arc(`free ${poolIndex}`, 'end', slots);
  });
  sessions.forEach(({ regionPool: poolIndex, options, replaceable }, i) => {
    arc(`player ${poolIndex}`, `in ${i}`, 1);
    if (replaceable) arc(`mover ${poolIndex}`, `in ${i}`, 1);
    arc(`in ${i}`, `out ${i}`, 1);
    for (const option of options) if (option !== poolIndex) arc(`out ${i}`, `mover ${option}`, 1);
  });
  for (let served = 0; ; served += 1) {
    const cameFrom = new Map([['start', '']]);
    for (const node of cameFrom.keys()) {
      for (const [to, left] of capacity.get(node) ?? [])
        if (left > 0 && !cameFrom.has(to)) cameFrom.set(to, node);
    }
    if (!cameFrom.has('end')) return served;
    for (let node = 'end'; node !== 'start'; node = cameFrom.get(node)!) {
      const from = cameFrom.get(node)!;
      capacity.get(from)!.set(node, capacity.get(from)!.get(node)! - 1);
      capacity.get(node)!.set(from, capacity.get(node)!.get(from)! + 1);
    }
  }
}
