import { isSameRegionPool, type RegionPool } from '../../domain/catalog.js';
import type { RequestRecord, SessionMeta, SessionRecord } from '../../store/fleet-store.js';
import { heldByClient } from '../connections/client-session-directory.js';
import type { ClientConnection } from '../connections/connections.js';
import { Refusal } from '../refusal.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import { claimTimeLeftMs, placedFromSession } from './placed-from-session.js';

/** A request that was made before. */
type EarlierRequest = Omit<RequestRecord, 'replacedBy'>;

/**
 * What became of a request that was made before:
 *
 * - `placed`: it has a session.
 * - `lost`: the host of its session was lost, and no broker has begun to place it again.
 * - `replacing`: the host of its session was lost, and a broker has begun to place it again.
 * - `ended`: its session has ended. The client has not been told.
 * - `lapsed`: it waited in queues, and its client was disconnected for longer than `queueGraceMs`.
 */
export type EarlierOutcome =
  | { readonly kind: 'placed'; readonly placed: PlacedSession }
  | { readonly kind: 'lost'; readonly regionPool: RegionPool; readonly session: SessionRecord }
  | { readonly kind: 'replacing'; readonly regionPool: RegionPool; readonly session: SessionRecord }
  | { readonly kind: 'ended'; readonly regionPool: RegionPool; readonly session: SessionRecord }
  | { readonly kind: 'lapsed' };

/**
 * Gives the session of a request that was made before to this connection, and says what became of the request. The store
 * records this broker as the client's broker of the session, and the session's metadata again if it has lost them.
 *
 * @param replaceLost whether the caller replaces a session whose host was lost
 * @param metaForRegionPool creates the metadata of the request's session, for a store that has lost it
 * @returns `undefined` when no region pool has a session of the request, or only an offered one
 * @throws Refusal SESSION_OVER, TIMED_OUT, UNKNOWN_SESSION, UNAVAILABLE
 */
export async function attachEarlierSession(
  context: BrokerSettings & StoreAccess,
  client: ClientConnection,
  record: EarlierRequest,
  replaceLost: boolean,
  metaForRegionPool: (regionPool: RegionPool) => SessionMeta | undefined = () => undefined,
): Promise<EarlierOutcome | undefined> {
  const { limits, store, brokerId } = context;
  const found = await locateSession(context, record);
  // An offered session is still a queue position: `findQueuePosition` handles it.
  if (found === undefined || found.session.state === 'offered') return undefined;
  const { regionPool } = found;
  if (found.session.meta === null)
    await restoreMeta(context, regionPool, found.session, metaForRegionPool(regionPool));
  const { sessionId } = record;
  const heldSeq = heldByClient(client, sessionId)?.assignment.seq ?? null;
  const session = await store.giveSession(regionPool, sessionId, {
    clientBrokerId: brokerId,
    heldSeq,
    endsWithHost: !replaceLost,
  });
  if (session === null) throw new Refusal('SESSION_OVER');
  if (session.state === 'ended') return outcomeOfEnded(regionPool, session, record, replaceLost);
  if (session.meta?.playerId !== client.playerId) throw new Refusal('UNKNOWN_SESSION');
  const placed = await placedFromSession(
    context,
    regionPool,
    session,
    claimTimeLeftMs(limits, session, record),
  );
  return { kind: 'placed', placed };
}

/**
 * Redis lost its data, and the host reported the session: the store knows neither player nor title. The request's record
 * names the session, so its metadata can be created again.
 */
async function restoreMeta(
  { store, brokerId }: BrokerSettings & StoreAccess,
  regionPool: RegionPool,
  { sessionId, epoch }: SessionRecord,
  meta: SessionMeta | undefined,
): Promise<void> {
  if (meta === undefined) return;
  await store.restoreSessions(regionPool, [{ sessionId, epoch, clientBrokerId: brokerId, meta }]);
}

function outcomeOfEnded(
  regionPool: RegionPool,
  session: SessionRecord,
  record: EarlierRequest,
  replaceLost: boolean,
): EarlierOutcome | undefined {
  if (session.reason === 'host_lost' && replaceLost) {
    if (session.epoch >= record.epoch) return { kind: 'lost', regionPool, session };
    // Another broker raised the epoch to place the session again, and may still be doing so, or the request waits for a slot.
    if (record.state === 'live') return { kind: 'replacing', regionPool, session };
  }
  // A session that never had a host ended in a queue.
  if (session.hostId === '') {
    if (session.epoch < record.epoch) return undefined;
    if (session.reason === 'reservation_expired') throw new Refusal('TIMED_OUT');
    return { kind: 'lapsed' };
  }
  return { kind: 'ended', regionPool, session };
}

/** Sends a client the end of a session that ended while the client was disconnected. */
export function notifyEnded(
  client: ClientConnection,
  { sessionId, epoch, reason }: Pick<SessionRecord, 'sessionId' | 'epoch' | 'reason'>,
): void {
  client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason: reason ?? 'error' });
}

/** Finds a request's session: in the recorded region pool first, then in all others, as the request may have spilled over. */
export async function locateSession(
  context: StoreAccess,
  { regionPool: recorded, sessionId }: Pick<EarlierRequest, 'regionPool' | 'sessionId'>,
): Promise<{ readonly regionPool: RegionPool; readonly session: SessionRecord } | undefined> {
  const others = context.fleet.regionPools.filter((regionPool) => !isSameRegionPool(regionPool, recorded));
  for (const regionPools of [[recorded], others]) {
    const found = await Promise.all(
      regionPools.map(async (regionPool) => {
        const [session] = await context.store.getSessions(regionPool, [sessionId]);
        return session === null || session === undefined ? [] : [{ regionPool, session }];
      }),
    );
    const [located] = found.flat();
    if (located !== undefined) return located;
  }
  return undefined;
}
