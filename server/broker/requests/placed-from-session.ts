import type { RegionPool } from '../../domain/catalog.js';
import type { Limits } from '../../domain/limits.js';
import type { RequestRecord, SessionRecord } from '../../store/fleet-store.js';
import { Refusal } from '../refusal.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { StoreAccess } from '../store-access/ports.js';

/**
 * Describes a session that exists already, with the connection of its host, so that its client can be matched to it again.
 *
 * @throws Refusal UNAVAILABLE when the session's host is not connected
 */
export async function placedFromSession(
  context: StoreAccess,
  regionPool: RegionPool,
  session: SessionRecord,
  claimWithinMs: number,
): Promise<PlacedSession> {
  const [host] = await context.store.getEndpoints(regionPool, [session.hostId]);
  if (host === null || host === undefined || session.meta === null) {
    throw new Refusal('UNAVAILABLE', {
      message: 'The host of this session is not connected. Repeat the request later.',
      retryAboutMs: 1_000,
    });
  }
  return {
    regionPool,
    sessionId: session.sessionId,
    epoch: session.epoch,
    hostId: session.hostId,
    hostConnectionId: host.connectionId,
    claimWithinMs: Math.max(0, Math.round(claimWithinMs)),
    meta: session.meta,
    seq: session.seq,
    earlierSession: session,
  };
}

/** How long the client may use its ticket: while the session is reserved, the rest of the reservation. */
export function claimTimeLeftMs(
  { reservationMs }: Pick<Limits, 'reservationMs'>,
  { state }: SessionRecord,
  { ageMs }: Pick<RequestRecord, 'ageMs'>,
): number {
  return state === 'reserved' ? reservationMs - ageMs : reservationMs;
}
