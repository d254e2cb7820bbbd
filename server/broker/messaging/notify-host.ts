import type { SessionLimits } from '@duskline/protocol';
import type { RegionPool } from '../../domain/catalog.js';
import { tierOf } from '../../domain/tiers.js';
import type { SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import type { HostConnection } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import { decodeMatch, type MatchDetails } from '../sessions/match-details.js';
import type { BrokerSettings } from '../settings.js';

/** Notifies the host of a changed session, if the host is connected to this broker. */
export function notifyHostOfSession(
  context: BrokerSettings & Connections,
  regionPool: RegionPool,
  session: SessionRecord,
): void {
  const host = context.connections.findHost(regionPool, session.hostId);
  if (host !== undefined) notifyHost(context, host, session);
}

/** Sends a host `prepare` for a reserved session, or `end` for an ended one. */
function notifyHost(context: BrokerSettings, host: HostConnection, session: SessionRecord): void {
  const { sessionId, epoch, state, meta } = session;
  if (state !== 'reserved') host.unansweredPrepares.delete(sessionId);
  if (state === 'reserved' && meta !== null) {
    if (wasSentToHost(host, session)) return;
    prepareHost(context, host, { sessionId, epoch, meta }, decodeMatch(meta.match));
  } else if (state === 'ended' && session.reason === 'host_lost') {
    // The host is connected, so it was lost only for a while: its next list of sessions decides which sessions it keeps.
    host.lastSentEpochs.delete(sessionId);
  } else if (
    state === 'ended' &&
    (host.lastSentEpochs.delete(sessionId) || host.heldSessions.has(sessionId))
  ) {
    host.heldSessions.delete(sessionId);
    host.channel.send({ type: 'end', sessionId, epoch, reason: session.reason ?? 'error' });
  }
}

/**
 * Sends `prepare` with the player to expect, unless the host was sent that epoch or a later one.
 *
 * @param claimWithinMs what is left of the reservation
 */
export function prepareHost(
  context: BrokerSettings,
  host: HostConnection,
  session: { readonly sessionId: string; readonly epoch: number; readonly meta: SessionMeta },
  { stream, tier }: MatchDetails,
  claimWithinMs = context.limits.reservationMs,
): void {
  if (!host.knowsEnds || wasSentToHost(host, session)) return;
  const { sessionId, epoch, meta } = session;
  const { title, playerId } = meta;
  host.lastSentEpochs.set(sessionId, epoch);
  host.unansweredPrepares.add(sessionId, epoch);
  const limits = sessionLimitsOf(context, tier);
  const prepare = { type: 'prepare', sessionId, epoch, title, playerId, stream, claimWithinMs } as const;
  host.channel.send(limits === undefined ? prepare : { ...prepare, limits });
}

function wasSentToHost(
  { lastSentEpochs }: HostConnection,
  { sessionId, epoch }: { readonly sessionId: string; readonly epoch: number },
): boolean {
  return (lastSentEpochs.get(sessionId) ?? 0) >= epoch;
}

/** The limits that hosts enforce on sessions of this tier; `undefined` when the tier has none. */
export function sessionLimitsOf({ tiers }: BrokerSettings, tier: string): SessionLimits | undefined {
  const { idleMs, maxLengthMs, warnBeforeMs } = tierOf(tiers, tier);
  if (idleMs === null && maxLengthMs === null) return undefined;
  return {
    ...(idleMs === null ? {} : { idleMs }),
    ...(maxLengthMs === null ? {} : { maxLengthMs }),
    warnBeforeMs: [...warnBeforeMs],
  };
}
