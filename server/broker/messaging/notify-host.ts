import type { SessionLimits } from '@duskline/protocol';
import type { RegionPool } from '../../domain/catalog.js';
import { tierOf } from '../../domain/tiers.js';
import type { SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import type { HostConnection } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import { decodeMatch, type MatchDetails } from '../sessions/match-details.js';
import type { BrokerSettings } from '../settings.js';

/** Sends the host of a session, when it is connected here, what the session's change means for it. */
export function notifyHostOfSession(
  context: BrokerSettings & Connections,
  regionPool: RegionPool,
  session: SessionRecord,
): void {
  const host = context.connections.findHost(regionPool, session.hostId);
  if (host !== undefined) notifyHost(context, host, session);
}

/** Tells a host to expect a session, or to end one. */
export function notifyHost(context: BrokerSettings, host: HostConnection, session: SessionRecord): void {
  const { sessionId, epoch, state, meta } = session;
  if (state === 'reserved' && meta !== null) {
    if (wasSentToHost(host, session)) return;
    prepareHost(context, host, { sessionId, epoch, meta }, decodeMatch(meta.match));
  } else if (state === 'ended' && session.reason === 'host_lost') {
    // A host that receives this is alive after all: its next list of sessions decides which of them it keeps.
    host.lastSentEpochs.delete(sessionId);
  } else if (
    state === 'ended' &&
    (host.lastSentEpochs.delete(sessionId) || host.heldSessions.has(sessionId))
  ) {
    host.heldSessions.delete(sessionId);
    host.channel.send({ type: 'end', sessionId, epoch, reason: session.reason ?? 'error' });
  }
}

/** Tells a host which player to expect, unless it was told before. */
export function prepareHost(
  context: BrokerSettings,
  host: HostConnection,
  session: { readonly sessionId: string; readonly epoch: number; readonly meta: SessionMeta },
  { stream, tier }: MatchDetails,
): void {
  if (wasSentToHost(host, session)) return;
  const { sessionId, epoch, meta } = session;
  const { title, playerId } = meta;
  host.lastSentEpochs.set(sessionId, epoch);
  const limits = sessionLimitsOf(context, tier);
  const claimWithinMs = context.limits.reservationMs;
  const prepare = { type: 'prepare', sessionId, epoch, title, playerId, stream, claimWithinMs } as const;
  host.channel.send(limits === undefined ? prepare : { ...prepare, limits });
}

function wasSentToHost(
  { lastSentEpochs }: HostConnection,
  { sessionId, epoch }: { readonly sessionId: string; readonly epoch: number },
): boolean {
  return (lastSentEpochs.get(sessionId) ?? 0) >= epoch;
}

/** The limits that a host enforces on the sessions of a tier; `undefined` when the tier has none. */
export function sessionLimitsOf({ tiers }: BrokerSettings, tier: string): SessionLimits | undefined {
  const { idleMs, maxLengthMs, warnBeforeMs } = tierOf(tiers, tier);
  if (idleMs === null && maxLengthMs === null) return undefined;
  return {
    ...(idleMs === null ? {} : { idleMs }),
    ...(maxLengthMs === null ? {} : { maxLengthMs }),
    warnBeforeMs: [...warnBeforeMs],
  };
}
