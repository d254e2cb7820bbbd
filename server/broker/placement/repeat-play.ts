import { setTimeout as delay } from 'node:timers/promises';
import type { RegionPool } from '../../domain/catalog.js';
import type { RequestEntry, RequestRecord, SessionMeta } from '../../store/fleet-store.js';
import { attachEarlierSession, type EarlierOutcome } from '../requests/attach-earlier-session.js';
import { REQUEST_GRACE_MS } from '../requests/request-record.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import { findQueuePosition } from '../queue/find-queue-position.js';
import { createSessionMeta } from '../sessions/session-meta.js';
import { Refusal, jittered } from '../refusal.js';
import type { QueuePosition } from '../queue/wait-in-queue.js';
import type { PlacementAttempt } from './placement-attempt.js';

/**
 * What a request has become that was made before: a session, a session that lost its host, a position in queues, or
 * nothing, so that a new attempt with a higher epoch may start.
 */
export type RepeatOutcome =
  | Exclude<EarlierOutcome, { readonly kind: 'lapsed' }>
  | { readonly kind: 'waiting'; readonly position: QueuePosition }
  | { readonly kind: 'retry'; readonly epoch: number };

/** Time between two reads of the store while another broker answers the request. */
export const POLL_INTERVAL_MS = 50;

/** Used after the store was unreachable: the record may be lost, and many clients repeat their requests at once. */
const RECOVERY_POLL_INTERVAL_MS = 250;

/**
 * Finds out what has become of a request that was made before, perhaps to another broker. When the broker that recorded
 * it died before it reserved a slot, a new attempt starts.
 *
 * @param entry the repeated request as this broker sent it to the store
 * @param record what the store knows of the request
 * @throws Refusal SESSION_OVER, TIMED_OUT, UNKNOWN_SESSION, UNAVAILABLE
 */
export async function resolveRepeatedPlay(
  context: BrokerSettings & StoreAccess,
  attempt: PlacementAttempt,
  entry: RequestEntry,
  record: RequestRecord,
): Promise<RepeatOutcome> {
  const outcome = await waitForOutcome(context, attempt, record);
  if (outcome?.kind === 'lapsed') return startRetry(context, entry, record.epoch);
  if (outcome !== undefined) return outcome;
  // No region pool has the session. After the reservation time that means: it ended, and its record was deleted.
  if (record.ageMs > context.limits.reservationMs) throw new Refusal('SESSION_OVER');
  return startRetry(context, entry, record.epoch);
}

async function startRetry(
  context: StoreAccess,
  entry: RequestEntry,
  fromEpoch: number,
): Promise<RepeatOutcome> {
  const epoch = await context.store.startAttempt(entry, fromEpoch);
  if (epoch === null) throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
  return { kind: 'retry', epoch };
}

/** Reads the store until it has the session, or the broker that recorded the request has had its time. */
async function waitForOutcome(
  context: BrokerSettings & StoreAccess,
  { client, message, candidates }: PlacementAttempt,
  record: RequestRecord,
): Promise<RepeatOutcome | EarlierOutcome | undefined> {
  const replaceLost = message.onHostLost !== 'end';
  const metaIn = (regionPool: RegionPool): SessionMeta | undefined =>
    createSessionMeta(context, client, message, candidates, regionPool);
  const recordedAtMs = performance.now() - record.ageMs;
  for (;;) {
    const ageMs = performance.now() - recordedAtMs;
    const earlier = await attachEarlierSession(context, client, { ...record, ageMs }, replaceLost, metaIn);
    if (earlier !== undefined) return earlier;
    const position = await findQueuePosition(context, record);
    if (position !== undefined) return { kind: 'waiting', position };
    const isLate = ageMs >= REQUEST_GRACE_MS;
    // While the store is rebuilt, a host or another broker may still restore the session.
    if (isLate && !context.storeHealth.isRebuilding) return undefined;
    await delay(isLate ? RECOVERY_POLL_INTERVAL_MS : POLL_INTERVAL_MS);
  }
}
