import type { SessionRecord } from '../../store/fleet-store.js';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { LinkedSession } from '../connections/connections.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Connections } from '../connections/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { BrokerSettings } from '../settings.js';
import type { CorePorts } from '../messaging/core-ports.js';
import { emitSessionChange } from '../messaging/session-events.js';
import { restoreRequest } from '../requests/restore-request.js';

/** Looks in which every session of this broker's clients comes up once, when nothing is in doubt. */
const ROUNDS_PER_PASS = 30;

/** A session that the store did not know in so many looks is over: word of its end was lost. */
const MAX_MISSED_CHECKS = 2;

/** A session of a client of this broker's, one that is here or one that was. */
type RememberedSession = Pick<LinkedSession, 'sessionId' | 'known'>;

/**
 * Compares what this broker's clients were told of their sessions with the store, a part of them a look. What a lost
 * Redis forgot about sessions that live on (whose they are, and by which request) is given back to it, also for clients
 * whose sockets are gone.
 *
 * @param round counts the looks
 * @param isRecovering the store was away a moment ago: all sessions, and the requests that led to them
 */
export async function verifySessions(
  context: CorePorts & Connections,
  round: number,
  isRecovering: boolean,
): Promise<void> {
  const linked = context.connections.linkedSessions();
  const due = isRecovering
    ? linked
    : linked.filter((_, i) => i % ROUNDS_PER_PASS === round % ROUNDS_PER_PASS);
  if (isRecovering) {
    await Promise.all(linked.map((one) => restoreRequestOf(context, one.client.playerId, one)));
    await restoreDisconnected(context);
  }
  await Promise.all(
    groupByRegionPool(due).map(async ([place, group]) => {
      const before = group.map(({ known: { epoch, state } }) => ({ epoch, state }));
      const records = await restoreOwners(context, place, group);
      group.forEach((one, i) => {
        // Told of more meanwhile: what was read may be from before that.
        if (one.known.epoch !== before[i]?.epoch || one.known.state !== before[i].state) return;
        verifySession(context, place, one, records[i] ?? null, isRecovering);
      });
    }),
  );
}

/** Those who are away find their sessions when they come back; nobody here is told of them. */
async function restoreDisconnected(context: BrokerSettings & StoreAccess & Connections): Promise<void> {
  const { disconnectedSessions: sessions } = context;
  await Promise.all(
    sessions.all.map(async (one) => {
      if (!(await restoreRequestOf(context, one.playerId, one))) sessions.forget(one.sessionId);
    }),
  );
  await Promise.all(
    groupByRegionPool(sessions.all).map(([place, group]) => restoreOwners(context, place, group)),
  );
}

function restoreRequestOf(
  context: StoreAccess,
  playerId: string,
  { sessionId, known: { place, request, epoch } }: RememberedSession,
): Promise<boolean> {
  return restoreRequest(
    context,
    { playerId, requestId: request.requestId, sessionId, regionPool: place },
    epoch,
  );
}

function restoreOwners(
  { store, brokerId }: BrokerSettings & StoreAccess,
  place: RegionPool,
  group: readonly RememberedSession[],
): Promise<readonly (SessionRecord | null)[]> {
  return store.restoreSessions(
    place,
    group.map(({ sessionId, known: { epoch, meta } }) => ({
      sessionId,
      epoch,
      clientBrokerId: brokerId,
      meta,
    })),
  );
}

function verifySession(
  context: StoreAccess & Connections & Events,
  place: RegionPool,
  { sessionId, client, known }: LinkedSession,
  record: SessionRecord | null,
  inDoubt: boolean,
): void {
  if (context.connections.clientOfSession(sessionId) !== client || client.sessions.get(sessionId) !== known)
    return;
  if (record !== null) {
    known.missedChecks = 0;
    emitSessionChange(context, place, record);
    return;
  }
  // Its host may be about to report it. Who was not let in yet waits for that no longer than hosts need.
  const mayCome = known.state === 'reserved' ? context.storeHealth.isRebuilding : inDoubt;
  if (mayCome || known.state === 'ended') return;
  known.missedChecks += 1;
  if (known.missedChecks < MAX_MISSED_CHECKS) return;
  const { epoch, meta, request } = known;
  if (
    known.state === 'reserved' &&
    performance.now() < known.reservedUntilMs &&
    request.onHostLost !== 'end'
  ) {
    // A failover lost it, and its slot may be somebody else's by now.
    known.state = 'ended';
    context.events.emit(
      'sessionLost',
      client,
      place,
      { ...LOST_RESERVATION, sessionId, epoch, meta },
      'reserved',
    );
    return;
  }
  const reason = known.state === 'reserved' ? 'reservation_expired' : 'host_lost';
  client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason });
  context.connections.unlinkSession(sessionId);
}

/** All that is known of a reservation of which the store knows nothing. */
const LOST_RESERVATION = {
  state: 'ended',
  reason: 'host_lost',
  hostId: '',
  reservedAtMs: 0,
  clientBrokerId: '',
  movable: false,
} as const satisfies Partial<SessionRecord>;

function groupByRegionPool<T extends RememberedSession>(linked: readonly T[]): [RegionPool, T[]][] {
  const groups = new Map<string, [RegionPool, T[]]>();
  for (const one of linked) {
    const { place } = one.known;
    const group = groups.get(regionPoolName(place)) ?? [place, []];
    group[1].push(one);
    groups.set(regionPoolName(place), group);
  }
  return [...groups.values()];
}
