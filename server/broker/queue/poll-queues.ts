import type { PolledQueues } from '../../domain/play-request/events.js';
import { toRefusal } from '../refusal.js';
import { isQueueing, type ActiveRequest } from '../requests/active-request.js';
import type { RequestRunning, Requests } from '../requests/ports.js';
import { offerOf } from '../requests/receive-offer.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { StoreAccess } from '../store-access/ports.js';
import { acceptableNow } from './acceptable-now.js';
import { attachSession } from './attach-session.js';
import {
  interpretEntry,
  isEntryExpired,
  isEntryMissing,
  isHeldByOtherBroker,
  toPolledEntry,
  type PolledEntry,
} from './polled-entries.js';
import { rankAgain } from './rank-again.js';
import { sendPositionIfChanged } from './send-queue-position.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

/**
 * Reads every queue in which clients of this broker wait, and dispatches to their requests what the store reports: offers, positions,
 * and queues that lost them.
 */
export async function pollQueues(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Requests & RequestRunning,
): Promise<void> {
  const queriedAtMs = context.clock.monotonicMs();
  const entriesByRequest = await readQueueEntries(context);
  await Promise.all(
    [...entriesByRequest].map(([request, entries]) => updateRequest(context, request, entries, queriedAtMs)),
  );
}

/** One query for each queue, however many requests wait in it. */
async function readQueueEntries(
  context: StoreAccess & Requests,
): Promise<ReadonlyMap<ActiveRequest, readonly PolledEntry[]>> {
  const entriesByRequest = new Map<ActiveRequest, PolledEntry[]>();
  await Promise.all(
    context.activeRequests.groupByQueue().map(async ([regionPool, requests]) => {
      const sessionIds = requests.map(({ state }) => state.sessionId);
      const queueStatus = await context.store.getQueueStatus(regionPool, sessionIds, true);
      requests.forEach((request, i) => {
        const entries = entriesByRequest.get(request) ?? [];
        entries.push(toPolledEntry(regionPool, queueStatus, i));
        entriesByRequest.set(request, entries);
      });
    }),
  );
  return entriesByRequest;
}

async function updateRequest(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & RequestRunning,
  request: ActiveRequest,
  entries: readonly PolledEntry[],
  queriedAtMs: number,
): Promise<void> {
  if (!isQueueing(request)) return;
  try {
    const polled = await interpretEntries(context, request, entries, queriedAtMs);
    context.requestRunner.dispatch(request, { type: 'polled', polled });
    sendPositionIfChanged(context, request, entries);
  } catch (error) {
    // When the store is unreachable, the next poll tries again.
    if (toRefusal(error).code !== 'UNAVAILABLE') throw error;
  }
}

/** Combines the entries of one request into the result of the poll. */
async function interpretEntries(
  context: BrokerSettings & Runtime & StoreAccess,
  request: ActiveRequest,
  entries: readonly PolledEntry[],
  queriedAtMs: number,
): Promise<PolledQueues<PlacedSession>> {
  const { state } = request;
  const { phase, epoch: requestEpoch } = state;
  const accepting = phase.name === 'confirming' && phase.underWay;
  const meanings = entries.map(({ regionPool, status }) => ({
    regionPool,
    meaning: interpretEntry({ requestEpoch, accepting }, status),
  }));
  let placed: PlacedSession | null = null;
  let heldByOther = isHeldByOtherBroker(entries, context.brokerId);
  for (const { regionPool, meaning } of meanings) {
    if (meaning.kind !== 'recovered' && meaning.kind !== 'accepted') continue;
    const attached = await attachSession(context, request, regionPool, meaning);
    if (attached === 'held_by_other') heldByOther = true;
    else placed = attached;
  }
  const candidates = rankAgain(context, request);
  return {
    queriedAtMs,
    waiting: entries.flatMap(({ regionPool, status }) =>
      status.kind === 'waiting'
        ? [{ regionPool, arrivedAtMs: status.arrivedAtMs, missed: status.missed }]
        : [],
    ),
    offers: meanings.flatMap(({ regionPool, meaning }) =>
      meaning.kind === 'offered' ? [offerOf(context, regionPool, meaning.session)] : [],
    ),
    missing: entries.filter(isEntryMissing).map(({ regionPool }) => regionPool),
    timedOut: meanings.some(({ meaning }) => meaning.kind === 'timed_out'),
    expired: entries.every(isEntryExpired),
    heldByOther,
    placed,
    candidates,
    acceptable: acceptableNow(context, request, candidates ?? undefined),
  };
}
