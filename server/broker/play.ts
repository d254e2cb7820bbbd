import type { Matched, Play } from '@duskline/protocol';
import { brokerOf } from '../domain/connection-id.js';
import type { ClientConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { deliver, tellHost } from './deliver.js';
import { endOwnSession } from './end-session.js';
import { findSlot } from './find-slot.js';
import { decodeMatch } from './match-details.js';
import type { Placed } from './placed.js';
import { Refusal, errorMessage, jittered, toRefusal } from './refusal.js';

/** How long a ticket outlives the reservation: the clocks of broker and host may differ by this much. */
const TICKET_CLOCK_SKEW_MS = 30_000;

/** Answers `play`: exactly one `matched` or `error` per request that is not taken back. */
export async function play(context: BrokerContext, client: ClientConnection, message: Play): Promise<void> {
  const { requestId } = message;
  // The answer to the first frame is on its way; it answers the repeated one too.
  if (client.pending.has(requestId)) return;
  const pending = { cancelled: false };
  client.pending.set(requestId, pending);
  const startedAt = performance.now();
  try {
    const placed = await findSlot(context, client, message);
    const matched = await toMatched(context, client, placed);
    context.connections.linkSession(client, placed.sessionId, {
      place: placed.place,
      requestId,
      epoch: placed.epoch,
      state: 'reserved',
    });
    if (pending.cancelled) {
      await endOwnSession(context, client, placed.sessionId);
      throw new Refusal('CANCELLED');
    }
    if (placed.earlier === undefined) prepareHost(context, placed);
    context.observer.matched(placed.place, matched.rank, performance.now() - startedAt);
    client.channel.send(matched);
    if (placed.earlier !== undefined) deliver(context, placed.place, placed.earlier);
  } catch (error) {
    const refusal = pending.cancelled ? new Refusal('CANCELLED') : toRefusal(error);
    if (refusal.code === 'INTERNAL') context.log.error({ err: error, requestId }, 'play failed');
    context.observer.refused(refusal.code);
    client.channel.send(errorMessage(refusal, { requestId }));
  } finally {
    client.pending.delete(requestId);
  }
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
  });
}

async function toMatched(context: BrokerContext, client: ClientConnection, placed: Placed): Promise<Matched> {
  const { place, sessionId, epoch, hostId, hostConnectionId, claimWithinMs, meta } = placed;
  const endpoint = await context.fleet.endpoint(place, hostId, hostConnectionId);
  if (endpoint === undefined) {
    throw new Refusal('UNAVAILABLE', { message: 'The chosen host left.', retryAfterMs: jittered(1_000) });
  }
  const { playerId } = client;
  const { title, requestId } = meta;
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
  const { tier: _, ...details } = decodeMatch(meta.match);
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
    ...(iceServers.length === 0 ? {} : { iceServers }),
    ...details,
  };
}
