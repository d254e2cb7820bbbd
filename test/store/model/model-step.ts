import fc from 'fast-check';
import { HELD_STATES } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import type { FleetStore, SessionRecord } from '@duskline/server/store/fleet-store.js';
import type { MemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { sessionIdOf } from '../../support/fleet/fleet-data.js';
import type { ManualClock } from '../../support/time/manual-clock.js';
import { SUSPECT_AFTER_MS } from '../fixture.js';

/** State of a sequence that its operations depend on. It is the same for both stores. */
export interface ModelContext {
  readonly regionPool: RegionPool;
  /** Returns a name that no other sequence uses. */
  uniqueName(name: string): string;
  now(): number;
  advance(ms: number): void;
  hostAt(hostId: string): { readonly digest: number; readonly heartbeatAtMs: number } | undefined;
  /** Session ids of the current offers. */
  offered(): readonly string[];
  /** Sessions that are reserved now. */
  reserved(): readonly SessionRecord[];
  /** Current reservations on target hosts. */
  targetReservations(): readonly SessionRecord[];
}

/** Creates the state of one sequence, which is read from the memory store. */
export function createModelContext(memory: MemoryStore, clock: ManualClock, number: number): ModelContext {
  const regionPool = { region: `region-${number}`, pool: 'pc' };
  return {
    regionPool,
    uniqueName: (name) => `${name}-${number}`,
    now: () => clock.wallMs(),
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

/** A call that can be made on any store. */
export type Call = (store: FleetStore) => Promise<unknown>;

/** A step of a sequence. It reads the state once, and returns the call for both stores. */
export interface Step {
  prepare(context: ModelContext): Call;
  toString(): string;
}

/** Time limits short enough to expire within a sequence. */
export const MODEL_RULES = {
  suspectAfterMs: SUSPECT_AFTER_MS,
  offerMs: 1_500,
  resumeWindowMs: 8_000,
  backOff: { firstMs: 400, maxMs: 1_500 },
};

/** The same for all, because the expiry list of a region pool requires equal times. */
export const TTL_MS = 5_000;

// Few values of each kind, so that steps concern the same hosts and sessions.
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

/** A list of one to eight items. */
export function few<T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(item, { minLength: 1, maxLength: 8 });
}

/** A call of a store method with random arguments. */
export function step<T extends Record<string, unknown>>(
  name: string,
  args: { [K in keyof T]: fc.Arbitrary<T[K]> },
  prepare: (context: ModelContext, args: T) => Call,
): fc.Arbitrary<Step> {
  return fc.record(args).map((drawn) => ({
    prepare: (context) => prepare(context, drawn),
    toString: () => `${name}(${JSON.stringify(drawn)})`,
  }));
}
