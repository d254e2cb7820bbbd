import type { Matched, Play } from '@duskline/protocol';
import { brokerOf } from '../domain/connection-id.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { deliver, leaveToOther, tellHost } from './deliver.js';
import { decodeMatch, toldOf } from './match-details.js';
import type { Placed } from './placed.js';
import { Refusal, jittered } from './refusal.js';

/** How long a ticket outlives the reservation: the clocks of broker and host may differ by this much. */
const TICKET_CLOCK_SKEW_MS = 30_000;

/**
 * Tells the client of its slot, and the host of its client.
 *
 * @param beforeTelling the last moment to think better of it; the session is the client's by then
 */
export async function answerMatched(
  context: BrokerContext,
  client: ClientConnection,
  message: Play,
  placed: Placed,
  beforeTelling: () => Promise<void> = () => Promise.resolve(),
): Promise<Matched> {
  const { place, sessionId, epoch, hostId, meta } = placed;
  const matched = await toMatched(context, client, message, placed);
  // What a resumed session plays is not for the new request to say.
  const request = { ...message, title: meta.title };
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
  await beforeTelling();
  if (placed.earlier === undefined) prepareHost(context, placed);
  client.channel.send(matched);
  if (placed.earlier !== undefined) deliver(context, place, placed.earlier);
  return matched;
}

/** Tells the host to expect the session: directly, or through the broker it is connected to. */
function prepareHost(context: BrokerContext, placed: Placed): void {
  const { place, sessionId, epoch, hostId, hostConnectionId, meta } = placed;
  const brokerId = brokerOf(hostConnectionId);
  if (brokerId !== context.brokerId) {
    context.store.nudge(brokerId, place);
    return;
  }
  const host = context.connections.host(place, hostId);
  if (host === undefined) return;
  tellHost(context, host, {
    sessionId,
    epoch,
    state: 'reserved',
    reason: null,
    hostId,
    reservedAtMs: 0,
    clientBrokerId: context.brokerId,
    meta,
    movable: false,
  });
}

/** What a client is told of its slot, with a fresh ticket. @throws Refusal UNAVAILABLE when the host left */
export async function toMatched(
  context: BrokerContext,
  client: ClientConnection,
  { requestId }: Play,
  placed: Placed,
): Promise<Matched> {
  const { place, sessionId, epoch, hostId, hostConnectionId, claimWithinMs, meta } = placed;
  const endpoint = await context.fleet.endpoint(place, hostId, hostConnectionId);
  if (endpoint === undefined) {
    throw new Refusal('UNAVAILABLE', { message: 'The chosen host left.', retryAfterMs: jittered(1_000) });
  }
  const { playerId } = client;
  const { title } = meta;
  const ttlMs = context.limits.reservationMs + TICKET_CLOCK_SKEW_MS;
  const ticket = context.tickets.sign({
    ...place,
    hostId,
    sessionId,
    epoch,
    playerId,
    title,
    ttlMs,
    nowMs: Date.now(),
  });
  const iceServers = context.iceServers(sessionId);
  return {
    type: 'matched',
    requestId,
    sessionId,
    epoch,
    title,
    region: place.region,
    pool: place.pool,
    host: { hostId, endpoint },
    ticket,
    claimWithinMs,
    ...toldOf(decodeMatch(meta.match)),
    ...(iceServers.length === 0 ? {} : { iceServers }),
  };
}
