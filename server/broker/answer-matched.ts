import type { Matched, Play } from '@duskline/protocol';
import { brokerOf } from '../domain/connection-id.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { deliver, leaveToOther, prepareHost } from './deliver.js';
import { decodeMatch, type MatchDetails } from './match-details.js';
import type { Placed } from './placed.js';
import { Refusal, jittered } from './refusal.js';

/** How long a ticket outlives the reservation: the clocks of broker and host may differ by this much. */
const TICKET_CLOCK_SKEW_MS = 30_000;

/**
 * Tells the client of its slot, and the host of its client.
 *
 * @param secondThoughts the last moment to think better of it, when the session is the client's by then: rejects when it
 *   is not to be told; `undefined` when it is
 */
export async function answerMatched(
  context: BrokerContext,
  client: ClientConnection,
  message: Play,
  placed: Placed,
  secondThoughts: () => Promise<void> | undefined = () => undefined,
): Promise<Matched> {
  const { place, sessionId, epoch, hostId, meta } = placed;
  const details = placed.details ?? decodeMatch(meta.match);
  const endpoint = knownEndpoint(context, placed) ?? (await findEndpoint(context, placed));
  const matched = matchedMessage(context, client, message, placed, details, endpoint);
  // What a resumed session plays is not for the new request to say.
  const request = message.title === meta.title ? message : { ...message, title: meta.title };
  const before = context.connections.clientOf(sessionId);
  const known = before?.sessions.get(sessionId) ?? context.departed.sessions.get(sessionId)?.known;
  const link = {
    place,
    request,
    meta,
    hostId,
    arrivedAtMs: placed.arrivedAtMs ?? known?.arrivedAtMs ?? null,
    reservedUntilMs: performance.now() + placed.claimWithinMs,
    epoch,
    state: 'reserved' as const,
    misses: 0,
    move: null,
  };
  if (before !== undefined && before !== client) leaveToOther(context, before, sessionId);
  context.connections.linkSession(client, sessionId, link);
  context.departed.sessions.forget(sessionId);
  const stopped = secondThoughts();
  if (stopped !== undefined) await stopped;
  if (placed.earlier === undefined) notifyHost(context, placed, details);
  client.channel.send(matched);
  if (placed.earlier !== undefined) deliver(context, place, placed.earlier);
  return matched;
}

/** Tells the host to expect the session: directly, or through the broker it is connected to. */
function notifyHost(context: BrokerContext, placed: Placed, details: MatchDetails): void {
  const { place, sessionId, epoch, hostId, hostConnectionId, meta } = placed;
  const brokerId = brokerOf(hostConnectionId);
  if (brokerId !== context.brokerId) {
    context.store.nudge(brokerId, place);
    return;
  }
  const host = context.connections.host(place, hostId);
  if (host !== undefined) prepareHost(context, host, { sessionId, epoch, meta }, details);
}

/** What a client is told of its slot, with a fresh ticket. @throws Refusal UNAVAILABLE when the host left */
export async function toMatched(
  context: BrokerContext,
  client: ClientConnection,
  request: Play,
  placed: Placed,
): Promise<Matched> {
  const endpoint = knownEndpoint(context, placed) ?? (await findEndpoint(context, placed));
  return matchedMessage(context, client, request, placed, decodeMatch(placed.meta.match), endpoint);
}

function knownEndpoint({ fleet }: BrokerContext, placed: Placed): string | undefined {
  const { place, hostId, hostConnectionId } = placed;
  return fleet.knownEndpoint(place, hostId, hostConnectionId);
}

async function findEndpoint({ fleet }: BrokerContext, { place, hostId }: Placed): Promise<string> {
  const endpoint = await fleet.findEndpoint(place, hostId);
  if (endpoint !== undefined) return endpoint;
  throw new Refusal('UNAVAILABLE', { message: 'The chosen host left.', retryAfterMs: jittered(1_000) });
}

function matchedMessage(
  context: BrokerContext,
  { playerId }: ClientConnection,
  { requestId }: Play,
  placed: Placed,
  details: MatchDetails,
  endpoint: string,
): Matched {
  const { place, sessionId, epoch, hostId, claimWithinMs, meta } = placed;
  const { region, pool } = place;
  const { title } = meta;
  const ttlMs = context.limits.reservationMs + TICKET_CLOCK_SKEW_MS;
  const nowMs = Date.now();
  const ticket = context.tickets.sign({
    region,
    pool,
    hostId,
    sessionId,
    epoch,
    playerId,
    title,
    ttlMs,
    nowMs,
  });
  const iceServers = context.iceServers(sessionId);
  const { stream, rank, candidates, rttMs, reason } = details;
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
    rttMs,
    reason,
  };
  return iceServers.length === 0 ? matched : { ...matched, iceServers };
}
