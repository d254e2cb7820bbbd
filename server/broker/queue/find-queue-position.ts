import type { RequestRecord } from '../../store/fleet-store.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { QueuePosition } from './wait-in-queue.js';

/** Where a request waits that was made before, on whatever broker; `undefined` when nowhere. */
export async function findQueuePosition(
  context: StoreAccess,
  { sessionId, epoch }: Pick<RequestRecord, 'sessionId' | 'epoch'>,
): Promise<QueuePosition | undefined> {
  const found = await Promise.all(
    context.fleet.regionPools.map(async (place) => {
      const { placements } = await context.batches.queueStatus(place, sessionId);
      const [status] = placements;
      if (status?.kind === 'waiting') return [{ place, ...status }];
      if (status?.kind !== 'session' || status.session.state !== 'offered') return [];
      return [{ place, arrivedAtMs: null, missed: false, title: status.session.meta?.title }];
    }),
  );
  const standings = found.flat();
  if (standings.length === 0) return undefined;
  const arrivals = standings.flatMap(({ arrivedAtMs }) => arrivedAtMs ?? []);
  return {
    sessionId,
    epoch,
    arrivedAtMs: arrivals.length === 0 ? null : Math.min(...arrivals),
    missedOffer: standings.some(({ missed }) => missed),
    title: standings[0]?.title,
    places: standings.map(({ place }) => place),
  };
}
