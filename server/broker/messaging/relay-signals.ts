import type { HostLimit, HostSignal, Limit, Signal } from '@duskline/protocol';
import { MAX_FRAME_BYTES } from '@duskline/protocol/constants';
import type { RegionPool } from '../../domain/catalog.js';
import type { SessionMessage, RelayedMessage } from '../../store/fleet-store.js';
import type { ClientConnection, HostConnection } from '../connections/connections.js';
import type { Reporting } from '../reporting.js';
import type { Connections } from '../connections/ports.js';
import type { StoreAccess } from '../store-access/ports.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';

/** What passes between the ends of a session, as brokers write it into letters. */
type RelayedBody =
  | Pick<Signal, 'type' | 'data'>
  | Pick<Limit, 'type' | 'kind' | 'endsAtMs'>
  /** A broker's own answer to a signal that came when its peer was no longer there. */
  | { readonly type: 'peer_away' };

/**
 * The most that a letter's body may measure. A character may take six bytes once it is escaped, and the frame
 * to a host names the epoch as well: it must not become larger than a frame that the host reads, or any
 * client could cut its host off.
 */
const MAX_BODY_BYTES = MAX_FRAME_BYTES - 1_024;

/** Passes a client's signal to the host of its session; answered only when that fails. */
export async function relayToHost(
  context: StoreAccess & Connections & Reporting,
  client: ClientConnection,
  { sessionId, data }: Signal,
): Promise<void> {
  try {
    const known = client.sessions.get(sessionId);
    if (known === undefined) throw new Refusal('UNKNOWN_SESSION');
    const { place, epoch } = known;
    await relayMessage(context, place, { sessionId, epoch, fromHostId: null }, { type: 'signal', data });
  } catch (error) {
    client.channel.send(errorMessage(toLoggedRefusal(context, error), { sessionId }));
  }
}

/** Passes a host's signal to the client of its session; answered only when that fails. */
export async function relayToClient(
  context: StoreAccess & Connections & Reporting,
  host: HostConnection,
  { sessionId, epoch, data }: HostSignal,
): Promise<void> {
  try {
    const fromHostId = host.registration.hostId;
    await relayMessage(context, host.place, { sessionId, epoch, fromHostId }, { type: 'signal', data });
  } catch (error) {
    host.channel.send(errorMessage(toLoggedRefusal(context, error), { sessionId }));
  }
}

/** Passes a host's word that a limit draws near to the client of the session. */
export async function relayLimitWarning(
  context: StoreAccess & Connections & Reporting,
  host: HostConnection,
  { sessionId, epoch, kind, endsInMs }: HostLimit,
): Promise<void> {
  try {
    const fromHostId = host.registration.hostId;
    const endsAtMs = endsInMs === null ? null : Date.now() + endsInMs;
    await relayMessage(
      context,
      host.place,
      { sessionId, epoch, fromHostId },
      { type: 'limit', kind, endsAtMs },
    );
  } catch (error) {
    const refusal = toLoggedRefusal(context, error);
    // The host holds the session to its limit all the same, and can do nothing about a client that is away.
    if (refusal.code !== 'PEER_AWAY') host.channel.send(errorMessage(refusal, { sessionId }));
  }
}

/**
 * Hands a letter that came from another broker to this broker's own connection. When that is not here any
 * more, as the store cannot know, the other end is told so.
 */
export async function deliverRelayedMessage(
  context: StoreAccess & Connections & Reporting,
  place: RegionPool,
  { sessionId, epoch, toHostId, body }: RelayedMessage,
): Promise<void> {
  // Only brokers write it.
  const message = JSON.parse(body) as RelayedBody;
  const about = { sessionId, epoch };
  const delivered =
    toHostId === null
      ? deliverToClient(context, about, message)
      : deliverToHost(context, place, toHostId, about, message);
  if (delivered || message.type !== 'signal') return;
  try {
    await relayMessage(context, place, { ...about, fromHostId: toHostId }, { type: 'peer_away' });
  } catch (error) {
    // Then nobody is left to be told.
    toLoggedRefusal(context, error);
  }
}

async function relayMessage(
  context: StoreAccess & Connections,
  place: RegionPool,
  letter: Omit<SessionMessage, 'body'>,
  message: RelayedBody,
): Promise<void> {
  const body = JSON.stringify(message);
  if (Buffer.byteLength(body) > MAX_BODY_BYTES) {
    throw new Refusal('BAD_MESSAGE', { message: 'signal: /data is too long once it is written as JSON.' });
  }
  const outcome = await context.batches.relayMessage(place, { ...letter, body });
  switch (outcome.kind) {
    case 'local': {
      const delivered =
        letter.fromHostId === null
          ? deliverToHost(context, place, outcome.hostId, letter, message)
          : deliverToClient(context, letter, message);
      if (!delivered) throw new Refusal('PEER_AWAY');
      return;
    }
    case 'forwarded':
      context.store.sendWakeUp(outcome.brokerId, place);
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

/** Delivers if a host with that assignment is connected here. Limits are the hosts' own: they get none. */
function deliverToHost(
  { connections }: Connections,
  place: RegionPool,
  hostId: string,
  { sessionId, epoch }: Assignment,
  body: RelayedBody,
): boolean {
  const host = connections.findHost(place, hostId);
  const knows =
    host?.lastSentEpochs.get(sessionId) === epoch || host?.heldSessions.get(sessionId)?.epoch === epoch;
  if (host === undefined || !knows) return false;
  if (body.type === 'signal') host.channel.send({ type: 'signal', sessionId, epoch, data: body.data });
  if (body.type === 'peer_away') host.channel.send(errorMessage(new Refusal('PEER_AWAY'), { sessionId }));
  return true;
}

/** Delivers if the session's client is connected here, and knows of that very assignment. */
function deliverToClient(
  { connections }: Connections,
  { sessionId, epoch }: Assignment,
  body: RelayedBody,
): boolean {
  const client = connections.clientOfSession(sessionId);
  if (client?.sessions.get(sessionId)?.epoch !== epoch) return false;
  if (body.type === 'peer_away') client.channel.send(errorMessage(new Refusal('PEER_AWAY'), { sessionId }));
  else client.channel.send({ ...body, sessionId });
  return true;
}

/** The refusal to answer with; a fault of ours is logged, as the answer says it was. */
function toLoggedRefusal(context: Reporting, error: unknown): Refusal {
  const refusal = toRefusal(error);
  if (refusal.code === 'INTERNAL') context.log.error({ err: error }, 'a signal could not be passed on');
  return refusal;
}
