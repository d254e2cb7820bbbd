import { digestSessions, type DigestedSession } from '@duskline/server/domain/session-digest.js';
import type {
  EnqueueOutcome,
  FleetStore,
  HostRecord,
  HostRegistration,
  Reservation,
  ReserveOutcome,
  Utilisation,
  NewQueueEntry,
} from '@duskline/server/store/fleet-store.js';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { REGION_POOL, metaOf, newSessionId, registration, reservation } from '../support/fleet/fleet-data.js';
import type { ManualClock } from '../support/time/manual-clock.js';

/** A fleet with keys of its own, and a clock that the test moves. */
export interface StoreFixture {
  readonly store: FleetStore;
  readonly clock: ManualClock;
  /** Opens the store of another broker on the same fleet. */
  another(): Promise<FleetStore>;
  close(): Promise<void>;
}

/** Silence after which a host is suspect, in all fixtures. */
export const SUSPECT_AFTER_MS = 4_000;
/** Duration of reservations. */
export const RESERVATION_MS = 30_000;
/** Length limit of queues. */
export const MAX_QUEUE = 100;
/** Time without a poll after which a position in the queue is lost. */
export const GRACE_MS = 60_000;

/** The calling broker, unless a test names another one. The connections of its hosts are `broker-a.<number>`. */
export const BROKER = 'broker-a';

/** Returns the fixture of the running test. */
export type CurrentFixture = () => StoreFixture;

/** Options of `makeHostReady` and `sendHeartbeat`. */
export interface ReadyHostOptions extends Partial<HostRegistration> {
  /** Measured load in millionths. Default 0. */
  readonly measured?: number;
  readonly sessions?: readonly DigestedSession[];
  readonly regionPool?: RegionPool;
}

/** Registers a host and records a heartbeat, so that the host accepts sessions. */
export async function makeHostReady(
  store: FleetStore,
  hostId: string,
  wish: ReadyHostOptions = {},
): Promise<void> {
  const { regionPool = REGION_POOL, measured = 0, sessions = [], ...changes } = wish;
  await store.registerHost(regionPool, registration(hostId, changes));
  await sendHeartbeat(store, hostId, { measured, sessions, regionPool, ...changes });
}

/** Records a heartbeat of one host. Returns its outcome. */
export async function sendHeartbeat(
  store: FleetStore,
  hostId: string,
  {
    regionPool = REGION_POOL,
    measured = 0,
    sessions = [],
    connectionId = 'broker-a.1',
  }: ReadyHostOptions = {},
): Promise<string> {
  const [outcome] = await store.recordHeartbeats(regionPool, [
    { hostId, connectionId, measured, digest: digestSessions(sessions) },
  ]);
  return outcome!;
}

/** Reserves one slot. Returns the session, the outcome and the host. */
export async function reserveSlot(
  store: FleetStore,
  changes: Partial<Reservation> = {},
  callerId = BROKER,
): Promise<{ sessionId: string; outcome: ReserveOutcome; hostId: string | null }> {
  const wanted = reservation(changes.sessionId ?? newSessionId(), changes);
  const { outcomes } = await store.reserve(REGION_POOL, [wanted], RESERVATION_MS, callerId);
  const outcome = outcomes[0]!;
  return {
    sessionId: wanted.sessionId,
    outcome,
    hostId: outcome.kind === 'reserved' ? outcome.hostId : null,
  };
}

/** Starts a session that its host has claimed. */
export async function startSession(
  store: FleetStore,
  changes: Partial<Reservation> = {},
): Promise<{ sessionId: string; epoch: number; state: 'active'; hostId: string }> {
  const { sessionId, hostId } = await reserveSlot(store, changes);
  if (hostId === null) throw new Error('there was no room');
  const epoch = changes.epoch ?? 1;
  const change = { sessionId, epoch, hostId, to: 'active' as const };
  const [outcome] = await store.updateSessionStates(REGION_POOL, [change], BROKER);
  if (outcome?.kind !== 'changed') throw new Error(`not claimed: ${String(outcome?.kind)}`);
  return { sessionId, epoch, state: 'active', hostId };
}

/** An entry that arrives now, in its first epoch. */
export function newQueueEntry(sessionId: string, changes: Partial<NewQueueEntry> = {}): NewQueueEntry {
  return {
    sessionId,
    epoch: 1,
    arrivedAtMs: null,
    headStartMs: 0,
    missed: false,
    clientBrokerId: BROKER,
    meta: metaOf(sessionId),
    ...changes,
  };
}

/** Puts one entry into the queue of a region pool. */
export async function enqueue(
  store: FleetStore,
  sessionId: string,
  changes: Partial<NewQueueEntry> = {},
  at: RegionPool = REGION_POOL,
): Promise<EnqueueOutcome> {
  const [outcome] = await store.enqueue(at, [newQueueEntry(sessionId, changes)], MAX_QUEUE, BROKER);
  return outcome!;
}

/** Enqueues entries that arrive a second apart. Returns their session ids in that order. */
export async function enqueueInOrder({ store, clock }: StoreFixture, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, newSessionId);
  for (const id of ids) {
    await enqueue(store, id);
    clock.advance(1_000);
  }
  return ids;
}

/**
 * For each session the number of entries ahead of it, or the state of the session, or `unknown`. Does not count as a poll
 * of a broker.
 */
export async function queuePositions(
  store: FleetStore,
  sessionIds: readonly string[],
  at: RegionPool = REGION_POOL,
): Promise<(number | string)[]> {
  const { entries } = await store.getQueueStatus(at, sessionIds, false);
  return entries.map((status) => {
    if (status.kind === 'waiting') return status.ahead;
    return status.kind === 'session' ? status.session.state : status.kind;
  });
}

/** Fills the only host of a region pool. `free()` ends one of its sessions. */
export async function fillPool(
  store: FleetStore,
  { slots = 1, at = REGION_POOL }: { slots?: number; at?: RegionPool } = {},
): Promise<{ free(): Promise<void> }> {
  await makeHostReady(store, 'host-a', { slots, regionPool: at });
  const wanted = Array.from({ length: slots }, () => reservation(newSessionId()));
  await store.reserve(at, wanted, RESERVATION_MS, BROKER);
  return {
    async free() {
      const { sessionId } = wanted.shift()!;
      await store.endSessions(at, [{ sessionId, epoch: 1, reason: 'client_left' }], BROKER);
    },
  };
}

/** The record of a host, which must exist. */
export async function getHost(store: FleetStore, hostId: string): Promise<HostRecord> {
  const host = (await store.listHosts(REGION_POOL)).find((record) => record.hostId === hostId);
  if (host === undefined) throw new Error(`no host ${hostId}`);
  return host;
}

/** Used and all slots of a region pool. */
export async function getUtilisation(
  store: FleetStore,
  { region, pool }: RegionPool,
): Promise<Utilisation | undefined> {
  const { regionPools } = await store.getRegionOverview(region, [pool], BROKER);
  return regionPools[0]?.utilisation;
}

/** Registers the hosts with which random sequences begin: two equal ones and a small one. */
export async function registerTestHosts(store: FleetStore, at: RegionPool): Promise<void> {
  await makeHostReady(store, 'host-a', { regionPool: at, slots: 4 });
  await makeHostReady(store, 'host-b', { regionPool: at, slots: 4 });
  await makeHostReady(store, 'host-c', { regionPool: at, slots: 1 });
}
