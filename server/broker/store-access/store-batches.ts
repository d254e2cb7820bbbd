import type { RegionPool } from '../../domain/catalog.js';
import type {
  ChangeOutcome,
  Claim,
  ClaimOutcome,
  EndedSession,
  EnqueueOutcome,
  FleetStore,
  QueueReport,
  ForwardOutcome,
  Letter,
  Release,
  ReleaseOutcome,
  Reservation,
  ReserveOutcome,
  SessionChange,
  WaitingPlacement,
  Withdrawal,
} from '../../store/fleet-store.js';
import type { Limits } from '../../domain/limits.js';
import type { FleetCache } from './fleet-cache.js';
import { createRegionPoolBatcher } from './region-pool-batcher.js';
import { createTickBatcher } from './tick-batcher.js';

/** The store's hot verbs, one item at a time for their callers, one call per turn and place for the store. */
export interface StoreBatches {
  recordRequest(claim: Claim): Promise<ClaimOutcome>;
  reserve(place: RegionPool, reservation: Reservation): Promise<ReserveOutcome>;
  transition(place: RegionPool, change: SessionChange): Promise<ChangeOutcome>;
  release(place: RegionPool, release: Release): Promise<ReleaseOutcome>;
  enqueue(place: RegionPool, placement: WaitingPlacement): Promise<EnqueueOutcome>;
  /** Where one placement stands; its player is there. */
  queueStatus(place: RegionPool, sessionId: string): Promise<QueueReport>;
  /** Returns the reservation that ended, if one did. */
  leaveQueue(place: RegionPool, withdrawal: Withdrawal): Promise<readonly EndedSession[]>;
  relayMessage(place: RegionPool, letter: Letter): Promise<ForwardOutcome>;
}

export function createStoreBatches(
  store: FleetStore,
  fleet: FleetCache,
  brokerId: string,
  { reservationMs, queueMaxLength }: Pick<Limits, 'reservationMs' | 'queueMaxLength'>,
): StoreBatches {
  return {
    recordRequest: createTickBatcher((claims) => store.claim(claims)),
    reserve: createRegionPoolBatcher(async (place, reservations) => {
      const { outcomes, utilisation } = await store.reserve(place, reservations, reservationMs, brokerId);
      fleet.setUtilisation(place, utilisation);
      return outcomes;
    }),
    transition: createRegionPoolBatcher((place, changes) => store.transition(place, changes, brokerId)),
    release: createRegionPoolBatcher((place, releases) => store.release(place, releases, brokerId)),
    relayMessage: createRegionPoolBatcher((place, letters) => store.forward(place, letters, brokerId)),
    enqueue: createRegionPoolBatcher((place, placements) =>
      store.enqueue(place, placements, queueMaxLength, brokerId),
    ),
    queueStatus: createRegionPoolBatcher(async (place, sessionIds) => {
      const { placements, ...queue } = await store.queueStatus(place, sessionIds, true);
      return placements.map((placement) => ({ ...queue, placements: [placement] }));
    }),
    leaveQueue: createRegionPoolBatcher(async (place, withdrawals) => {
      const ended = await store.withdraw(place, withdrawals, brokerId);
      return withdrawals.map(({ sessionId }) => ended.filter((one) => one.session.sessionId === sessionId));
    }),
  };
}
