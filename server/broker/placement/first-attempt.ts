import type { Candidate } from '../../domain/ranking.js';
import type { RecordRequestOutcome, RequestEntry } from '../../store/fleet-store.js';
import type { BrokerSettings } from '../settings.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { StoreAccess } from '../store-access/ports.js';
import { Refusal, jittered } from '../refusal.js';
import type { PlacementAttempt } from './placement-attempt.js';
import { tryCandidate } from './try-candidate.js';

/** Mean retry time of a client whose request was recorded too slowly. */
const LATE_RECORD_RETRY_MS = 3_000;

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
 * round trip to the store. The caller undoes the reservation of a request that turns out to be a repeat.
 *
 * A client that resumed its connection probably repeats a request. Then nothing is reserved in advance: after an outage,
 * thousands of such reservations would briefly take slots from new requests.
 */
export function startFirstAttempt(
  context: BrokerSettings & StoreAccess,
  attempt: PlacementAttempt,
  best: Candidate,
): FirstAttempt {
  const { client, message, sessionId } = attempt;
  const { playerId } = client;
  const entry = { playerId, requestId: message.requestId, sessionId, regionPool: best.regionPool };
  const sentAtMs = performance.now();
  const recording = context.batches.recordRequest(entry);
  const reservation = client.resumed ? undefined : tryCandidate(context, attempt, 0);
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
  if (placed === undefined) return;
  const { regionPool, sessionId, epoch } = placed;
  await context.batches.endSession(regionPool, { sessionId, epoch, reason: 'superseded' }).catch(() => {
    // The store ends the reservation when its time is over.
  });
}

/**
 * Checks that the request still belongs to this broker. When the attempt took longer than `requestGraceMs` (process
 * paused or network stalled), another broker may have taken the request over.
 *
 * @throws Refusal UNAVAILABLE when it has
 */
export async function refuseIfTakenOver(
  context: BrokerSettings & StoreAccess,
  first: FirstAttempt,
): Promise<void> {
  const { attempt, entry, sentAtMs } = first;
  if (performance.now() - sentAtMs <= context.intervals.requestGraceMs) return;
  const [current] = await context.store.recordRequests([entry]);
  const isOwner =
    current?.kind === 'repeat' &&
    current.record.sessionId === entry.sessionId &&
    current.record.epoch === attempt.epoch;
  if (isOwner) return;
  await undoReservation(context, first);
  throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(LATE_RECORD_RETRY_MS) });
}
