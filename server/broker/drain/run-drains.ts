import {
  canChangeDrainState,
  nextDrainStep,
  drainOutcomeOf,
  type Drain,
  type DrainOutcome,
  type DrainState,
} from '../../domain/drain.js';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { EndSessionRequest } from '../../store/fleet-store.js';
import { closeTarget, isTargetClosed } from './close-target.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Reporting } from '../reporting.js';
import type { MoveRunnerPort } from '../rebalance/move-runner.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { moveDrainedSessions } from '../moves/move-drained-sessions.js';
import {
  findSessionRecords,
  findSessionsOnTarget,
  type LocatedSession,
} from '../sessions/sessions-on-target.js';

/**
 * One round of every drain of a region, on the broker that holds its lease. A round looks at what is there and goes on
 * from it, so a broker that takes over needs nothing from the one before, and two at once do no harm.
 */
export async function runDrains(context: CorePorts & MoveRunnerPort, region: string): Promise<void> {
  for (const drain of await context.store.listDrains(region)) {
    if (drain.state === 'undone') continue;
    // Stored, and its broker died before everything was closed; or the store had lost it.
    if (!(await isTargetClosed(context, drain.target))) await closeTarget(context, drain.target);
    if (drain.state === 'running') await advanceDrain(context, drain);
  }
}

/** Notes what became of each session since the last round, and does what is due. */
export async function advanceDrain(context: CorePorts & MoveRunnerPort, drain: Drain): Promise<void> {
  const { store } = context;
  const staying = await findSessionsOnTarget(context, drain.target);
  await recordSessionOutcomes(context, drain, staying);
  switch (nextDrainStep(drain, staying.length, await store.getTimeMs())) {
    case 'wait':
      if (drain.mode === 'move') await moveDrainedSessions(context, drain.target, staying);
      return;
    case 'finish':
      await changeDrainState(context, drain, 'done');
      return;
    case 'end-sessions':
      await endRemainingSessions(context, staying);
      return;
    case 'leave-remaining':
      await store.recordDrainOutcomes(
        drain,
        new Map(staying.map(({ session }) => [session.sessionId, 'remaining'])),
      );
      await changeDrainState(context, drain, 'done');
      return;
  }
}

/** Gives a drain another state, unless somebody else was faster. Returns the drain as it is then, if it was done. */
export async function changeDrainState(
  context: StoreAccess & Reporting,
  drain: Drain,
  to: DrainState,
): Promise<Drain | undefined> {
  if (!canChangeDrainState(drain.state, to)) return undefined;
  const finishedAtMs = drain.finishedAtMs ?? (await context.store.getTimeMs());
  const after: Drain = { ...drain, state: to, finishedAtMs };
  if (!(await context.store.compareAndSetDrain(drain, after))) return undefined;
  context.log.info({ ...drain.target, drainId: drain.drainId, state: to }, 'drain');
  return after;
}

async function recordSessionOutcomes(
  context: StoreAccess,
  drain: Drain,
  staying: readonly LocatedSession[],
): Promise<void> {
  const before = await context.store.getDrainOutcomes(drain);
  const here = new Set(staying.map(({ session }) => session.sessionId));
  const gone = [...before]
    .filter(([id, outcome]) => outcome === 'staying' && !here.has(id))
    .map(([id]) => id);
  const records = await findSessionRecords(context, drain.target, gone);
  const changes = new Map<string, DrainOutcome>();
  for (const id of here) if (before.get(id) !== 'staying') changes.set(id, 'staying');
  for (const sessionId of gone) {
    const record = records.get(sessionId);
    const lives = record !== undefined && record.state !== 'ended';
    changes.set(sessionId, drainOutcomeOf({ onTarget: false, lives, reason: record?.reason ?? null }));
  }
  if (changes.size > 0) await context.store.recordDrainOutcomes(drain, changes);
}

/** What is left ends. The next round finds nobody, and finishes. */
async function endRemainingSessions(context: CorePorts, staying: readonly LocatedSession[]): Promise<void> {
  const { store, brokerId } = context;
  const byPlace = new Map<string, { place: RegionPool; orders: EndSessionRequest[] }>();
  for (const { place, session } of staying) {
    const group = byPlace.get(regionPoolName(place)) ?? { place, orders: [] };
    group.orders.push({ sessionId: session.sessionId, epoch: session.epoch, reason: 'drain_deadline' });
    byPlace.set(regionPoolName(place), group);
  }
  for (const { place, orders } of byPlace.values()) {
    const outcomes = await store.endSessions(place, orders, brokerId);
    notifyAllOfEnd(
      context,
      place,
      outcomes.filter((outcome) => outcome.kind === 'ended'),
    );
  }
}
