import type { RegionPool } from '../../../domain/catalog.js';
import type { SessionRecord } from '../../../store/fleet-store.js';
import { delay } from '../../../runtime/delay.js';
import type { Runtime } from '../../../runtime/runtime.js';
import type { ClientConnection, ClientMove, ClientSession } from '../../connections/connections.js';
import type { Connections } from '../../connections/ports.js';
import type { Credentials } from '../../credentials.js';
import type { Events } from '../../messaging/broker-events.js';
import type { CorePorts } from '../../core-ports.js';
import { sendSessionChange } from '../../messaging/notify-client.js';
import { emitSessionChange } from '../../messaging/session-events.js';
import { sendMatched } from '../../placement/answer-matched.js';
import { cachedEndpoint, findEndpoint } from '../../placement/create-matched.js';
import { placedFromSession } from '../../requests/placed-from-session.js';
import type { BrokerSettings } from '../../settings.js';
import type { StoreAccess } from '../../store-access/ports.js';

/** Interval between reads of a session that is moving to another host. */
const POLL_INTERVAL_MS = 200;

/** A session in the region pool where it was found. */
interface FoundSession {
  readonly regionPool: RegionPool;
  readonly session: SessionRecord;
}

const sessionsBeingLocated = new WeakSet<ClientSession>();

/**
 * Finds a session that left the host its client knows. It may arrive at the target host of the client's pending move, or it
 * may have moved while the client changed brokers. If neither is so, the client gets the change that was read (`session`).
 */
export async function locateMovedSession(
  context: CorePorts & Connections & Credentials,
  client: ClientConnection,
  known: ClientSession,
  regionPool: RegionPool,
  session: SessionRecord,
): Promise<void> {
  // Several events report the same change.
  if (sessionsBeingLocated.has(known)) return;
  sessionsBeingLocated.add(known);
  try {
    if (session.state === 'ended') await locateEndedSession(context, client, known, { regionPool, session });
    else await sendNewMatch(context, client, known, { regionPool, session });
  } finally {
    sessionsBeingLocated.delete(known);
  }
}

/** Finds out whether a session that ended on its host continues on another one, and notifies the client of either. */
async function locateEndedSession(
  context: CorePorts & Connections & Credentials,
  client: ClientConnection,
  known: ClientSession,
  { regionPool, session }: FoundSession,
): Promise<void> {
  const { sessionId } = session;
  const isStillKnown = (): boolean => client.sessions.get(sessionId) === known;
  const found = await findMovedSession(context, client, known, sessionId, isStillKnown).catch(
    (error: unknown) => {
      context.log.warn({ err: error, sessionId }, 'could not find out where a session moved to');
      return undefined;
    },
  );
  if (!isStillKnown()) return;
  known.pendingMove = null;
  if (found === undefined) sendSessionChange(context, client, known, regionPool, session);
  else await sendNewMatch(context, client, known, found);
}

/** Sends a client the present host of its session, as if it had repeated its request. */
async function sendNewMatch(
  context: CorePorts & Connections & Credentials,
  client: ClientConnection,
  known: ClientSession,
  { regionPool, session }: FoundSession,
): Promise<void> {
  const { sessionId } = session;
  try {
    const placed = await placedFromSession(context, regionPool, session, context.limits.reservationMs);
    const endpoint = cachedEndpoint(context, placed) ?? (await findEndpoint(context, placed));
    if (client.sessions.get(sessionId) !== known) return;
    sendMatched(context, client, known.request, { ...placed, seq: known.seq }, endpoint);
  } catch (error) {
    // The next check of the client's sessions finds the same and tries again.
    context.log.warn({ err: error, sessionId }, 'could not send a client the new host of its session');
  }
}

/** @returns where the session is; `undefined` if it has ended, or if its client was notified of its host meanwhile */
async function findMovedSession(
  context: BrokerSettings & Runtime & StoreAccess & Events,
  client: ClientConnection,
  known: ClientSession,
  sessionId: string,
  isStillKnown: () => boolean,
): Promise<FoundSession | undefined> {
  const hasArrived = await waitForPendingMove(context, known, sessionId, isStillKnown);
  return hasArrived ? undefined : findSessionOfRequest(context, client, known, sessionId);
}

/**
 * Waits until the session is on the target host of the client's pending move, or the time for the move is over. An arrived
 * session is reported to the client by an event.
 */
async function waitForPendingMove(
  context: BrokerSettings & Runtime & StoreAccess & Events,
  known: ClientSession,
  sessionId: string,
  isStillKnown: () => boolean,
): Promise<boolean> {
  // A new move may replace the pending one at any time.
  for (let { pendingMove: move } = known; move !== null && isStillKnown(); move = known.pendingMove) {
    if (await hasArrivedAtTarget(context, move, sessionId)) return true;
    if (context.clock.monotonicMs() > move.untilMs + context.intervals.moveGraceMs) break;
    await delay(context.clock, POLL_INTERVAL_MS);
  }
  return false;
}

async function hasArrivedAtTarget(
  context: BrokerSettings & StoreAccess & Events,
  { regionPool, epoch }: ClientMove,
  sessionId: string,
): Promise<boolean> {
  const { store, brokerId } = context;
  const [arrived] = await store.getSessions(regionPool, [sessionId]);
  if (arrived?.epoch !== epoch || arrived.state === 'ended') return false;
  const session = await store.setClientBroker(regionPool, sessionId, brokerId);
  if (session !== null) emitSessionChange(context, regionPool, session);
  return true;
}

/** Finds the session by the record of its request, which the move has assigned to the new host. */
async function findSessionOfRequest(
  context: BrokerSettings & StoreAccess,
  client: ClientConnection,
  known: ClientSession,
  sessionId: string,
): Promise<FoundSession | undefined> {
  const { store, brokerId } = context;
  const record = await context.batches.findRequest({
    playerId: client.playerId,
    requestId: known.request.requestId,
  });
  if (record === null || record.state === 'replaced' || record.epoch <= known.epoch) return undefined;
  const { regionPool, epoch } = record;
  const session = await store.setClientBroker(regionPool, sessionId, brokerId);
  const isThere = session !== null && session.state !== 'ended' && session.epoch === epoch;
  return isThere ? { regionPool, session } : undefined;
}
