import type { HostLimit, HostSignal, Limit, Signal } from '@duskline/protocol';
import { MAX_FRAME_BYTES } from '@duskline/protocol/constants';
import type { RegionPool } from '../../domain/catalog.js';
import { hasAssignment } from '../../domain/host-session/host-session.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { SessionMessage, RelayedMessage } from '../../store/fleet-store.js';
import { heldByClient } from '../connections/client-session-directory.js';
import type { ClientConnection, HostConnection } from '../connections/connections.js';
import type { Reporting } from '../reporting.js';
import type { Connections } from '../connections/ports.js';
import type { StoreAccess } from '../store-access/ports.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';

type Ports = Runtime & StoreAccess & Connections & Reporting;

/** The body of a relayed message, as brokers write it. */
type RelayedBody =
  | Pick<Signal, 'type' | 'data'>
  | Pick<Limit, 'type' | 'kind' | 'endsAtMs'>
  /** A broker's reply to a signal whose receiver had disconnected. */
  | { readonly type: 'peer_away' };

/**
 * Maximum size of a relayed body. JSON escapes may enlarge a character to six bytes, and the frame to a host also contains the
 * epoch. If that frame exceeded the host's limit, any client could make its host disconnect.
 */
const MAX_BODY_BYTES = MAX_FRAME_BYTES - 1_024;

/** Relays a client's signal to the host of its session. The client gets an answer only if that fails. */
export async function relayToHost(
  context: Ports,
  client: ClientConnection,
  { sessionId, data }: Signal,
): Promise<void> {
  try {
    const held = heldByClient(client, sessionId);
    if (held === undefined) throw new Refusal('UNKNOWN_SESSION');
    const { assignment, epoch } = held;
    const { regionPool } = assignment;
    await relayMessage(context, regionPool, { sessionId, epoch, fromHostId: null }, { type: 'signal', data });
  } catch (error) {
    client.channel.send(
      errorMessage(toLoggedRefusal(context, error, sessionId), context.random, {
        inReplyTo: 'signal',
        sessionId,
      }),
    );
  }
}

/** Relays a host's signal to the client of its session. The host gets an answer only if that fails. */
export async function relayToClient(
  context: Ports,
  host: HostConnection,
  { sessionId, epoch, data }: HostSignal,
): Promise<void> {
  try {
    const fromHostId = host.registration.hostId;
    await relayMessage(context, host.regionPool, { sessionId, epoch, fromHostId }, { type: 'signal', data });
  } catch (error) {
    host.channel.send(
      errorMessage(toLoggedRefusal(context, error, sessionId), context.random, {
        inReplyTo: 'signal',
        sessionId,
      }),
    );
  }
}

/** Relays a host's warning about an approaching limit to the client of the session. */
export async function relayLimitWarning(
  context: Ports,
  host: HostConnection,
  { sessionId, epoch, kind, endsInMs }: HostLimit,
): Promise<void> {
  try {
    const fromHostId = host.registration.hostId;
    const endsAtMs = endsInMs === null ? null : context.clock.wallMs() + endsInMs;
    await relayMessage(
      context,
      host.regionPool,
      { sessionId, epoch, fromHostId },
      { type: 'limit', kind, endsAtMs },
    );
  } catch (error) {
    const refusal = toLoggedRefusal(context, error, sessionId);
    // The host enforces the limit in any case, and can do nothing about a disconnected client.
    if (refusal.code !== 'PEER_AWAY')
      host.channel.send(errorMessage(refusal, context.random, { inReplyTo: 'limit', sessionId }));
  }
}

/**
 * Delivers a message from another broker to a connection of this broker. If the receiver of a signal has disconnected since,
 * its sender gets PEER_AWAY.
 */
export async function deliverRelayedMessage(
  context: Ports,
  regionPool: RegionPool,
  { sessionId, epoch, toHostId, body }: RelayedMessage,
): Promise<void> {
  // Only brokers write the body.
  const message = JSON.parse(body) as RelayedBody;
  const assignment = { sessionId, epoch };
  const delivered =
    toHostId === null
      ? deliverToClient(context, assignment, message)
      : deliverToHost(context, regionPool, toHostId, assignment, message);
  if (delivered || message.type !== 'signal') return;
  try {
    await relayMessage(context, regionPool, { ...assignment, fromHostId: toHostId }, { type: 'peer_away' });
  } catch (error) {
    // The sender has disconnected, too, or the store is unreachable.
    toLoggedRefusal(context, error, sessionId);
  }
}

async function relayMessage(
  context: Runtime & StoreAccess & Connections,
  regionPool: RegionPool,
  message: Omit<SessionMessage, 'body'>,
  body: RelayedBody,
): Promise<void> {
  const bodyText = JSON.stringify(body);
  if (Buffer.byteLength(bodyText) > MAX_BODY_BYTES) {
    throw new Refusal('BAD_MESSAGE', { message: 'signal: /data is too long once it is written as JSON.' });
  }
  const outcome = await context.batches.relayMessage(regionPool, { ...message, body: bodyText });
  switch (outcome.kind) {
    case 'local': {
      const delivered =
        message.fromHostId === null
          ? deliverToHost(context, regionPool, outcome.hostId, message, body)
          : deliverToClient(context, message, body);
      if (!delivered) throw new Refusal('PEER_AWAY');
      return;
    }
    case 'forwarded':
      context.store.sendWakeUp(outcome.brokerId, regionPool);
      return;
    case 'disconnected':
      throw new Refusal('PEER_AWAY');
    case 'overflow':
      throw new Refusal('TOO_MANY_SIGNALS');
    case 'stale':
      throw new Refusal('STALE_EPOCH');
    case 'unknown':
      throw new Refusal('UNKNOWN_SESSION');
    case 'over':
      throw new Refusal('SESSION_OVER');
  }
}

type Assignment = Pick<SessionMessage, 'sessionId' | 'epoch'>;

/** Delivers if the host is connected here and knows the assignment. `limit` is never sent to hosts. */
function deliverToHost(
  { connections, random }: Runtime & Connections,
  regionPool: RegionPool,
  hostId: string,
  { sessionId, epoch }: Assignment,
  body: RelayedBody,
): boolean {
  const host = connections.findHost(regionPool, hostId);
  if (host === undefined || !hasAssignment(host.sessions.get(sessionId), epoch)) return false;
  if (!host.channel.open) return false;
  if (body.type === 'signal') host.channel.send({ type: 'signal', sessionId, epoch, data: body.data });
  if (body.type === 'peer_away')
    host.channel.send(errorMessage(new Refusal('PEER_AWAY'), random, { inReplyTo: 'signal', sessionId }));
  return true;
}

/** Delivers if the session's client is connected here and knows the assignment. */
function deliverToClient(
  { clientSessions, random }: Runtime & Connections,
  { sessionId, epoch }: Assignment,
  body: RelayedBody,
): boolean {
  const client = clientSessions.clientOf(sessionId);
  if (client?.channel.open !== true || clientSessions.findHeld(sessionId)?.epoch !== epoch) return false;
  if (body.type === 'peer_away')
    client.channel.send(errorMessage(new Refusal('PEER_AWAY'), random, { inReplyTo: 'signal', sessionId }));
  else client.channel.send({ ...body, sessionId });
  return true;
}

/** Converts an error to the refusal to answer with, and logs a bug of the broker. */
function toLoggedRefusal(context: Reporting, error: unknown, sessionId: string): Refusal {
  const refusal = toRefusal(error);
  if (refusal.code === 'INTERNAL')
    context.log.error({ err: error, sessionId }, 'a signal or limit warning could not be relayed');
  return refusal;
}
