import { msBetween } from '../../domain/store-time.js';
import type { RequestRecord } from '../../store/fleet-store.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { QueuePosition } from '../../domain/play-request/events.js';

/** A queue position, with the title that the request waits for. */
export interface FoundPosition extends QueuePosition {
  readonly title?: string | undefined;
}

/** Finds the queues in which a request waits that any broker received before; `undefined` when it waits in none. */
export async function findQueuePosition(
  context: StoreAccess,
  { sessionId, epoch }: Pick<RequestRecord, 'sessionId' | 'epoch'>,
): Promise<FoundPosition | undefined> {
  const found = await Promise.all(
    context.fleet.regionPools.map(async (regionPool) => {
      const { entries } = await context.batches.queueStatus(regionPool, sessionId);
      const [status] = entries;
      if (status?.kind === 'waiting') return [{ regionPool, ...status }];
      if (status?.kind !== 'session' || status.session.state !== 'offered') return [];
      return [{ regionPool, arrivedAtMs: null, missed: false, title: status.session.meta?.title }];
    }),
  );
  const queueEntries = found.flat();
  if (queueEntries.length === 0) return undefined;
  const arrivals = queueEntries
    .flatMap(({ arrivedAtMs }) => arrivedAtMs ?? [])
    .sort((a, b) => msBetween(b, a));
  return {
    sessionId,
    epoch,
    arrivedAtMs: arrivals[0] ?? null,
    missedOffer: queueEntries.some(({ missed }) => missed),
    title: queueEntries[0]?.title,
    queues: queueEntries.map(({ regionPool }) => regionPool),
  };
}
