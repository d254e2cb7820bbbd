import { isCall, type RequestCall } from './effects.js';
import type { RequestEvent, RequestResult, Standing } from './events.js';
import { stepDescribing, stepPlacing } from './place-phases.js';
import type { Phase, Placed, PlayRequest, RecordOutcome } from './play-request.js';
import { acceptOffer, isQueueing, receiveOffer, receivePoll, stepQueueing } from './queue-phases.js';
import {
  stepInspecting,
  stepLocating,
  stepRecording,
  stepReplacing,
  stepResuming,
  stepStarting,
  withRecord,
} from './record-phases.js';
import {
  after,
  change,
  close,
  enter,
  leave,
  refuse,
  slotOf,
  stay,
  withAll,
  type Transition,
} from './transition.js';

/**
 * The machine of a play request: returns the request after the event, and the effects for the broker. Pure, and defined for
 * every event in every phase.
 *
 * The broker carries out the effects in their order, and answers each call with one result event. For any order of events the
 * request gets exactly one answer, and a slot that the store reserved for it is matched or released.
 */
export function step<P extends Placed>(request: PlayRequest<P>, event: RequestEvent<P>): Transition<P> {
  const isResult = isRequestResult(event);
  const counted = isResult ? receiveResult(request, event) : request;
  const transition = isResult ? stepResult(counted, event) : stepEvent(counted, event);
  const { effects } = transition;
  let { calls } = transition.request;
  for (const effect of effects) if (isCall(effect)) calls += 1;
  if (calls === transition.request.calls) return transition;
  return { request: change(transition.request, { calls }), effects };
}

/** The request with one call less under way. */
function receiveResult<P extends Placed>(request: PlayRequest<P>, event: RequestResult<P>): PlayRequest<P> {
  const calls = request.calls - 1;
  const isUncertain = request.isUncertain || (event.type === 'failed' && mayHoldMore(event.call));
  return change(request, { calls, isUncertain });
}

/** Whether the call, if it is not answered, may leave a slot, a queue position or an epoch in the store unknown to this broker. */
function mayHoldMore(call: RequestCall<Placed>['type']): boolean {
  return call !== 'inspect' && call !== 'describe' && call !== 'leave';
}

type ExternalEvent<P extends Placed> = Exclude<RequestEvent<P>, RequestResult<P>>;

function isRequestResult<P extends Placed>(event: RequestEvent<P>): event is RequestResult<P> {
  switch (event.type) {
    case 'cancelled':
    case 'accepted':
    case 'disconnected':
    case 'replaced_by_other':
    case 'offer_received':
    case 'missed_second_offer':
    case 'polled':
      return false;
    default:
      return true;
  }
}

/** Handles an event that is not the result of a call. */
function stepEvent<P extends Placed>(request: PlayRequest<P>, event: ExternalEvent<P>): Transition<P> {
  const { phase } = request;
  if (phase.name === 'closed' || phase.name === 'leaving') return stay(request);
  switch (event.type) {
    case 'cancelled':
      return cancel(request, phase);
    case 'replaced_by_other': {
      const slot = slotAheadOf(phase);
      return close(request, { kind: 'replaced' }, slot === null ? [] : [{ type: 'release', placed: slot }]);
    }
    case 'accepted':
      return isQueueing(phase) ? acceptOffer(request, phase) : stay(request, noOfferIn(phase));
    // In every other phase the request continues: its client reconnects and finds the session.
    case 'disconnected':
      return isQueueing(phase)
        ? close(request, null, [{ type: 'remember', queues: request.queues }])
        : stay(request);
    case 'offer_received':
      return isQueueing(phase) ? receiveOffer(request, phase, event.offer) : stay(request);
    case 'missed_second_offer':
      return isQueueing(phase) ? refuse(request, 'TIMED_OUT') : stay(request);
    case 'polled':
      return isQueueing(phase) ? receivePoll(request, phase, event.polled) : stay(request);
  }
}

/** The client cancels the request. */
function cancel<P extends Placed>(request: PlayRequest<P>, phase: Phase<P>): Transition<P> {
  const answer = { kind: 'refused', code: 'CANCELLED' } as const;
  if (phase.name !== 'recording' || phase.recorded === null || !isToBeLocated(phase.recorded)) {
    return leave(request, answer, heldSlot(phase));
  }
  const { record } = phase.recorded;
  const leaving = { name: 'leaving', answer, slot: slotOf(phase.ahead), underWay: false } as const;
  return enter(withRecord(request, record), leaving, [{ type: 'locate', record }]);
}

/** Whether the request was made before, so that its session or queue positions have to be located before they can be ended. */
function isToBeLocated(
  outcome: { readonly kind: 'new' } | RecordOutcome,
): outcome is Extract<RecordOutcome, { readonly kind: 'repeat' }> {
  return outcome.kind === 'repeat' && outcome.record.state !== 'replaced';
}

/** The answer to a call that the request made. */
function stepResult<P extends Placed>(request: PlayRequest<P>, event: RequestResult<P>): Transition<P> {
  const { phase } = request;
  switch (phase.name) {
    case 'recording':
      return stepRecording(request, phase, event);
    case 'locating':
      return returnLate(stepLocating(request, event), event, phase);
    case 'inspecting':
      return stepInspecting(request, phase, event);
    case 'replacing':
      return stepReplacing(request, event);
    case 'resuming':
      return returnLate(stepResuming(request, phase, event), event, phase);
    case 'starting':
      return returnLate(stepStarting(request, event), event, phase);
    case 'placing':
      return stepPlacing(request, phase, event);
    case 'describing':
      return returnLate(stepDescribing(request, phase, event), event, phase);
    case 'waiting':
    case 'offered':
    case 'confirming':
      return returnLate(stepQueueing(request, phase, event), event, phase);
    case 'leaving':
      return stepLeaving(request, phase, event);
    case 'closed':
      return returnLate(stay(request), event, phase);
  }
}

/**
 * Gives up what arrives in a phase that does not need it: a slot that was reserved ahead, or positions in queues that the request
 * joined while it got a slot.
 */
function returnLate<P extends Placed>(
  transition: Transition<P>,
  event: RequestResult<P>,
  phase: Phase<P>,
): Transition<P> {
  const { request, effects } = transition;
  if (event.type === 'reserved' && event.result.kind === 'placed')
    return { request, effects: [...effects, { type: 'release', placed: event.result.placed }] };
  if (event.type === 'joined' && !keepsQueues(phase, event.standing))
    return { request, effects: [...effects, { type: 'leave_queues', queues: event.queues }] };
  return transition;
}

/** Whether the queue positions of a late join are still of use: the request waits, or another connection continues it. */
function keepsQueues<P extends Placed>(phase: Phase<P>, standing: Standing): boolean {
  if (phase.name === 'closed') return phase.continues && standing !== 'replaced' && standing !== 'over';
  return isQueueing(phase);
}

/** The answer is decided. Slots and queue positions that late results bring are given up first; then the client gets the answer. */
function stepLeaving<P extends Placed>(
  request: PlayRequest<P>,
  phase: Extract<Phase<P>, { name: 'leaving' }>,
  event: RequestResult<P>,
): Transition<P> {
  if (event.type === 'left' || (event.type === 'failed' && event.call === 'leave'))
    return close(request, phase.answer);
  const late = collectLate(request, phase.slot, event);
  const { slot, extra } = late;
  const release = extra === null ? [] : [{ type: 'release', placed: extra } as const];
  if (event.type === 'recorded' && isToBeLocated(event.outcome)) {
    const { record } = event.outcome;
    return enter(late.request, { ...phase, slot }, [...release, { type: 'locate', record }]);
  }
  if (request.calls > 0) return enter(late.request, { ...phase, slot }, release);
  return after(release, leave(late.request, phase.answer, slot));
}

/** Collects what a late result contains: queues and an epoch for the request, a slot, or a second slot (`extra`). */
function collectLate<P extends Placed>(
  request: PlayRequest<P>,
  slot: P | null,
  event: RequestResult<P>,
): { readonly request: PlayRequest<P>; readonly slot: P | null; readonly extra: P | null } {
  const placed = placedOf(event);
  const slots =
    placed === null
      ? { slot, extra: null }
      : slot === null
        ? { slot: placed, extra: null }
        : { slot, extra: placed };
  switch (event.type) {
    case 'joined':
      return { request: { ...request, queues: withAll(request.queues, event.queues) }, ...slots };
    case 'recorded':
      return {
        request: event.outcome.kind === 'repeat' ? withRecord(request, event.outcome.record) : request,
        ...slots,
      };
    case 'located':
    case 'resumed': {
      if (event.result.kind !== 'waiting') return { request, ...slots };
      const { sessionId, epoch, queues } = event.result.position;
      return { request: { ...request, sessionId, epoch, queues: withAll(request.queues, queues) }, ...slots };
    }
    case 'attempt_started': {
      const epoch = event.result.kind === 'started' ? event.result.epoch : request.epoch;
      return { request: { ...request, epoch }, ...slots };
    }
    case 'requeued':
      return { request: { ...request, epoch: event.epoch ?? request.epoch }, ...slots };
    case 'confirmed': {
      const epoch = 'epoch' in event.result ? event.result.epoch : request.epoch;
      return { request: { ...request, epoch }, ...slots };
    }
    default:
      return { request, ...slots };
  }
}

function placedOf<P extends Placed>(event: RequestResult<P>): P | null {
  if (
    event.type !== 'reserved' &&
    event.type !== 'located' &&
    event.type !== 'resumed' &&
    event.type !== 'confirmed'
  )
    return null;
  return event.result.kind === 'placed' ? event.result.placed : null;
}

/** The slot that the store holds for a request in this phase. */
function heldSlot<P extends Placed>(phase: Phase<P>): P | null {
  return phase.name === 'describing' ? phase.placed : slotAheadOf(phase);
}

/** The slot that the store reserved ahead for a request that it has not recorded yet. */
function slotAheadOf<P extends Placed>(phase: Phase<P>): P | null {
  return phase.name === 'recording' ? slotOf(phase.ahead) : null;
}

/** An `accept` without an offer is refused, unless the request has got its slot already. */
function noOfferIn<P extends Placed>(phase: Phase<P>): { readonly type: 'send_no_offer' }[] {
  return phase.name === 'describing' ? [] : [{ type: 'send_no_offer' }];
}
