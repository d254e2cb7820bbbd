import type { RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { ActiveRequest } from '../requests/active-request.js';
import { placedFromSession } from '../requests/placed-from-session.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { createSessionMeta } from '../sessions/session-meta.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { EntryMeaning } from './polled-entries.js';
import type { BrokerSettings } from '../settings.js';

type Found = Extract<EntryMeaning, { kind: 'offered' | 'recovered' | 'accepted' }>;

/**
 * Attaches a session to this broker that a waiting request became without this broker's knowledge.
 *
 * @returns `held_by_other` when another connection of the player started a later attempt: the session belongs to that one
 * @throws Refusal UNAVAILABLE when the session's host is not connected
 */
export async function attachSession(
  context: BrokerSettings & StoreAccess,
  request: ActiveRequest,
  regionPool: RegionPool,
  { kind, session }: Found,
): Promise<PlacedSession | 'held_by_other'> {
  const { state } = request;
  let owned = session;
  if (kind === 'recovered') owned = await restoreOwner(context, request, regionPool, session);
  if (kind === 'accepted' && session.clientBrokerId !== context.brokerId) {
    if (!(await isLatestAttempt(context, request))) return 'held_by_other';
    owned = await takeSession(context, regionPool, session);
  }
  const placed = await placedFromSession(context, regionPool, owned, context.limits.reservationMs);
  return { ...placed, arrivedAtMs: state.arrivedAtMs };
}

async function isLatestAttempt(
  context: StoreAccess,
  { client, message, state }: ActiveRequest,
): Promise<boolean> {
  const record = await context.batches.findRequest({
    playerId: client.playerId,
    requestId: message.requestId,
  });
  return (
    record?.state !== 'replaced' && record?.sessionId === state.sessionId && record.epoch === state.epoch
  );
}

/** Stores player and request of a session that the store knows only from its host's report. */
async function restoreOwner(
  context: BrokerSettings & StoreAccess,
  { client, message, state }: ActiveRequest,
  regionPool: RegionPool,
  session: SessionRecord,
): Promise<SessionRecord> {
  const meta = createSessionMeta(context, client, message, state.terms.candidates, regionPool);
  if (session.meta !== null || meta === undefined) return session;
  const { sessionId, epoch } = session;
  const owned = { sessionId, epoch, clientBrokerId: context.brokerId, meta };
  const [restored] = await context.store.restoreSessions(regionPool, [owned]);
  // The store has lost the number, too: the host would refuse a lower one.
  return takeSession(context, regionPool, restored ?? session);
}

async function takeSession(
  { store, brokerId }: BrokerSettings & StoreAccess,
  regionPool: RegionPool,
  session: SessionRecord,
): Promise<SessionRecord> {
  return (
    (await store.giveSession(regionPool, session.sessionId, { clientBrokerId: brokerId, heldSeq: null })) ??
    session
  );
}
