import type { Place } from '../domain/catalog.js';
import type {
  ChangeOutcome,
  Claim,
  ClaimOutcome,
  FleetStore,
  ForwardOutcome,
  Letter,
  Release,
  ReleaseOutcome,
  Reservation,
  ReserveOutcome,
  SessionChange,
} from '../store/fleet-store.js';
import type { FleetKnowledge } from './fleet-knowledge.js';
import { createPlaceBatcher } from './place-batcher.js';
import { createTurnBatcher } from './turn-batcher.js';

/** The store's hot verbs, one item at a time for their callers, one call per turn and place for the store. */
export interface StoreBatches {
  claim(claim: Claim): Promise<ClaimOutcome>;
  reserve(place: Place, reservation: Reservation): Promise<ReserveOutcome>;
  transition(place: Place, change: SessionChange): Promise<ChangeOutcome>;
  release(place: Place, release: Release): Promise<ReleaseOutcome>;
  forward(place: Place, letter: Letter): Promise<ForwardOutcome>;
}

export function createStoreBatches(
  store: FleetStore,
  fleet: FleetKnowledge,
  brokerId: string,
  reservationMs: number,
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
  };
}
