import type { RegionPool } from '../catalog.js';
import { isSameRegionPool } from '../catalog.js';
import type { RequestEffect } from './effects.js';
import type { AheadSlot, Answer, Phase, Placed, PlayRequest } from './play-request.js';
import type { RefusalCode } from './refusal-codes.js';

/** What a step returns: the request afterwards, and what the broker has to do, in this order. */
export interface Transition<P extends Placed> {
  readonly request: PlayRequest<P>;
  readonly effects: readonly RequestEffect<P>[];
}

/** Fields of a request that nearly every step changes. */
type Changes<P extends Placed> = Partial<Pick<PlayRequest<P>, 'phase' | 'calls' | 'queues' | 'isUncertain'>>;

/**
 * The request with these changes. Every match makes several, and V8 copies fields that are named several times faster than a spread
 * object.
 */
export function change<P extends Placed>(
  request: PlayRequest<P>,
  {
    phase = request.phase,
    calls = request.calls,
    queues = request.queues,
    isUncertain = request.isUncertain,
  }: Changes<P>,
): PlayRequest<P> {
  const { terms, sessionId, epoch, whenFull, lostIn, arrivedAtMs, missedOffer } = request;
  return {
    terms,
    sessionId,
    epoch,
    phase,
    calls,
    whenFull,
    lostIn,
    queues,
    arrivedAtMs,
    missedOffer,
    isUncertain,
  };
}

/** The request in another phase. */
export function enter<P extends Placed>(
  request: PlayRequest<P>,
  phase: Phase<P>,
  effects: readonly RequestEffect<P>[] = [],
): Transition<P> {
  return { request: change(request, { phase }), effects };
}

/** The request in its present phase. */
export function stay<P extends Placed>(
  request: PlayRequest<P>,
  effects: readonly RequestEffect<P>[] = [],
): Transition<P> {
  return { request, effects };
}

/** The transition, with effects that the broker carries out before those of the transition. */
export function after<P extends Placed>(
  effects: readonly RequestEffect<P>[],
  transition: Transition<P>,
): Transition<P> {
  return { ...transition, effects: [...effects, ...transition.effects] };
}

/**
 * Decides the answer. The slot and the queue positions of the request are given up before the client gets the answer, so that the
 * slot is free when the client requests again. Calls that are under way are awaited first: they may bring another slot or position.
 *
 * A client that gets `UNAVAILABLE` repeats the request. So its record stays, unless the request has a slot or queue positions to
 * give up: if the store has carried out a call without an answer, the repeated request finds the result.
 *
 * @param slot a slot that is reserved for the request
 */
export function leave<P extends Placed>(
  request: PlayRequest<P>,
  answer: Answer<P>,
  slot: P | null = null,
): Transition<P> {
  const { queues, calls, isUncertain } = request;
  if (calls > 0) return enter(request, { name: 'leaving', answer, slot, underWay: false });
  const mayBeRepeated = answer.kind === 'refused' && answer.code === 'UNAVAILABLE';
  if (mayBeRepeated && slot === null && queues.length === 0) return close(request, answer);
  return enter({ ...request, queues: [] }, { name: 'leaving', answer, slot, underWay: true }, [
    { type: 'leave', queues, slot, everywhere: isUncertain },
  ]);
}

/** Decides to refuse the request, as `leave` does. */
export function refuse<P extends Placed>(
  request: PlayRequest<P>,
  code: RefusalCode,
  slot: P | null = null,
): Transition<P> {
  return leave(request, { kind: 'refused', code }, slot);
}

/**
 * Answers at once: the request has neither slot nor queue positions, or another request or broker continues it and uses them.
 *
 * @param answer `null` when the client has disconnected
 */
export function close<P extends Placed>(
  request: PlayRequest<P>,
  answer: Answer<P> | null,
  before: readonly RequestEffect<P>[] = [],
): Transition<P> {
  const effects: readonly RequestEffect<P>[] =
    answer === null ? before : [...before, { type: 'answer', answer }];
  const continues = answer === null || answer.kind === 'replaced';
  return { request: change(request, { queues: [], phase: { name: 'closed', continues } }), effects };
}

/** The slot that was reserved ahead, if the answer has come. */
export function slotOf<P extends Placed>(ahead: AheadSlot<P>): P | null {
  return ahead.kind === 'placed' ? ahead.placed : null;
}

/** The effect that releases the slot that was reserved ahead, if there is one. */
export function releaseAhead<P extends Placed>(
  ahead: AheadSlot<P>,
): { readonly type: 'release'; readonly placed: P }[] {
  return ahead.kind === 'placed' ? [{ type: 'release', placed: ahead.placed }] : [];
}

/** Whether the list contains the region pool. */
export function includes(regionPools: readonly RegionPool[], regionPool: RegionPool): boolean {
  return regionPools.some((other) => isSameRegionPool(other, regionPool));
}

/** The list without the region pool. */
export function without(regionPools: readonly RegionPool[], regionPool: RegionPool): readonly RegionPool[] {
  return regionPools.filter((other) => !isSameRegionPool(other, regionPool));
}

/** The union of two lists, in their order. */
export function withAll(
  regionPools: readonly RegionPool[],
  others: readonly RegionPool[],
): readonly RegionPool[] {
  return [...regionPools, ...others.filter((other) => !includes(regionPools, other))];
}
