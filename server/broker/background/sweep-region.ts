import { judgeSilentHosts } from '../../domain/host-silence.js';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { SilentHostMark, SweepStep } from '../../store/fleet-store.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Reporting } from '../reporting.js';
import type { CorePorts } from '../messaging/core-ports.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { expireMissedOffers } from '../queue/expire-offers.js';

/** How many sessions or hosts one store call handles: bounds how long the store serves nobody else. */
const SWEEP_BATCH = 200;

/** More rounds than this in one sweep, and the rest waits for the next: a sweep always ends. */
const MAX_ROUNDS = 50;

/** Sweeps of a place between two pieces of its recount: a recount costs the store more than a sweep. */
const RECOUNT_EVERY = 10;

/** A place's recount goes on where the last one stopped. */
export interface SweepProgress {
  readonly recounts: Map<string, { readonly cursor: string | null; readonly sweepsUntil: number }>;
}

/**
 * One sweep of one region: what expired ends, what fell silent is judged, a few counters are recounted. One question tells
 * where there is something to do.
 */
export async function sweepRegion(context: CorePorts, memory: SweepProgress, region: string): Promise<void> {
  const { catalog, limits, store } = context;
  const pools = [...catalog.pools.keys()];
  const times = { silentForMs: limits.suspectAfterMs, queueGraceMs: limits.queueGraceMs };
  const due = await store.findDueSweeps(region, pools, times);
  await Promise.all(
    pools.map(async (pool, i) => {
      const place = { region, pool };
      for (const step of due[i] ?? []) await SWEEP_STEPS[step](context, place);
      await recountPart(context, memory, place);
    }),
  );
}

const SWEEP_STEPS: Readonly<Record<SweepStep, (context: CorePorts, place: RegionPool) => Promise<void>>> = {
  sessions: expireSessions,
  records: ({ store }, place) => repeatUntilDone(() => store.deleteEndedSessions(place, SWEEP_BATCH)),
  offers: expireOffers,
  queue: expireQueue,
  silent: judgeHosts,
};

async function expireSessions(context: CorePorts, place: RegionPool): Promise<void> {
  const { store, brokerId } = context;
  await repeatUntilDone(async () => {
    const ended = await store.expireSessions(place, SWEEP_BATCH, brokerId);
    notifyAllOfEnd(context, place, ended);
    return ended.length;
  });
}

/** Repeats a step of at most `SWEEP_BATCH` things until it finds fewer. */
async function repeatUntilDone(step: () => Promise<number>): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if ((await step()) < SWEEP_BATCH) return;
  }
}

async function expireOffers(context: CorePorts, place: RegionPool): Promise<void> {
  await repeatUntilDone(async () => {
    const missed = await context.store.findExpiredOffers(place, SWEEP_BATCH);
    if (missed.length > 0) await expireMissedOffers(context, place, missed);
    return missed.length;
  });
}

/** Places in the queue that nobody came back to. */
async function expireQueue(context: CorePorts, place: RegionPool): Promise<void> {
  const { store, brokerId, limits } = context;
  await repeatUntilDone(async () => {
    const ended = await store.expireUnattendedPlacements(place, limits.queueGraceMs, SWEEP_BATCH, brokerId);
    notifyAllOfEnd(context, place, ended);
    return ended.length;
  });
}

async function judgeHosts(context: CorePorts, place: RegionPool): Promise<void> {
  const { limits, store, brokerId, log } = context;
  const { hosts, silent } = await store.findSilentHosts(place, limits.suspectAfterMs, SWEEP_BATCH);
  if (silent.length === 0) return;
  const verdict = judgeSilentHosts(hosts, silent, limits, { cutShort: silent.length >= SWEEP_BATCH });
  const beatAt = new Map(silent.map((host) => [host.hostId, host.heartbeatAtMs]));
  const orders = (['suspect', 'missing', 'lost'] as const).flatMap((order) =>
    verdict[order].map((hostId): SilentHostMark => ({
      hostId,
      heartbeatAtMs: beatAt.get(hostId) ?? 0,
      order,
    })),
  );
  if (orders.length === 0) return;
  if (verdict.massSilence) {
    log.warn({ ...place, silent: silent.length, hosts }, 'many hosts are silent at once; waiting longer');
  }
  const ended = await store.markSilentHosts(place, orders, brokerId);
  for (const hostId of verdict.suspect) log.warn({ ...place, hostId }, 'host is suspect');
  for (const hostId of verdict.lost) {
    log.warn({ ...place, hostId }, 'host is lost');
    context.observer.hostLost(place);
    context.fleet.forgetHost(place, hostId);
  }
  notifyAllOfEnd(context, place, ended);
}

async function recountPart(
  context: StoreAccess & Reporting,
  memory: SweepProgress,
  place: RegionPool,
): Promise<void> {
  const key = regionPoolName(place);
  const { cursor, sweepsUntil } = memory.recounts.get(key) ?? { cursor: null, sweepsUntil: 0 };
  if (sweepsUntil > 0) {
    memory.recounts.set(key, { cursor, sweepsUntil: sweepsUntil - 1 });
    return;
  }
  const { next, repaired } = await context.store.recountHosts(place, cursor);
  memory.recounts.set(key, { cursor: next, sweepsUntil: RECOUNT_EVERY });
  if (repaired.length === 0) return;
  context.observer.countersRepaired(place, repaired.length);
  context.log.error({ ...place, hosts: repaired }, 'counters were wrong and have been recounted');
}
