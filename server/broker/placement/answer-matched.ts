import type { Matched, Play } from '@duskline/protocol';
import { brokerIdOf } from '../../domain/connection-id.js';
import type { RegionPool } from '../../domain/catalog.js';
import type { ClientConnection } from '../connections/connections.js';
import type { BrokerSettings } from '../settings.js';
import type { Credentials } from '../credentials.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Connections } from '../connections/ports.js';
import type { CorePorts } from '../core-ports.js';
import { emitSessionChange } from '../messaging/session-events.js';
import { prepareHost } from '../messaging/notify-host.js';
import { notifyReplaced } from '../messaging/notify-replaced.js';
import { decodeMatch, type MatchDetails } from '../sessions/match-details.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { buildMatched } from './create-matched.js';

/** Sends `matched` to the client and `prepare` to the host, and links the session to the client's connection. */
export function sendMatched(
  context: CorePorts & Connections & Credentials,
  client: ClientConnection,
  message: Play,
  placed: PlacedSession,
  endpoint: string,
): Matched {
  const { regionPool, sessionId, epoch, hostId, meta } = placed;
  const details = placed.details ?? decodeMatch(meta.match);
  const matched = buildMatched(context, client, message, placed, details, endpoint);
  // A resumed session keeps its title, whatever the new request names.
  const request = message.title === meta.title ? message : { ...message, title: meta.title };
  const before = context.connections.clientOfSession(sessionId);
  const known = before?.sessions.get(sessionId) ?? context.disconnectedSessions.get(sessionId)?.known;
  const link = {
    regionPool,
    request,
    meta,
    hostId,
    seq: placed.seq ?? 0,
    arrivedAtMs: placed.arrivedAtMs ?? known?.arrivedAtMs ?? null,
    reservedUntilMs: context.clock.monotonicMs() + placed.claimWithinMs,
    epoch,
    state: 'reserved' as const,
    missedChecks: 0,
    pendingMove: null,
  };
  if (before !== undefined && before !== client)
    notifyReplaced(context, before, sessionId, message.requestId);
  context.disconnectedSessions.forget(sessionId);
  if (context.connections.hasClient(client)) context.connections.linkSession(client, sessionId, link);
  // The client disconnected meanwhile. After its reconnect it finds the session, also in a store that has lost it.
  else context.disconnectedSessions.add({ sessionId, playerId: client.playerId, known: link });
  if (placed.earlierSession === undefined) prepareMatchedHost(context, placed, details);
  client.channel.send(matched);
  const loss = context.earlyLosses.get(sessionId);
  if (loss?.epoch === epoch) emitSessionChange(context, regionPool, loss);
  if (placed.earlierSession !== undefined) {
    emitSessionChange(context, regionPool, placed.earlierSession);
    void notifyMissedChange(context, client, regionPool, sessionId);
  }
  return matched;
}

/**
 * Reads an earlier session again, now that it is linked to its client. A change that arrived between the first read and the
 * link was dropped, because this broker knew no client to notify.
 */
async function notifyMissedChange(
  context: CorePorts,
  client: ClientConnection,
  regionPool: RegionPool,
  sessionId: string,
): Promise<void> {
  const known = client.sessions.get(sessionId);
  if (known === undefined) return;
  const { epoch, state } = known;
  try {
    const [session] = await context.store.getSessions(regionPool, [sessionId]);
    // A change reported meanwhile is newer than this read.
    const isUnchanged =
      client.sessions.get(sessionId) === known && known.epoch === epoch && known.state === state;
    if (isUnchanged && session !== null && session !== undefined)
      emitSessionChange(context, regionPool, session);
  } catch (error) {
    // The periodic check of all sessions finds the change.
    context.log.warn({ err: error, sessionId }, 'a resumed session could not be read again');
  }
}

/** Sends `prepare` to the host. If the host is connected to another broker, that broker sends it after a wake-up. */
function prepareMatchedHost(
  context: BrokerSettings & StoreAccess & Connections,
  placed: PlacedSession,
  details: MatchDetails,
): void {
  const { regionPool, sessionId, epoch, hostId, hostConnectionId, meta } = placed;
  const brokerId = brokerIdOf(hostConnectionId);
  if (brokerId !== context.brokerId) {
    context.store.sendWakeUp(brokerId, regionPool);
    return;
  }
  const host = context.connections.findHost(regionPool, hostId);
  if (host !== undefined) prepareHost(context, host, { sessionId, epoch, meta }, details);
}
