import { isSameRegionPool } from '../../domain/catalog.js';
import type { CorePorts } from '../core-ports.js';
import type { Connections } from '../connections/ports.js';
import { acceptableRegionPools } from '../queue/join-queues.js';
import { waitInQueue } from '../queue/wait-in-queue.js';
import type { Requests } from '../requests/ports.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { StoreAccess } from '../store-access/ports.js';
import { Refusal, jittered } from '../refusal.js';
import type { PlacementAttempt } from './placement-attempt.js';
import { tryCandidate } from './try-candidate.js';

/** Mean retry time after `NO_CAPACITY`: about how often the broker's view of the fleet changes. */
const NO_CAPACITY_RETRY_MS = 3_000;

/**
 * Tries one candidate after the other. If every candidate that the latency policy accepts without a wait is full, the request joins
 * the queues. A request that does not wait (`wait: false`) tries every candidate.
 *
 * @param from position of the first candidate to try
 * @throws Refusal NO_CAPACITY, and those of `tryCandidate` and `waitInQueue`
 */
export async function tryCandidates(
  context: CorePorts & Connections & Requests,
  attempt: PlacementAttempt,
  from: number,
): Promise<PlacedSession> {
  const { client, message, candidates, sessionId, epoch } = attempt;
  const mayWait = message.wait !== false;
  const acceptable = mayWait ? acceptableRegionPools(candidates, null).length : candidates.length;
  for (let index = from; index < acceptable; index += 1) {
    const placed = await tryCandidate(context, attempt, index);
    if (placed === undefined) continue;
    await recordRegionPool(context, attempt, placed);
    return placed;
  }
  if (mayWait) {
    const position = { sessionId, epoch, arrivedAtMs: null, regionPools: [] };
    return waitInQueue(context, client, message, candidates, position);
  }
  await context.store.deleteRequest(client.playerId, message.requestId);
  throw new Refusal('NO_CAPACITY', {
    message: `Every suitable host is full (${candidates.length} region pools were tried).`,
    retryAfterMs: jittered(NO_CAPACITY_RETRY_MS),
  });
}

/** Records where the request was placed, unless that is where it was recorded at first: conflict checks look there. */
async function recordRegionPool(
  context: StoreAccess,
  { client, message, candidates }: PlacementAttempt,
  { regionPool, sessionId }: PlacedSession,
): Promise<void> {
  const [best] = candidates;
  if (best !== undefined && isSameRegionPool(best.regionPool, regionPool)) return;
  const { playerId } = client;
  await context.store.setRequestPool({
    playerId,
    requestId: message.requestId,
    sessionId,
    regionPool,
  });
}
