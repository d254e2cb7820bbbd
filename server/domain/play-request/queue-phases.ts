import { isSameRegionPool, type RegionPool } from '../catalog.js';
import type { RequestEffect } from './effects.js';
import type { PolledQueues, RequestResult, Standing } from './events.js';
import { startDescribing, waitInQueues } from './place-phases.js';
import type { Offer, Phase, Placed, PlayRequest, QueueTask } from './play-request.js';
import {
  after,
  close,
  enter,
  includes,
  leave,
  refuse,
  stay,
  withAll,
  without,
  type Transition,
} from './transition.js';

type Waiting<P extends Placed> = Extract<Phase<P>, { name: 'waiting' }>;
type Offered<P extends Placed> = Extract<Phase<P>, { name: 'offered' }>;
type Confirming<P extends Placed> = Extract<Phase<P>, { name: 'confirming' }>;
/** The phases in which a request stands in queues. */
export type Queueing<P extends Placed> = Waiting<P> | Offered<P> | Confirming<P>;

/** Whether the request stands in queues. */
export function isQueueing<P extends Placed>(phase: Phase<P>): phase is Queueing<P> {
  return phase.name === 'waiting' || phase.name === 'offered' || phase.name === 'confirming';
}

/** Answers to the calls that a request in queues makes. */
export function stepQueueing<P extends Placed>(
  request: PlayRequest<P>,
  phase: Queueing<P>,
  event: RequestResult<P>,
): Transition<P> {
  switch (event.type) {
    case 'joined':
      return receiveJoined(request, phase, event);
    case 'verified':
      if (event.standing !== 'own') return leaveToOther(request, [], event.standing);
      return receiveVerified({ ...request, epoch: event.epoch }, phase, event.acceptable);
    case 'requeued': {
      if (event.epoch === null) return leaveToOther(request, [], 'continued');
      const restarted = { ...request, epoch: event.epoch, arrivedAtMs: null, missedOffer: false, queues: [] };
      return waitInQueues(restarted, null);
    }
    case 'confirmed':
      return receiveConfirmed(request, phase, event);
    case 'failed':
      return receiveFailure(request, phase, event);
    default:
      return stay(request);
  }
}

/** This broker continues the request, which joins the queues that lost it again, or further ones. */
function receiveVerified<P extends Placed>(
  request: PlayRequest<P>,
  phase: Queueing<P>,
  acceptable: readonly RegionPool[],
): Transition<P> {
  if (phase.name !== 'waiting') return enter(request, { ...phase, task: 'none' });
  return joinFurther(request, acceptable, []);
}

function receiveJoined<P extends Placed>(
  request: PlayRequest<P>,
  phase: Queueing<P>,
  { queues, arrivedAtMs, refused, standing }: Extract<RequestResult<P>, { type: 'joined' }>,
): Transition<P> {
  // A confirmation that is under way raises the epoch, so that its result shows the same.
  if (standing !== 'own' && !isConfirmUnderWay(phase)) return leaveToOther(request, queues, standing);
  const isFirst = request.queues.length === 0;
  const joined: PlayRequest<P> = {
    ...request,
    queues: withAll(request.queues, queues),
    arrivedAtMs: request.arrivedAtMs ?? arrivedAtMs,
  };
  if (refused !== null && phase.name === 'waiting') return refuse(joined, refused);
  const [first] = joined.queues;
  const effects: RequestEffect<P>[] =
    isFirst && first !== undefined ? [{ type: 'record_queue', regionPool: first }] : [];
  if (phase.name === 'waiting') effects.push({ type: 'send_position' });
  return enter(joined, { ...phase, task: 'none' }, effects);
}

/** Another request or broker continues the request, or it is over. */
function leaveToOther<P extends Placed>(
  request: PlayRequest<P>,
  joined: readonly RegionPool[],
  standing: Exclude<Standing, 'own'>,
): Transition<P> {
  const queues = withAll(request.queues, joined);
  switch (standing) {
    case 'replaced':
      return close(request, { kind: 'replaced' }, [{ type: 'leave_queues', queues }]);
    case 'resumed':
      return close(request, { kind: 'replaced' });
    case 'continued':
      // After a call without an answer, this broker may have raised the epoch itself, so the client has to repeat the request.
      return close(
        request,
        request.isUncertain ? { kind: 'refused', code: 'UNAVAILABLE' } : { kind: 'replaced' },
      );
    case 'over': {
      const answer = { kind: 'refused', code: 'CANCELLED' } as const;
      // The broker that cancelled the request has removed it from the queues in which it was then.
      if (request.isUncertain) return leave({ ...request, queues }, answer);
      return close(request, answer, [{ type: 'leave_queues', queues }]);
    }
    case 'unknown':
      return refuse({ ...request, queues }, 'UNAVAILABLE');
  }
}

/** A call without an answer. A request that is in a queue continues to wait: the next poll repeats the call. */
function receiveFailure<P extends Placed>(
  request: PlayRequest<P>,
  phase: Queueing<P>,
  { call, code }: Extract<RequestResult<P>, { type: 'failed' }>,
): Transition<P> {
  switch (call) {
    case 'confirm':
      if (phase.name !== 'confirming') return stay(request);
      return enter(request, { ...phase, underWay: false });
    case 'join':
    case 'verify':
    case 'requeue':
      if (code === 'INTERNAL' || request.queues.length === 0) return refuse(request, code);
      return enter(request, { ...phase, task: 'none' });
    default:
      return stay(request);
  }
}

/** The store holds a slot for the request, in one of its queues. */
export function receiveOffer<P extends Placed>(
  request: PlayRequest<P>,
  phase: Queueing<P>,
  offer: Offer,
): Transition<P> {
  if (phase.name !== 'waiting') {
    const { offer: held } = phase;
    const isSamePool = isSameRegionPool(held.regionPool, offer.regionPool);
    if (isSamePool && held.madeAtMs === offer.madeAtMs) return stay(request);
    // An expired offer is no longer valid; the store ends it at its next sweep.
    const isHeldValid = phase.name === 'confirming' || offer.receivedAtMs < held.expiresAtMs;
    if (isHeldValid && !isSamePool) {
      return stay({ ...request, queues: without(request.queues, offer.regionPool) }, [
        { type: 'return_offer', regionPool: offer.regionPool, keptIn: held.regionPool },
      ]);
    }
  }
  if (request.terms.autoAccept) return acceptAtOnce(request, phase, offer);
  return enter(withQueue(request, offer.regionPool), { name: 'offered', task: phase.task, offer }, [
    { type: 'send_offer', offer },
  ]);
}

/** The client accepts every offer, and is not asked. */
function acceptAtOnce<P extends Placed>(
  request: PlayRequest<P>,
  phase: Queueing<P>,
  offer: Offer,
): Transition<P> {
  // The offer that is being confirmed has expired in the same region pool. The poll after that finds this one.
  if (isConfirmUnderWay(phase)) return stay(request);
  return confirm(withQueue(request, offer.regionPool), offer, phase.task);
}

function withQueue<P extends Placed>(request: PlayRequest<P>, regionPool: RegionPool): PlayRequest<P> {
  return { ...request, queues: withAll(request.queues, [regionPool]) };
}

/** The client accepts the offer. */
export function acceptOffer<P extends Placed>(request: PlayRequest<P>, phase: Queueing<P>): Transition<P> {
  switch (phase.name) {
    case 'waiting':
      return stay(request, [{ type: 'send_no_offer' }]);
    case 'offered':
      return confirm(request, phase.offer, phase.task);
    case 'confirming':
      return stay(request);
  }
}

function confirm<P extends Placed>(request: PlayRequest<P>, offer: Offer, task: QueueTask): Transition<P> {
  return enter(request, { name: 'confirming', task, offer, underWay: true }, [{ type: 'confirm', offer }]);
}

function receiveConfirmed<P extends Placed>(
  request: PlayRequest<P>,
  phase: Queueing<P>,
  { result }: Extract<RequestResult<P>, { type: 'confirmed' }>,
): Transition<P> {
  switch (result.kind) {
    case 'placed':
      return receiveSlot({ ...request, epoch: result.epoch }, result.placed);
    case 'gone':
      // A later offer came meanwhile.
      if (phase.name !== 'confirming') return stay({ ...request, epoch: result.epoch });
      return enter(
        { ...request, epoch: result.epoch },
        { name: 'waiting', task: phase.task },
        request.terms.autoAccept ? [] : [{ type: 'send_no_offer' }],
      );
    case 'continued':
      return leaveToOther(request, [], 'continued');
    case 'unknown': {
      const uncertain = { ...request, epoch: result.epoch, isUncertain: true };
      return phase.name === 'confirming' ? enter(uncertain, { ...phase, underWay: false }) : stay(uncertain);
    }
  }
}

/** The request has a slot in one of its queues, and leaves the others. */
function receiveSlot<P extends Placed>(request: PlayRequest<P>, placed: P): Transition<P> {
  const queues = without(request.queues, placed.regionPool);
  return after([{ type: 'leave_queues', queues }], startDescribing({ ...request, queues: [] }, placed));
}

/** Applies the result of a poll of its queues to the request. */
export function receivePoll<P extends Placed>(
  before: PlayRequest<P>,
  phase: Queueing<P>,
  polled: PolledQueues<P>,
): Transition<P> {
  const { candidates } = polled;
  const request = candidates === null ? before : { ...before, terms: { ...before.terms, candidates } };
  if (polled.placed !== null && !isConfirmUnderWay(phase)) return receiveSlot(request, polled.placed);
  if (polled.heldByOther) return close(request, { kind: 'replaced' });
  if (polled.timedOut) return refuse(request, 'TIMED_OUT');
  // The result of a call that is under way is newer than this poll.
  if (phase.task !== 'none' || isConfirmUnderWay(phase)) return stay(request);
  if (polled.expired) return enter(request, { name: 'waiting', task: 'requeue' }, [{ type: 'requeue' }]);

  const known = withPolledFacts(request, polled);
  const unaware = known.missedOffer ? polled.waiting.filter(({ missed }) => !missed) : [];
  const notices: RequestEffect<P>[] =
    unaware.length === 0
      ? []
      : [{ type: 'record_missed_offer', queues: unaware.map(({ regionPool }) => regionPool) }];
  const next = after(notices, withPolledOffers(known, phase, polled));
  const { effects } = next;
  const { phase: now } = next.request;
  if (now.name === 'confirming') {
    if (now.underWay) return next;
    return after(effects, confirm(next.request, now.offer, now.task));
  }
  // The store lost data, or the request was cancelled on another broker and has left some of its queues already.
  if (polled.missing.length > 0) {
    // An offer that arrived after the query was sent is held in its queue.
    const isHeld = (queue: RegionPool): boolean =>
      now.name === 'offered' && isSameRegionPool(now.offer.regionPool, queue);
    const queues = next.request.queues.filter((queue) => isHeld(queue) || !includes(polled.missing, queue));
    return enter({ ...next.request, queues }, { ...queueingOf(now), task: 'verify' }, [
      ...effects,
      { type: 'verify' },
    ]);
  }
  if (now.name === 'offered') return next;
  return joinFurther(next.request, polled.acceptable, effects);
}

/** Joins the queues of region pools that the latency policy accepts by now, and of those that lost the request. */
function joinFurther<P extends Placed>(
  request: PlayRequest<P>,
  acceptable: readonly RegionPool[],
  effects: readonly RequestEffect<P>[],
): Transition<P> {
  // Operators closed every region pool in which the player could wait: no slot can be offered any more.
  if (acceptable.length === 0) return after(effects, refuse(request, 'REGION_CLOSED'));
  const further = acceptable.filter((regionPool) => !includes(request.queues, regionPool));
  if (further.length > 0) {
    return enter(request, { name: 'waiting', task: 'join' }, [
      ...effects,
      { type: 'join', regionPools: further },
    ]);
  }
  return enter(request, { name: 'waiting', task: 'none' }, effects);
}

function withPolledFacts<P extends Placed>(
  request: PlayRequest<P>,
  { waiting }: PolledQueues<P>,
): PlayRequest<P> {
  const [first] = waiting;
  return {
    ...request,
    arrivedAtMs: request.arrivedAtMs ?? first?.arrivedAtMs ?? null,
    missedOffer: request.missedOffer || waiting.some(({ missed }) => missed),
  };
}

/** Drops an offer that the store no longer has, and applies the offers that it has. */
function withPolledOffers<P extends Placed>(
  request: PlayRequest<P>,
  phase: Queueing<P>,
  { offers, queriedAtMs }: PolledQueues<P>,
): Transition<P> {
  let transition: Transition<P> = stay(request);
  if (phase.name !== 'waiting' && !isConfirmUnderWay(phase)) {
    const { offer } = phase;
    const isStillHeld = offers.some(({ regionPool }) => isSameRegionPool(regionPool, offer.regionPool));
    // The query knows nothing of an offer that arrived after it was sent.
    if (!isStillHeld && offer.receivedAtMs < queriedAtMs) {
      transition = enter(request, { name: 'waiting', task: phase.task });
    }
  }
  for (const offer of offers) {
    const { phase: now } = transition.request;
    const next = receiveOffer(transition.request, queueingOf(now), offer);
    transition = after(transition.effects, next);
  }
  return transition;
}

function isConfirmUnderWay<P extends Placed>(phase: Queueing<P>): boolean {
  return phase.name === 'confirming' && phase.underWay;
}

function queueingOf<P extends Placed>(phase: Phase<P>): Queueing<P> {
  if (isQueueing(phase)) return phase;
  throw new Error(`A request in the phase "${phase.name}" does not stand in queues.`);
}
