import fc from 'fast-check';
import { HELD_STATES } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import type { FleetStore, SessionRecord } from '@duskline/server/store/fleet-store.js';
import type { MemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { sessionIdOf } from '../support/fleet/fleet-data.js';
import type { ManualClock } from '../support/manual-clock.js';
import { SUSPECT_AFTER_MS } from './fixture.js';

/** What operations need to know of the moment at which they run; the same for both stores. */
export interface ModelContext {
  readonly regionPool: RegionPool;
  /** Makes names that no other sequence uses. */
  uniqueName(name: string): string;
  now(): number;
  advance(ms: number): void;
  hostAt(hostId: string): { readonly digest: number; readonly heartbeatAtMs: number } | undefined;
  /** The sessions that are offered at the moment. */
  offered(): readonly string[];
  /** The sessions that are reserved at the moment. */
  reserved(): readonly SessionRecord[];
  /** What is held for sessions that move here. */
  targetReservations(): readonly SessionRecord[];
}

/** The world of one sequence, as the memory store knows it. */
export function createModelContext(memory: MemoryStore, clock: ManualClock, number: number): ModelContext {
  const regionPool = { region: `region-${number}`, pool: 'pc' };
  return {
    regionPool,
    uniqueName: (name) => `${name}-${number}`,
    now: () => clock.now(),
    advance: (ms) => clock.advance(ms),
    hostAt: (hostId) => memory.poolState(regionPool).hosts.get(hostId),
    offered: () =>
      memory
        .poolState(regionPool)
        .expiryLists.offered.entries()
        .map(([sessionId]) => sessionId),
    reserved: () =>
      memory
        .poolState(regionPool)
        .sessions.records()
        .filter(({ state }) => state === 'reserved'),
    targetReservations: () =>
      memory
        .poolState(regionPool)
        .sessions.records()
        .filter(({ state }) => state === 'arriving'),
  };
}

/** One call, ready to be made on any store. */
export type Call = (store: FleetStore) => Promise<unknown>;

/** A step of a sequence: looks at the world once, and gives the call that both stores get. */
export interface Step {
  prepare(world: ModelContext): Call;
  toString(): string;
}

/** Time limits that sequences run into. */
export const MODEL_RULES = {
  suspectAfterMs: SUSPECT_AFTER_MS,
  offerMs: 1_500,
  resumeWindowMs: 8_000,
  backOff: { firstMs: 400, maxMs: 1_500 },
};

/** One for all: the reservations of a place last equally long. */
export const TTL_MS = 5_000;

// Few of everything, so that steps meet each other.
export const host = fc.constantFrom('host-a', 'host-b', 'host-c');
export const session = fc.nat({ max: 11 }).map(sessionIdOf);
export const epoch = fc.constantFrom(1, 1, 1, 2, 3);
export const broker = fc.constantFrom('broker-a', 'broker-b');
export const clientBroker = fc.constantFrom('', 'broker-a', 'broker-b');
export const connection = fc.constantFrom('broker-a.1', 'broker-a.1', 'broker-a.1', 'broker-b.2');
export const slots = fc.integer({ min: 1, max: 4 });
export const limit = fc.integer({ min: 1, max: 4 });
export const held = fc.constantFrom(...HELD_STATES);
export const player = fc.constantFrom('player-1', 'player-2');
export const request = fc.nat({ max: 9 }).map((number) => `request-${number}`);

/** One to eight of something. */
export function few<T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(item, { minLength: 1, maxLength: 8 });
}

/** A verb with random arguments. */
export function step<T extends Record<string, unknown>>(
  name: string,
  args: { [K in keyof T]: fc.Arbitrary<T[K]> },
  prepare: (world: ModelContext, args: T) => Call,
): fc.Arbitrary<Step> {
  return fc.record(args).map((drawn) => ({
    prepare: (world) => prepare(world, drawn),
    toString: () => `${name}(${JSON.stringify(drawn)})`,
  }));
}
