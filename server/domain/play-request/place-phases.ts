import { isSameRegionPool } from '../catalog.js';
import { acceptableRegionPools } from './acceptable-region-pools.js';
import type { QueuePosition, RequestResult } from './events.js';
import type { AheadSlot, Phase, Placed, PlayRequest } from './play-request.js';
import { close, enter, refuse, stay, withAll, type Transition } from './transition.js';

type Placing<P extends Placed> = Extract<Phase<P>, { name: 'placing' }>;

/** Begins to place a request that is recorded as its player's live one. */
export function startPlacing<P extends Placed>(request: PlayRequest<P>, ahead: AheadSlot<P>): Transition<P> {
  const phase: Placing<P> = { name: 'placing', index: 0 };
  switch (ahead.kind) {
    case 'pending':
      return enter(request, phase);
    case 'placed':
      return startDescribing(request, ahead.placed);
    case 'refused':
      return refuse(request, ahead.code);
    case 'full':
      return tryNext(request, phase);
    case 'none':
      return tryCandidate(request, phase);
  }
}

/** Handles the result of a reservation in one candidate. */
export function stepPlacing<P extends Placed>(
  request: PlayRequest<P>,
  phase: Placing<P>,
  event: RequestResult<P>,
): Transition<P> {
  if (event.type === 'failed' && event.call === 'reserve') return refuse(request, event.code);
  if (event.type !== 'reserved') return stay(request);
  const { result } = event;
  switch (result.kind) {
    case 'placed':
      return startDescribing(request, result.placed);
    case 'full':
      return tryNext(request, phase);
    case 'refused':
      return refuse(request, result.code);
    case 'replaced':
      return close(request, { kind: 'replaced' });
  }
}

function tryCandidate<P extends Placed>(request: PlayRequest<P>, phase: Placing<P>): Transition<P> {
  return enter(request, phase, [{ type: 'reserve', index: phase.index }]);
}

/**
 * A request that may wait is tried only in region pools that the latency policy accepts without a wait. A request that may not
 * wait, or whose host was lost, is tried in every candidate.
 */
function tryNext<P extends Placed>(request: PlayRequest<P>, phase: Placing<P>): Transition<P> {
  const { terms, whenFull, lostIn } = request;
  const index = phase.index + 1;
  const isTriedEverywhere = whenFull !== 'wait' || lostIn !== null;
  const tried = isTriedEverywhere
    ? terms.candidates.length
    : acceptableRegionPools(terms.candidates, 0).length;
  if (index < tried) return tryCandidate(request, { ...phase, index });
  switch (whenFull) {
    case 'wait':
      return waitInQueues(request, null);
    case 'refuse':
      return refuse(request, 'NO_CAPACITY');
    case 'end':
      return refuse(request, 'SESSION_OVER');
  }
}

/** Starts to read the endpoint of the host. The request has its slot: reserved now, or by an earlier attempt. */
export function startDescribing<P extends Placed>(request: PlayRequest<P>, placed: P): Transition<P> {
  return enter(request, { name: 'describing', placed }, [{ type: 'describe', placed }]);
}

/** Handles the result of reading the host's endpoint. */
export function stepDescribing<P extends Placed>(
  request: PlayRequest<P>,
  { placed }: Extract<Phase<P>, { name: 'describing' }>,
  event: RequestResult<P>,
): Transition<P> {
  if (event.type === 'failed' && event.call === 'describe') return refuse(request, event.code, placed);
  // The request was cancelled on another broker while this one joined further queues.
  if (event.type === 'joined' && event.standing === 'over') return refuse(request, 'CANCELLED', placed);
  if (event.type !== 'described') return stay(request);
  switch (event.result) {
    case 'ready':
      return match(request, placed);
    case 'host_left':
      return refuse(request, 'UNAVAILABLE', placed);
    // The store has lost the record. A repeat of the request records it again, and needs no slot that nobody knows.
    case 'unknown':
      return close(request, { kind: 'refused', code: 'UNAVAILABLE' }, [{ type: 'release', placed }]);
    case 'replaced':
      return close(request, { kind: 'replaced' }, [{ type: 'release', placed }]);
    // The other request has this slot.
    case 'resumed':
      return close(request, { kind: 'replaced' });
    case 'cancelled':
      return refuse(request, 'CANCELLED', placed);
  }
}

function match<P extends Placed>(request: PlayRequest<P>, placed: P): Transition<P> {
  const { lostIn } = request;
  const hasMoved = lostIn !== null && !isSameRegionPool(lostIn, placed.regionPool);
  const matched = close(request, { kind: 'matched', placed });
  if (!hasMoved) return matched;
  return {
    ...matched,
    effects: [...matched.effects, { type: 'end_lost_assignment', regionPool: lostIn, placed }],
  };
}

/**
 * Joins the queues of all region pools that the latency policy accepts, and those in which the request waited before.
 *
 * @param position where the request waited before; `null` for one that has not waited
 */
export function waitInQueues<P extends Placed>(
  request: PlayRequest<P>,
  position: QueuePosition | null,
): Transition<P> {
  const { queues = request.queues, candidates = request.terms.candidates, ...found } = position ?? {};
  const terms = { ...request.terms, candidates };
  const regionPools = withAll(queues, acceptableRegionPools(candidates, 0));
  return enter({ ...request, ...found, terms, queues }, { name: 'waiting', task: 'join' }, [
    { type: 'join', regionPools },
  ]);
}
