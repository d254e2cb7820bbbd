import type { Matched, Play } from '@duskline/protocol';
import type { Runtime } from '../../runtime/runtime.js';
import type { ClientConnection } from '../connections/connections.js';
import type { Credentials } from '../credentials.js';
import { decodeMatch, type MatchDetails } from '../sessions/match-details.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import { Refusal } from '../refusal.js';

/** A ticket is valid this much longer than the reservation, because the clocks of broker and host may differ. */
const TICKET_CLOCK_SKEW_MS = 30_000;

/** Builds the `matched` message for a slot whose endpoint may have to be read first. @throws Refusal UNAVAILABLE when the host has left */
export async function createMatched(
  context: BrokerSettings & Runtime & StoreAccess & Credentials,
  client: ClientConnection,
  request: Play,
  placed: PlacedSession,
): Promise<Matched> {
  const endpoint = cachedEndpoint(context, placed) ?? (await findEndpoint(context, placed));
  return buildMatched(context, client, request, placed, decodeMatch(placed.meta.match), endpoint);
}

/** The endpoint of the host, when this broker has read it already: then `matched` needs no store call. */
export function cachedEndpoint({ fleet }: StoreAccess, placed: PlacedSession): string | undefined {
  const { regionPool, hostId, hostConnectionId } = placed;
  return fleet.cachedEndpoint(regionPool, hostId, hostConnectionId);
}

/** Reads the endpoint of the host from the store. @throws Refusal UNAVAILABLE when the host has left */
async function findEndpoint({ fleet }: StoreAccess, { regionPool, hostId }: PlacedSession): Promise<string> {
  const endpoint = await fleet.fetchEndpoint(regionPool, hostId);
  if (endpoint !== undefined) return endpoint;
  throw new Refusal('UNAVAILABLE', { message: 'The chosen host has left.', retryAboutMs: 1_000 });
}

/** Builds the `matched` message for a slot, with a new ticket. */
export function buildMatched(
  context: BrokerSettings & Runtime & Credentials,
  { playerId }: ClientConnection,
  { requestId }: Play,
  placed: PlacedSession,
  details: MatchDetails,
  endpoint: string,
): Matched {
  const { regionPool, sessionId, epoch, hostId, claimWithinMs, meta, seq = 0 } = placed;
  const { region, pool } = regionPool;
  const { title } = meta;
  const ttlMs = context.limits.reservationMs + TICKET_CLOCK_SKEW_MS;
  const nowMs = context.clock.wallMs();
  const ticket = context.tickets.sign({
    region,
    pool,
    hostId,
    sessionId,
    epoch,
    playerId,
    title,
    seq,
    ttlMs,
    nowMs,
  });
  const iceServers = context.iceServers(sessionId);
  const { stream, rank, candidates, rttMs, reason, unmeasured } = details;
  const matched: Matched = {
    type: 'matched',
    requestId,
    sessionId,
    epoch,
    title,
    region,
    pool,
    host: { hostId, endpoint },
    ticket,
    claimWithinMs,
    stream,
    rank,
    candidates,
    ...(unmeasured?.includes(region) === true ? {} : { rttMs }),
    reason,
  };
  return iceServers.length === 0 ? matched : { ...matched, iceServers };
}
