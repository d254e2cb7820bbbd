import {
  canChangeDrainState,
  nextDrainStep,
  drainOutcomeOf,
  type Drain,
  type DrainOutcome,
  type DrainState,
} from '../../domain/drain.js';
import { groupByRegionPool } from '../../domain/catalog.js';
import type { EndSessionRequest } from '../../store/fleet-store.js';
import { closeTarget, isTargetClosed } from './close-target.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Reporting } from '../reporting.js';
import { runAll } from '../run-all.js';
import type { MoveRunnerPort } from '../rebalance/move-runner.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { moveDrainedSessions } from '../moves/runner/move-drained-sessions.js';
import {
  findSessionRecords,
  findSessionsOnTarget,
  type LocatedSession,
} from '../sessions/sessions-on-target.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Events } from '../messaging/broker-events.js';

/**
 * Runs one round of every drain of a region, on the broker that holds the region's lease. A round depends only on the state
 * in the store, so another broker can continue at any time, and two at once do no harm.
 */
export async function runDrains(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & MoveRunnerPort,
  region: string,
): Promise<void> {
  const drains = await context.store.listDrains(region);
  await runAll(
    drains.filter(({ state }) => state !== 'undone').map((drain) => () => runDrain(context, drain)),
  );
}

async function runDrain(
  context: BrokerSettings & StoreAccess & Events & Reporting & MoveRunnerPort,
  drain: Drain,
): Promise<void> {
  // The broker that stored the drain died before it had closed the target, or the store has lost the closure.
  if (!(await isTargetClosed(context, drain.target))) await closeTarget(context, drain.target);
  if (drain.state === 'running') await advanceDrain(context, drain);
}

/** Records the outcomes of sessions since the last round, and takes the next step of the drain. */
export async function advanceDrain(
  context: BrokerSettings & StoreAccess & Events & Reporting & MoveRunnerPort,
  drain: Drain,
): Promise<void> {
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

/**
 * Changes the state of a drain.
 *
 * @returns the changed drain; `undefined` when the change is not allowed, or another broker changed the drain first
 */
export async function changeDrainState(
  context: StoreAccess & Reporting,
  drain: Drain,
  to: DrainState,
): Promise<Drain | undefined> {
  if (!canChangeDrainState(drain.state, to)) return undefined;
  const finishedAtMs = drain.finishedAtMs ?? (await context.store.getTimeMs());
  const after: Drain = { ...drain, state: to, finishedAtMs };
  if (!(await context.store.compareAndSetDrain(drain, after))) return undefined;
  context.log.info({ ...drain.target, drainId: drain.drainId, state: to }, 'a drain changed its state');
  return after;
}

async function recordSessionOutcomes(
  context: StoreAccess,
  drain: Drain,
  staying: readonly LocatedSession[],
): Promise<void> {
  const before = await context.store.getDrainOutcomes(drain);
  const stayingIds = new Set(staying.map(({ session }) => session.sessionId));
  const goneIds = [...before]
    .filter(([id, outcome]) => outcome === 'staying' && !stayingIds.has(id))
    .map(([id]) => id);
  const records = await findSessionRecords(context, drain.target, goneIds);
  const changes = new Map<string, DrainOutcome>();
  for (const id of stayingIds) if (before.get(id) !== 'staying') changes.set(id, 'staying');
  for (const sessionId of goneIds) {
    const record = records.get(sessionId);
    const isLive = record !== undefined && record.state !== 'ended';
    changes.set(
      sessionId,
      drainOutcomeOf({ onTarget: false, lives: isLive, reason: record?.reason ?? null }),
    );
  }
  if (changes.size > 0) await context.store.recordDrainOutcomes(drain, changes);
}

/** Ends the sessions that are left at the deadline. The next round finds none and finishes the drain. */
async function endRemainingSessions(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  staying: readonly LocatedSession[],
): Promise<void> {
  const { store, brokerId } = context;
  for (const [regionPool, located] of groupByRegionPool(staying, (one) => one.regionPool)) {
    const requests: EndSessionRequest[] = located.map(({ session: { sessionId, epoch } }) => ({
      sessionId,
      epoch,
      reason: 'drain_deadline',
    }));
    const outcomes = await store.endSessions(regionPool, requests, brokerId);
    notifyAllOfEnd(
      context,
      regionPool,
      outcomes.filter((outcome) => outcome.kind === 'ended'),
    );
  }
}
