import type { Candidate } from '../../domain/ranking.js';
import type { RecordRequestOutcome, RequestEntry } from '../../store/fleet-store.js';
import type { Connections } from '../connections/ports.js';
import { REQUEST_GRACE_MS, checkAttempt } from '../requests/request-record.js';
import type { BrokerSettings } from '../settings.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { PlacementAttempt } from './placement-attempt.js';
import { tryCandidate } from './try-candidate.js';

/** The first attempt of a request on this broker: its record in the store, and a slot in the best candidate. */
export interface FirstAttempt {
  readonly attempt: PlacementAttempt;
  readonly entry: RequestEntry;
  /** When `entry` was sent to the store, by `performance.now()`. */
  readonly sentAtMs: number;
  /** Whether the request is new. A rejection means that `reservation` has been undone. */
  readonly recorded: Promise<RecordRequestOutcome>;
  /** Resolves to `undefined` when the best candidate is full. `undefined` itself when nothing was reserved in advance. */
  readonly reservation: Promise<PlacedSession | undefined> | undefined;
}

/**
 * Records the request and reserves in the best candidate at the same time. Nearly every request is new, and this saves one
 * round trip to the store. The caller undoes the reservation of a request that turns out to be a repeat, or whose player has another
 * live request.
 *
 * Nothing is reserved in advance where that is likely. A client that resumed its connection probably repeats a request: after an
 * outage, thousands of such reservations would briefly take slots from new requests. A player with another request or session on
 * this broker could hold as many slots as it has connections.
 */
export function startFirstAttempt(
  context: BrokerSettings & StoreAccess & Connections,
  attempt: PlacementAttempt,
  best: Candidate,
): FirstAttempt {
  const { client, message, sessionId } = attempt;
  const { playerId } = client;
  const entry = { playerId, requestId: message.requestId, sessionId, regionPool: best.regionPool };
  const sentAtMs = performance.now();
  const recording = context.batches.recordRequest(entry);
  const isLikelyNew = !client.resumed && !context.connections.hasOtherRequest(client, message.requestId);
  const reservation = isLikelyNew ? tryCandidate(context, attempt, 0) : undefined;
  // The caller meets a failure when it awaits the reservation. Until then it must not count as an unhandled rejection.
  reservation?.catch(() => undefined);
  const recorded = recording.catch(async (error: unknown) => {
    await undoReservation(context, { reservation });
    throw error;
  });
  return { attempt, entry, sentAtMs, recorded, reservation };
}

/** Releases the slot that was reserved in advance, if there is one. */
export async function undoReservation(
  context: StoreAccess,
  { reservation }: Pick<FirstAttempt, 'reservation'>,
): Promise<void> {
  const placed = await reservation?.catch(() => undefined);
  if (placed !== undefined) await releaseSlot(context, placed);
}

/** Frees the slot of a session that its client was not sent. */
export async function releaseSlot(
  context: StoreAccess,
  { regionPool, sessionId, epoch }: PlacedSession,
): Promise<void> {
  await context.batches.endSession(regionPool, { sessionId, epoch, reason: 'superseded' }).catch(() => {
    // The store ends the reservation when its time is over.
  });
}

/**
 * The reservation that was made in advance. When it took longer than `REQUEST_GRACE_MS` (process paused or network stalled), another
 * broker may have continued the request meanwhile.
 *
 * @returns `undefined` when nothing was reserved
 * @throws Refusal UNAVAILABLE or CANCELLED when another broker or request has taken over; those of `tryCandidate`
 */
export async function takeReservation(
  context: StoreAccess,
  first: FirstAttempt,
): Promise<PlacedSession | undefined> {
  const { entry, sentAtMs, reservation, attempt } = first;
  const placed = await reservation;
  if (performance.now() - sentAtMs <= REQUEST_GRACE_MS) return placed;
  const refusal = await checkAttempt(context, { ...entry, epoch: attempt.epoch });
  if (refusal === undefined) return placed;
  await undoReservation(context, first);
  throw refusal;
}
