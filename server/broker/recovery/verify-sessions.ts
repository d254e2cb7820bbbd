import { groupByRegionPool, type RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import { heldBy } from '../connections/client-session-directory.js';
import type { ClientSessionRecord, HeldSession } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import { SESSION_GROUPS } from '../connections/sessions-in-groups.js';
import { toChange } from '../messaging/client-session-runner.js';
import { restoreRequest } from '../requests/restore-request.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

/** A session as it was when the store was asked. */
interface RememberedSession {
  readonly session: ClientSessionRecord;
  readonly held: HeldSession;
}

/**
 * Returns a function that runs one round of verification: it compares the sessions of one group that this broker's clients know
 * with the store. So every session is verified once in `SESSION_GROUPS` rounds, whichever others begin and end meanwhile. A round
 * that fails is repeated by the next one.
 */
export function createSessionVerifier(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections,
): (isRecovering: boolean) => Promise<void> {
  let group = 0;
  return async (isRecovering) => {
    const verified = group;
    await verifySessions(context, verified, isRecovering);
    // A round that took so long that the next one started without it must not skip a group.
    if (group === verified) group = (verified + 1) % SESSION_GROUPS;
  };
}

/**
 * Compares sessions that this broker's clients know with the store. In a Redis that lost its data, restores the fields of live
 * sessions that hosts do not report: player, request and client's broker, also for disconnected clients.
 *
 * @param isRecovering whether the store was unreachable a moment ago: then all sessions and their requests are verified, not only
 * those of the group
 */
async function verifySessions(
  context: BrokerSettings & Runtime & StoreAccess & Connections,
  group: number,
  isRecovering: boolean,
): Promise<void> {
  const { clientSessions } = context;
  const due = remember(isRecovering ? clientSessions.linked : clientSessions.linkedOf(group));
  if (isRecovering) {
    await Promise.all(due.map((session) => restoreRequestOf(context, session)));
    await restoreDisconnected(context);
  }
  await Promise.all(
    groupByRegionPool(due, regionPoolOf).map(async ([regionPool, inPool]) => {
      const revisions = inPool.map(({ session }) => session.state.revision);
      const records = await restoreOwners(context, regionPool, inPool);
      inPool.forEach((session, i) =>
        verifySession(context, regionPool, session, revisions[i] ?? 0, records[i] ?? null, isRecovering),
      );
    }),
  );
}

function remember(sessions: readonly ClientSessionRecord[]): RememberedSession[] {
  const remembered: RememberedSession[] = [];
  for (const session of sessions) {
    const { phase } = session.state;
    const held = phase.name === 'away' ? phase.held : heldBy(session);
    if (held !== undefined) remembered.push({ session, held });
  }
  return remembered;
}

/** Restores the sessions of disconnected clients, so that they find them when they reconnect. */
async function restoreDisconnected(context: BrokerSettings & StoreAccess & Connections): Promise<void> {
  const { clientSessions, sessionRunner } = context;
  await Promise.all(
    remember(clientSessions.disconnected).map(async (remembered) => {
      const isOwner = await restoreRequestOf(context, remembered);
      if (!isOwner) sessionRunner.dispatch(remembered.session, { type: 'disowned' });
    }),
  );
  const owned = remember(clientSessions.disconnected);
  await Promise.all(
    groupByRegionPool(owned, regionPoolOf).map(([regionPool, inPool]) =>
      restoreOwners(context, regionPool, inPool),
    ),
  );
}

function restoreRequestOf(
  context: StoreAccess,
  { session: { sessionId, playerId }, held: { assignment, epoch } }: RememberedSession,
): Promise<boolean> {
  const { regionPool, request } = assignment;
  return restoreRequest(context, { playerId, requestId: request.requestId, sessionId, regionPool }, epoch);
}

function restoreOwners(
  { store, brokerId }: BrokerSettings & StoreAccess,
  regionPool: RegionPool,
  group: readonly RememberedSession[],
): Promise<readonly (SessionRecord | null)[]> {
  return store.restoreSessions(
    regionPool,
    group.map(({ session: { sessionId }, held: { assignment, epoch } }) => ({
      sessionId,
      epoch,
      clientBrokerId: brokerId,
      meta: assignment.meta,
    })),
  );
}

function verifySession(
  { brokerId, storeHealth, clock, sessionRunner }: BrokerSettings & Runtime & StoreAccess & Connections,
  regionPool: RegionPool,
  { session, held }: RememberedSession,
  asOf: number,
  record: SessionRecord | null,
  isRecovering: boolean,
): void {
  const change = record === null ? null : toChange(brokerId, regionPool, record);
  // The store knows it as an offer: that is a queue position of the request.
  if (record !== null && change === null) return;
  // For a reserved session, the broker waits no longer than hosts need to report it.
  const mayBeReported = held.state === 'reserved' ? storeHealth.isRebuilding : isRecovering;
  sessionRunner.dispatch(session, {
    type: 'verified',
    asOf,
    change,
    mayBeReported,
    nowMs: clock.monotonicMs(),
  });
}

function regionPoolOf({ held }: RememberedSession): RegionPool {
  return held.assignment.regionPool;
}
