import { toStoreMs } from '../../domain/store-time.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import { groupByRegionPool } from '../../domain/catalog.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { LinkedSession } from '../connections/connections.js';
import { SESSION_GROUPS } from '../connections/sessions-in-groups.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Connections } from '../connections/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { BrokerSettings } from '../settings.js';
import type { CorePorts } from '../core-ports.js';
import { emitSessionChange } from '../messaging/session-events.js';
import { restoreRequest } from '../requests/restore-request.js';

/** A session that the store did not know in this many consecutive checks has ended: the message about its end was lost. */
const MAX_MISSED_CHECKS = 2;

/** A session of a connected or disconnected client of this broker. */
type RememberedSession = Pick<LinkedSession, 'sessionId' | 'known'>;

/**
 * Returns a function that runs one round of verification: it compares the sessions of one group that this broker's clients know
 * with the store. So every session is verified once in `SESSION_GROUPS` rounds, whichever others begin and end meanwhile. A round
 * that fails is repeated by the next one.
 */
export function createSessionVerifier(
  context: CorePorts & Connections,
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
  context: CorePorts & Connections,
  group: number,
  isRecovering: boolean,
): Promise<void> {
  const { connections } = context;
  const due = isRecovering ? connections.linkedSessions() : connections.linkedSessionsOf(group);
  if (isRecovering) {
    await Promise.all(due.map((session) => restoreRequestOf(context, session.client.playerId, session)));
    await restoreDisconnected(context);
  }
  const before = new Map(
    due.map((session) => [session, { epoch: session.known.epoch, state: session.known.state }]),
  );
  await restoreOwners(context, due, (session, record) => {
    // The session changed during the query, so the record may be older than the change.
    const { epoch, state } = session.known;
    if (epoch !== before.get(session)?.epoch || state !== before.get(session)?.state) return;
    verifySession(context, session, record, isRecovering);
  });
}

/** Restores the sessions of disconnected clients, so that they find them when they reconnect. */
async function restoreDisconnected(context: BrokerSettings & StoreAccess & Connections): Promise<void> {
  const { disconnectedSessions: sessions } = context;
  await Promise.all(
    sessions.all.map(async (session) => {
      const isOwner = await restoreRequestOf(context, session.playerId, session);
      if (!isOwner) sessions.forget(session.sessionId);
    }),
  );
  await restoreOwners(context, sessions.all);
}

function restoreRequestOf(
  context: StoreAccess,
  playerId: string,
  { sessionId, known: { regionPool, request, epoch } }: RememberedSession,
): Promise<boolean> {
  return restoreRequest(context, { playerId, requestId: request.requestId, sessionId, regionPool }, epoch);
}

/** Restores client's broker and player of sessions, and passes on the record of each; `null` when the store does not know it. */
async function restoreOwners<Session extends RememberedSession>(
  { store, brokerId }: BrokerSettings & StoreAccess,
  sessions: readonly Session[],
  receive?: (session: Session, record: SessionRecord | null) => void,
): Promise<void> {
  await Promise.all(
    groupByRegionPool(sessions, ({ known }) => known.regionPool).map(async ([regionPool, group]) => {
      const owned = group.map(({ sessionId, known: { epoch, meta } }) => ({
        sessionId,
        epoch,
        clientBrokerId: brokerId,
        meta,
      }));
      const records = await store.restoreSessions(regionPool, owned);
      group.forEach((session, i) => receive?.(session, records[i] ?? null));
    }),
  );
}

function verifySession(
  context: Runtime & StoreAccess & Connections & Events,
  { sessionId, client, known }: LinkedSession,
  record: SessionRecord | null,
  isRecovering: boolean,
): void {
  if (context.connections.clientOfSession(sessionId) !== client || client.sessions.get(sessionId) !== known)
    return;
  if (record !== null) {
    known.missedChecks = 0;
    emitSessionChange(context, known.regionPool, record);
    return;
  }
  // The host may report the session soon. For a reserved session, the broker waits no longer than hosts need for that.
  const mayBeReported = known.state === 'reserved' ? context.storeHealth.isRebuilding : isRecovering;
  if (mayBeReported || known.state === 'ended') return;
  known.missedChecks += 1;
  if (known.missedChecks < MAX_MISSED_CHECKS) return;
  const { regionPool, epoch, meta, request } = known;
  if (
    known.state === 'reserved' &&
    context.clock.monotonicMs() < known.reservedUntilMs &&
    request.onHostLost !== 'end'
  ) {
    // A Redis failover lost the reservation, and another session may have its slot by now.
    known.state = 'ended';
    context.events.emit(
      'sessionLost',
      client,
      regionPool,
      { ...LOST_RESERVATION, sessionId, epoch, meta },
      'reserved',
    );
    return;
  }
  const reason = known.state === 'reserved' ? 'reservation_expired' : 'host_lost';
  client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason });
  context.connections.unlinkSession(sessionId);
}

/** The record of a reservation that the store has lost. */
const LOST_RESERVATION = {
  state: 'ended',
  reason: 'host_lost',
  hostId: '',
  reservedAtMs: toStoreMs(0),
  clientBrokerId: '',
  seq: 0,
  movable: false,
} as const satisfies Partial<SessionRecord>;
