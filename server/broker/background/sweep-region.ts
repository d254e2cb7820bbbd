import { judgeSilentHosts } from '../../domain/host-silence.js';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { SilentHostMark, SweepStep } from '../../store/fleet-store.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Reporting } from '../reporting.js';
import { runAll } from '../run-all.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { expireMissedOffers } from '../queue/expire-offers.js';
import type { BrokerSettings } from '../settings.js';
import type { Events } from '../messaging/broker-events.js';

/** Maximum number of sessions or hosts per store call: a call must not keep the store from other work for long. */
const SWEEP_BATCH = 200;

/** Maximum number of store calls per step of a sweep. The next sweep handles the rest. */
const MAX_ROUNDS = 50;

/** Sweeps between two parts of a recount, which costs the store more than a sweep. */
const RECOUNT_EVERY = 10;

/** What one sweep leaves for the next. */
export interface SweepProgress {
  /** By region pool: where its recount continues, and after how many sweeps. */
  readonly recounts: Map<string, { readonly cursor: string | null; readonly sweepsUntil: number }>;
}

/**
 * Sweeps one region: ends what has expired, judges silent hosts, and recounts a few counters. One store call finds the
 * steps that have work to do.
 */
export async function sweepRegion(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  progress: SweepProgress,
  region: string,
): Promise<void> {
  const { catalog, limits, store } = context;
  const pools = [...catalog.pools.keys()];
  const times = { silentForMs: limits.suspectAfterMs, queueGraceMs: limits.queueGraceMs };
  const due = await store.findDueSweeps(region, pools, times);
  await Promise.all(
    pools.map(async (pool, i) => {
      const regionPool = { region, pool };
      const steps = (due[i] ?? []).map((step) => () => SWEEP_STEPS[step](context, regionPool));
      await runAll([...steps, () => recountPart(context, progress, regionPool)]);
    }),
  );
}

const SWEEP_STEPS: Readonly<
  Record<
    SweepStep,
    (context: BrokerSettings & StoreAccess & Events & Reporting, regionPool: RegionPool) => Promise<void>
  >
> = {
  sessions: expireSessions,
  records: ({ store }, regionPool) =>
    repeatUntilDone(() => store.deleteEndedSessions(regionPool, SWEEP_BATCH)),
  offers: expireOffers,
  queue: expireQueue,
  silent: judgeHosts,
};

async function expireSessions(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  regionPool: RegionPool,
): Promise<void> {
  const { store, brokerId } = context;
  await repeatUntilDone(async () => {
    const ended = await store.expireSessions(regionPool, SWEEP_BATCH, brokerId);
    notifyAllOfEnd(context, regionPool, ended);
    return ended.length;
  });
}

/** Repeats a step until it handles fewer than `SWEEP_BATCH` items. */
async function repeatUntilDone(step: () => Promise<number>): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if ((await step()) < SWEEP_BATCH) return;
  }
}

async function expireOffers(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  regionPool: RegionPool,
): Promise<void> {
  await repeatUntilDone(async () => {
    const missed = await context.store.findExpiredOffers(regionPool, SWEEP_BATCH);
    if (missed.length > 0) await expireMissedOffers(context, regionPool, missed);
    return missed.length;
  });
}

/** Ends waiting requests whose clients have not reconnected in time. */
async function expireQueue(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  regionPool: RegionPool,
): Promise<void> {
  const { store, brokerId, limits } = context;
  await repeatUntilDone(async () => {
    const ended = await store.expireUnattendedEntries(regionPool, limits.queueGraceMs, SWEEP_BATCH, brokerId);
    notifyAllOfEnd(context, regionPool, ended);
    return ended.length;
  });
}

async function judgeHosts(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  regionPool: RegionPool,
): Promise<void> {
  const { limits, store, brokerId, log } = context;
  const { hosts, silent } = await store.findSilentHosts(regionPool, limits.suspectAfterMs, SWEEP_BATCH);
  if (silent.length === 0) return;
  const verdict = judgeSilentHosts(hosts, silent, limits, { cutShort: silent.length >= SWEEP_BATCH });
  const marks = (['suspect', 'missing', 'lost'] as const).flatMap((order) =>
    silent
      .filter(({ hostId }) => verdict[order].includes(hostId))
      .map(({ hostId, heartbeatAtMs }): SilentHostMark => ({ hostId, heartbeatAtMs, order })),
  );
  if (marks.length === 0) return;
  if (verdict.massSilence) {
    log.warn(
      { ...regionPool, silent: silent.length, hosts },
      'many hosts are silent at once; the broker waits longer before it declares them lost',
    );
  }
  const ended = await store.markSilentHosts(regionPool, marks, brokerId);
  for (const hostId of verdict.suspect) log.warn({ ...regionPool, hostId }, 'host is suspect');
  for (const hostId of verdict.lost) {
    log.warn({ ...regionPool, hostId }, 'host is lost');
    context.observer.hostLost(regionPool);
    context.fleet.forgetHost(regionPool, hostId);
  }
  notifyAllOfEnd(context, regionPool, ended);
}

async function recountPart(
  context: StoreAccess & Reporting,
  progress: SweepProgress,
  regionPool: RegionPool,
): Promise<void> {
  const key = regionPoolName(regionPool);
  const { cursor, sweepsUntil } = progress.recounts.get(key) ?? { cursor: null, sweepsUntil: 0 };
  if (sweepsUntil > 0) {
    progress.recounts.set(key, { cursor, sweepsUntil: sweepsUntil - 1 });
    return;
  }
  const { next, repaired } = await context.store.recountHosts(regionPool, cursor);
  progress.recounts.set(key, { cursor: next, sweepsUntil: RECOUNT_EVERY });
  if (repaired.length === 0) return;
  context.observer.countersRepaired(regionPool, repaired.length);
  context.log.error({ ...regionPool, hosts: repaired }, 'host counters were wrong and have been repaired');
}
