import type { StoreMs } from '../store-time.js';
import type { RegionPool } from '../catalog.js';
import type { Placed, PlayRequest, RequestTerms, WhenFull } from './play-request.js';
import { start } from './record-phases.js';
import type { Transition } from './transition.js';

/** Epoch of a request that is recorded for the first time. */
export const FIRST_EPOCH = 1;

/**
 * Begins the life of a request.
 *
 * @param sessionId of the session that a new request becomes
 * @param mayReserveAhead whether a slot may be reserved while the request is being recorded: this broker knows no other live
 *   request or session of the player, and no sign that the request was made before
 */
export function beginRequest<P extends Placed>(
  terms: RequestTerms,
  sessionId: string,
  whenFull: 'wait' | 'refuse',
  mayReserveAhead: boolean,
): Transition<P> {
  const request = newRequest<P>(terms, sessionId, whenFull);
  if (terms.unservable !== null) {
    // It may be a repeat, which still has its session. Only a request that the store does not know is refused.
    return {
      request: { ...request, phase: { name: 'locating' }, calls: 1 },
      effects: [{ type: 'locate', record: null }],
    };
  }
  if (!mayReserveAhead) return { request: { ...request, calls: 1 }, effects: [{ type: 'record' }] };
  return {
    request: {
      ...request,
      phase: { name: 'recording', ahead: { kind: 'pending' }, recorded: null },
      calls: 2,
    },
    effects: [{ type: 'record' }, { type: 'reserve', index: 0 }],
  };
}

/** The last assignment of a session whose host was lost. */
export interface LostAssignment {
  readonly sessionId: string;
  readonly epoch: number;
  readonly regionPool: RegionPool;
  /** When its request began to wait, by the store's clock; `null` if that is unknown or it did not wait. */
  readonly arrivedAtMs: StoreMs | null;
}

/**
 * Begins to place a session again, under a new epoch, because its host was lost.
 *
 * @param whenFull `wait` if its request may wait in queues again, which keeps its arrival time
 */
export function beginReplacement<P extends Placed>(
  terms: RequestTerms,
  lost: LostAssignment,
  whenFull: 'wait' | 'end',
): Transition<P> {
  const { sessionId, epoch, regionPool, arrivedAtMs } = lost;
  const begun = start<P>(
    { ...newRequest(terms, sessionId, whenFull), epoch, lostIn: regionPool, arrivedAtMs },
    epoch,
  );
  return { ...begun, request: { ...begun.request, calls: 1 } };
}

function newRequest<P extends Placed>(
  terms: RequestTerms,
  sessionId: string,
  whenFull: WhenFull,
): PlayRequest<P> {
  return {
    terms,
    sessionId,
    epoch: FIRST_EPOCH,
    phase: { name: 'recording', ahead: { kind: 'none' }, recorded: null },
    calls: 0,
    whenFull,
    lostIn: null,
    queues: [],
    arrivedAtMs: null,
    missedOffer: false,
    isUncertain: false,
  };
}
