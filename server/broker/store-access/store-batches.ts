import type { RegionPool } from '../../domain/catalog.js';
import type {
  StateChangeOutcome,
  RequestEntry,
  RecordRequestOutcome,
  EndedSession,
  EnqueueOutcome,
  FleetStore,
  QueueStatus,
  RelayOutcome,
  SessionMessage,
  EndSessionRequest,
  EndSessionOutcome,
  Reservation,
  ReserveOutcome,
  SessionStateChange,
  WaitingPlacement,
  Withdrawal,
} from '../../store/fleet-store.js';
import type { Limits } from '../../domain/limits.js';
import type { FleetCache } from './fleet-cache.js';
import { createRegionPoolBatcher } from './region-pool-batcher.js';
import { createTickBatcher } from './tick-batcher.js';

/** Frequent store operations. Callers pass one item; the store gets one call per region pool and turn of the event loop. */
export interface StoreBatches {
  recordRequest(entry: RequestEntry): Promise<RecordRequestOutcome>;
  reserve(place: RegionPool, reservation: Reservation): Promise<ReserveOutcome>;
  transition(place: RegionPool, change: SessionStateChange): Promise<StateChangeOutcome>;
  release(place: RegionPool, request: EndSessionRequest): Promise<EndSessionOutcome>;
  enqueue(place: RegionPool, placement: WaitingPlacement): Promise<EnqueueOutcome>;
  /** Position of one waiting request. Also records that its client is connected. */
  queueStatus(place: RegionPool, sessionId: string): Promise<QueueStatus>;
  /** Returns the reservation or offer that ended, if any. */
  leaveQueue(place: RegionPool, withdrawal: Withdrawal): Promise<readonly EndedSession[]>;
  relayMessage(place: RegionPool, message: SessionMessage): Promise<RelayOutcome>;
}

export function createStoreBatches(
  store: FleetStore,
  fleet: FleetCache,
  brokerId: string,
  { reservationMs, queueMaxLength }: Pick<Limits, 'reservationMs' | 'queueMaxLength'>,
): StoreBatches {
  return {
    recordRequest: createTickBatcher((entries) => store.recordRequests(entries)),
    reserve: createRegionPoolBatcher(async (place, reservations) => {
      const { outcomes, utilisation } = await store.reserve(place, reservations, reservationMs, brokerId);
      fleet.setUtilisation(place, utilisation);
      return outcomes;
    }),
    transition: createRegionPoolBatcher((place, changes) =>
      store.updateSessionStates(place, changes, brokerId),
    ),
    release: createRegionPoolBatcher((place, requests) => store.endSessions(place, requests, brokerId)),
    relayMessage: createRegionPoolBatcher((place, messages) =>
      store.relayMessages(place, messages, brokerId),
    ),
    enqueue: createRegionPoolBatcher((place, placements) =>
      store.enqueue(place, placements, queueMaxLength, brokerId),
    ),
    queueStatus: createRegionPoolBatcher(async (place, sessionIds) => {
      const { placements, ...queue } = await store.getQueueStatus(place, sessionIds, true);
      return placements.map((placement) => ({ ...queue, placements: [placement] }));
    }),
    leaveQueue: createRegionPoolBatcher(async (place, withdrawals) => {
      const ended = await store.withdrawPlacements(place, withdrawals, brokerId);
      return withdrawals.map(({ sessionId }) =>
        ended.filter(({ session }) => session.sessionId === sessionId),
      );
    }),
  };
}
