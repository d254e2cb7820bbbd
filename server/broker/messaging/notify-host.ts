import type { SessionLimits } from '@duskline/protocol';
import type { EndReason } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import { epochOf, isUnprepared, type HostSessionEvent } from '../../domain/host-session/host-session.js';
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
  const { sessionId, epoch, state, reason, meta } = session;
  if (state === 'reserved' && meta !== null) {
    const known = host.sessions.get(sessionId);
    if (epochOf(known) >= epoch && !isUnprepared(known, epoch)) return;
    prepareHost(context, host, { sessionId, epoch, meta }, decodeMatch(meta.match));
  } else if (state === 'ended') {
    if (reason === 'host_lost') dispatchToHost(host, sessionId, { type: 'host_lost', epoch });
    else dispatchToHost(host, sessionId, { type: 'ended', epoch, reason: reason ?? 'error' });
  }
}

/**
 * Sends `prepare` for a session whose client came to the host before `prepare` did: only that message has the session's limits and
 * stream settings.
 */
export function prepareClaimed(
  context: BrokerSettings,
  host: HostConnection,
  { sessionId, epoch, meta }: SessionRecord,
): void {
  if (meta === null || !isUnprepared(host.sessions.get(sessionId), epoch)) return;
  prepareHost(context, host, { sessionId, epoch, meta }, decodeMatch(meta.match));
}

/** Sends `end` to a host that is connected to this broker, unless it was told already. */
export function endOnHost(
  { connections }: Connections,
  regionPool: RegionPool,
  hostId: string,
  {
    sessionId,
    epoch,
    reason,
  }: { readonly sessionId: string; readonly epoch: number; readonly reason: EndReason },
): void {
  const host = connections.findHost(regionPool, hostId);
  if (host !== undefined) dispatchToHost(host, sessionId, { type: 'ended', epoch, reason });
}

/** Applies an event to a session on a host, and sends `end` if it is over there. */
export function dispatchToHost(host: HostConnection, sessionId: string, event: HostSessionEvent): void {
  for (const effect of host.sessions.apply(sessionId, event)) {
    if (effect.type !== 'send_end') continue;
    const { epoch, reason } = effect;
    host.channel.send({ type: 'end', sessionId, epoch, reason });
  }
}

/**
 * Sends `prepare` with the player to expect, unless the host was sent that epoch or a later one, or has a later one.
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
  const { sessionId, epoch, meta } = session;
  if (!host.knowsEnds || host.sessions.apply(sessionId, { type: 'assigned', epoch }).length === 0) return;
  const { title, playerId } = meta;
  const limits = sessionLimitsOf(context, tier);
  const prepare = { type: 'prepare', sessionId, epoch, title, playerId, stream, claimWithinMs } as const;
  host.channel.send(limits === undefined ? prepare : { ...prepare, limits });
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
