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

/** The store's hot verbs, one item at a time for their callers, one call per turn and place for the store. */
export interface StoreBatches {
  recordRequest(claim: RequestEntry): Promise<RecordRequestOutcome>;
  reserve(place: RegionPool, reservation: Reservation): Promise<ReserveOutcome>;
  transition(place: RegionPool, change: SessionStateChange): Promise<StateChangeOutcome>;
  release(place: RegionPool, release: EndSessionRequest): Promise<EndSessionOutcome>;
  enqueue(place: RegionPool, placement: WaitingPlacement): Promise<EnqueueOutcome>;
  /** Where one placement stands; its player is there. */
  queueStatus(place: RegionPool, sessionId: string): Promise<QueueStatus>;
  /** Returns the reservation that ended, if one did. */
  leaveQueue(place: RegionPool, withdrawal: Withdrawal): Promise<readonly EndedSession[]>;
  relayMessage(place: RegionPool, letter: SessionMessage): Promise<RelayOutcome>;
}

export function createStoreBatches(
  store: FleetStore,
  fleet: FleetCache,
  brokerId: string,
  { reservationMs, queueMaxLength }: Pick<Limits, 'reservationMs' | 'queueMaxLength'>,
): StoreBatches {
  return {
    recordRequest: createTickBatcher((claims) => store.recordRequests(claims)),
    reserve: createRegionPoolBatcher(async (place, reservations) => {
      const { outcomes, utilisation } = await store.reserve(place, reservations, reservationMs, brokerId);
      fleet.setUtilisation(place, utilisation);
      return outcomes;
    }),
    transition: createRegionPoolBatcher((place, changes) =>
      store.updateSessionStates(place, changes, brokerId),
    ),
    release: createRegionPoolBatcher((place, releases) => store.endSessions(place, releases, brokerId)),
    relayMessage: createRegionPoolBatcher((place, letters) => store.relayMessages(place, letters, brokerId)),
    enqueue: createRegionPoolBatcher((place, placements) =>
      store.enqueue(place, placements, queueMaxLength, brokerId),
    ),
    queueStatus: createRegionPoolBatcher(async (place, sessionIds) => {
      const { placements, ...queue } = await store.getQueueStatus(place, sessionIds, true);
      return placements.map((placement) => ({ ...queue, placements: [placement] }));
    }),
    leaveQueue: createRegionPoolBatcher(async (place, withdrawals) => {
      const ended = await store.withdrawPlacements(place, withdrawals, brokerId);
      return withdrawals.map(({ sessionId }) => ended.filter((one) => one.session.sessionId === sessionId));
    }),
  };
}
