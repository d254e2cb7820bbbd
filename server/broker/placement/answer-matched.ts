import type { Matched, Play } from '@duskline/protocol';
import { brokerIdOf } from '../../domain/connection-id.js';
import type { StoreMs } from '../../domain/store-time.js';
import type { ClientConnection, ClientSessionRecord } from '../connections/connections.js';
import type { BrokerSettings } from '../settings.js';
import type { Credentials } from '../credentials.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Connections } from '../connections/ports.js';
import { prepareHost } from '../messaging/notify-host.js';
import { decodeMatch, type MatchDetails } from '../sessions/match-details.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { buildMatched } from './create-matched.js';
import type { Runtime } from '../../runtime/runtime.js';

/**
 * Sends `prepare` to the host, and gives the match to the session's machine, whose effect `send` sends `matched`. The client's
 * connection has the session from now on.
 *
 * @param session the session's record; `undefined` if this broker does not know the session
 */
export function sendMatched(
  context: BrokerSettings & Runtime & StoreAccess & Connections & Credentials,
  client: ClientConnection,
  message: Play,
  placed: PlacedSession,
  endpoint: string,
  session: ClientSessionRecord | undefined,
): Matched {
  const { regionPool, sessionId, epoch, hostId, meta } = placed;
  const known = session?.state.phase;
  const details = placed.details ?? decodeMatch(meta.match);
  const matched = buildMatched(context, client, message, placed, details, endpoint);
  // A resumed session keeps its title, whatever the new request names.
  const request = message.title === meta.title ? message : { ...message, title: meta.title };
  const assignment = {
    regionPool,
    request,
    meta,
    hostId,
    epoch,
    seq: placed.seq ?? 0,
    arrivedAtMs: placed.arrivedAtMs ?? arrivalIn(known),
    reservedUntilMs: context.clock.monotonicMs() + placed.claimWithinMs,
  };
  const { earlierSession } = placed;
  // The request that this one resumes may not have been matched.
  const isReserved = earlierSession === undefined || earlierSession.state === 'reserved';
  if (isReserved && !hasEnded(known, epoch)) prepareMatchedHost(context, placed, details);
  context.sessionRunner.match(client, sessionId, { assignment, message: matched, earlierSession });
  return matched;
}

/** The phase of the session on this broker; `undefined` if the broker does not know the session. */
type KnownPhase = ClientSessionRecord['state']['phase'] | undefined;

/** When the request of a session that had a host before began to wait. */
function arrivalIn(phase: KnownPhase): StoreMs | null {
  return phase !== undefined && 'held' in phase ? phase.held.assignment.arrivedAtMs : null;
}

/** Whether the player has given the new session up already, through another broker. The client is told so after `matched`. */
function hasEnded(phase: KnownPhase, epoch: number): boolean {
  return (
    phase?.name === 'unmatched' && phase.earlyEnd?.epoch === epoch && phase.earlyEnd.reason === 'client_left'
  );
}

/** Sends `prepare` to the host. If the host is connected to another broker, that broker sends it after a wake-up. */
function prepareMatchedHost(
  context: BrokerSettings & StoreAccess & Connections,
  placed: PlacedSession,
  details: MatchDetails,
): void {
  const { regionPool, sessionId, epoch, hostId, hostConnectionId, meta, claimWithinMs } = placed;
  const brokerId = brokerIdOf(hostConnectionId);
  if (brokerId !== context.brokerId) {
    context.store.sendWakeUp(brokerId, regionPool);
    return;
  }
  const host = context.connections.findHost(regionPool, hostId);
  if (host !== undefined) prepareHost(context, host, { sessionId, epoch, meta }, details, claimWithinMs);
}
