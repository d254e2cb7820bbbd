import type { Queued } from '@duskline/protocol';
import { estimateWait } from '../../domain/queue-estimate.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { ActiveRequest } from '../requests/active-request.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import { toPolledEntry, type PolledEntry } from './polled-entries.js';

/** Reads the queue entries of a request from the store and sends its client the position. */
export async function sendQueuePosition(
  context: BrokerSettings & Runtime & StoreAccess,
  request: ActiveRequest,
): Promise<void> {
  const entries = await Promise.all(
    request.state.queues.map(async (regionPool) =>
      toPolledEntry(regionPool, await context.batches.queueStatus(regionPool, request.state.sessionId), 0),
    ),
  );
  sendPositionIfChanged(context, request, entries);
}

/** Sends `queued` unless the client knows that position, has an offer, or received a position less than `positionMs` ago. */
export function sendPositionIfChanged(
  context: BrokerSettings & Runtime,
  request: ActiveRequest,
  entries: readonly PolledEntry[],
): void {
  if (request.state.phase.name !== 'waiting') return;
  const queued = findSoonestPosition(request.message.requestId, entries);
  if (queued === undefined || isSamePosition(queued, request.lastSentPosition)) return;
  const nowMs = context.clock.monotonicMs();
  if (nowMs - request.lastSentAtMs < context.intervals.positionMs) return;
  request.lastSentPosition = queued;
  request.lastSentAtMs = nowMs;
  request.client.channel.send(queued);
}

/** The position in the queue with the shortest estimated wait; without estimates, in the queue with the fewest requests ahead. */
function findSoonestPosition(requestId: string, entries: readonly PolledEntry[]): Queued | undefined {
  const waiting = entries.flatMap(({ regionPool, status, freedPerMs }) => {
    if (status.kind !== 'waiting') return [];
    const eta = estimateWait(status.ahead, freedPerMs);
    return [{ regionPool, ahead: status.ahead, eta }];
  });
  const [best] = waiting.sort(
    (a, b) => (a.eta?.high ?? Infinity) - (b.eta?.high ?? Infinity) || a.ahead - b.ahead,
  );
  if (best === undefined) return undefined;
  return {
    type: 'queued',
    requestId,
    position: best.ahead + 1,
    region: best.regionPool.region,
    ...(best.eta === undefined ? {} : { etaMs: best.eta }),
  };
}

function isSamePosition(a: Queued, b: Queued | undefined): boolean {
  return (
    a.position === b?.position &&
    a.region === b.region &&
    a.etaMs?.low === b.etaMs?.low &&
    a.etaMs?.high === b.etaMs?.high
  );
}
