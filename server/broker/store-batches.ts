import type { Place } from '../domain/catalog.js';
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
} from '../store/fleet-store.js';
import type { Limits } from '../domain/limits.js';
import type { FleetKnowledge } from './fleet-knowledge.js';
import { createPlaceBatcher } from './place-batcher.js';
import { createTurnBatcher } from './turn-batcher.js';

/** The store's hot verbs, one item at a time for their callers, one call per turn and place for the store. */
export interface StoreBatches {
  claim(claim: Claim): Promise<ClaimOutcome>;
  reserve(place: Place, reservation: Reservation): Promise<ReserveOutcome>;
  transition(place: Place, change: SessionChange): Promise<ChangeOutcome>;
  release(place: Place, release: Release): Promise<ReleaseOutcome>;
  enqueue(place: Place, placement: WaitingPlacement): Promise<EnqueueOutcome>;
  /** Where one placement stands; its player is there. */
  queueStatus(place: Place, sessionId: string): Promise<QueueReport>;
  /** Returns the reservation that ended, if one did. */
  withdraw(place: Place, withdrawal: Withdrawal): Promise<readonly EndedSession[]>;
  forward(place: Place, letter: Letter): Promise<ForwardOutcome>;
}

export function createStoreBatches(
  store: FleetStore,
  fleet: FleetKnowledge,
  brokerId: string,
  { reservationMs, queueMaxLength }: Pick<Limits, 'reservationMs' | 'queueMaxLength'>,
): StoreBatches {
  return {
    claim: createTurnBatcher((claims) => store.claim(claims)),
    reserve: createPlaceBatcher(async (place, reservations) => {
      const { outcomes, utilisation } = await store.reserve(place, reservations, reservationMs, brokerId);
      fleet.note(place, utilisation);
      return outcomes;
    }),
    transition: createPlaceBatcher((place, changes) => store.transition(place, changes, brokerId)),
    release: createPlaceBatcher((place, releases) => store.release(place, releases, brokerId)),
    forward: createPlaceBatcher((place, letters) => store.forward(place, letters, brokerId)),
    enqueue: createPlaceBatcher((place, placements) =>
      store.enqueue(place, placements, queueMaxLength, brokerId),
    ),
    queueStatus: createPlaceBatcher(async (place, sessionIds) => {
      const { placements, ...queue } = await store.queueStatus(place, sessionIds, true);
      return placements.map((placement) => ({ ...queue, placements: [placement] }));
    }),
    withdraw: createPlaceBatcher(async (place, withdrawals) => {
      const ended = await store.withdraw(place, withdrawals, brokerId);
      return withdrawals.map(({ sessionId }) => ended.filter((one) => one.session.sessionId === sessionId));
    }),
  };
}
