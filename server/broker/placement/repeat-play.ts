import { setTimeout as delay } from 'node:timers/promises';
import type { Play } from '@duskline/protocol';
import type { RegionPool } from '../../domain/catalog.js';
import type { Candidate } from '../../domain/ranking.js';
import type { RequestEntry, RequestRecord, SessionMeta } from '../../store/fleet-store.js';
import { findEarlierOutcome, type EarlierOutcome } from '../requests/earlier-outcome.js';
import { REQUEST_GRACE_MS } from '../requests/request-record.js';
import type { ClientConnection } from '../connections/connections.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import { findQueuePosition } from '../queue/find-queue-position.js';
import { createSessionMeta } from '../sessions/session-meta.js';
import { Refusal, jittered } from '../refusal.js';
import type { QueuePosition } from '../queue/wait-in-queue.js';

/**
 * What a repeated request leads to: its session, one to be placed again, its place in queues, or a new attempt under
 * a higher epoch.
 */
export type RepeatOutcome =
  | Exclude<EarlierOutcome, { readonly kind: 'lapsed' }>
  | { readonly kind: 'waiting'; readonly turn: QueuePosition }
  | { readonly kind: 'retry'; readonly epoch: number };

/** Between two looks for the session of a request that another broker is just answering. */
export const POLL_INTERVAL_MS = 50;

/** The same for one that a store may have lost that was away: many ask for theirs then. */
const RECOVERY_POLL_INTERVAL_MS = 250;

/**
 * Answers a request that was made before, perhaps to another broker: the session it became, wherever that
 * is; or, when the broker that took it died before it reserved anything, leave to try again.
 */
export async function resolveRepeatedPlay(
  context: BrokerSettings & StoreAccess,
  client: ClientConnection,
  message: Play,
  candidates: readonly Candidate[],
  claim: RequestEntry,
  record: RequestRecord,
): Promise<RepeatOutcome> {
  const metaIn = (place: RegionPool): SessionMeta | undefined =>
    createSessionMeta(context, client, message, candidates, place);
  const answer = await waitForOutcome(context, client, record, message.onHostLost !== 'end', metaIn);
  if (answer?.kind === 'lapsed') return startRetry(context, claim, record.epoch);
  if (answer !== undefined) return answer;
  // Past its reservation time, a session that is nowhere has ended and been forgotten.
  if (record.ageMs > context.limits.reservationMs) throw new Refusal('SESSION_OVER');
  return startRetry(context, claim, record.epoch);
}

async function startRetry(
  context: StoreAccess,
  claim: RequestEntry,
  fromEpoch: number,
): Promise<RepeatOutcome> {
  const epoch = await context.store.startAttempt(claim, fromEpoch);
  if (epoch === null) throw new Refusal('UNAVAILABLE', { retryAfterMs: jittered(1_000) });
  return { kind: 'retry', epoch };
}

/** Looks for the session until it is there, or the broker that took the request has had its time. */
async function waitForOutcome(
  context: BrokerSettings & StoreAccess,
  client: ClientConnection,
  record: RequestRecord,
  replaceLost: boolean,
  metaIn: (place: RegionPool) => SessionMeta | undefined,
): Promise<RepeatOutcome | EarlierOutcome | undefined> {
  const notedAt = performance.now() - record.ageMs;
  for (;;) {
    const ageMs = performance.now() - notedAt;
    const earlier = await findEarlierOutcome(context, client, { ...record, ageMs }, replaceLost, metaIn);
    if (earlier !== undefined) return earlier;
    const turn = await findQueuePosition(context, record);
    if (turn !== undefined) return { kind: 'waiting', turn };
    const isLate = ageMs >= REQUEST_GRACE_MS;
    // A store that has just lost it gets it back from the host or from another broker.
    if (isLate && !context.storeHealth.isRebuilding) return undefined;
    await delay(isLate ? RECOVERY_POLL_INTERVAL_MS : POLL_INTERVAL_MS);
  }
}
