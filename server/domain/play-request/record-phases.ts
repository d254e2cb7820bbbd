import type { RequestResult } from './events.js';
import { startPlacing, takePlaced, waitInQueues } from './place-phases.js';
import type { AheadSlot, Phase, Placed, PlayRequest, RememberedRequest } from './play-request.js';
import { close, enter, refuse, releaseAhead, slotOf, stay, type Transition } from './transition.js';

/** How often other requests of the player may come first before this one gives up. */
const MAX_LOST_REPLACEMENTS = 5;

type Recording<P extends Placed> = Extract<Phase<P>, { name: 'recording' }>;
type Inspecting<P extends Placed> = Extract<Phase<P>, { name: 'inspecting' }>;
type Replacing<P extends Placed> = Extract<Phase<P>, { name: 'replacing' }>;

/** The store's answer to the slot that was requested ahead. */
function receiveAhead<P extends Placed>({
  result,
}: Extract<RequestResult<P>, { type: 'reserved' }>): AheadSlot<P> {
  return result.kind === 'replaced' ? { kind: 'refused', code: 'UNAVAILABLE' } : result;
}

export function stepRecording<P extends Placed>(
  request: PlayRequest<P>,
  phase: Recording<P>,
  event: RequestResult<P>,
): Transition<P> {
  switch (event.type) {
    case 'reserved':
      return enter(request, { ...phase, ahead: receiveAhead(event) });
    case 'recorded': {
      const { outcome } = event;
      if (outcome.kind === 'new') return startPlacing(request, phase.ahead, 'first');
      if (outcome.kind === 'live') return meetLive(request, outcome.other, phase.ahead);
      const { record } = outcome;
      const { sessionId, epoch } = record;
      return enter({ ...request, sessionId, epoch }, { name: 'locating' }, [
        ...releaseAhead(phase.ahead),
        { type: 'locate', record },
      ]);
    }
    case 'failed':
      if (event.call === 'reserve')
        return enter(request, { ...phase, ahead: { kind: 'refused', code: event.code } });
      return refuse(request, event.code, slotOf(phase.ahead));
    default:
      return stay(request);
  }
}

/** The player has another live request. A takeover ends it, whatever it has; else the broker checks that it lives. */
function meetLive<P extends Placed>(
  request: PlayRequest<P>,
  other: RememberedRequest,
  ahead: AheadSlot<P>,
): Transition<P> {
  if (request.terms.onConflict === 'takeover') return replace(request, other, ahead, false);
  return enter(request, { name: 'inspecting', other, ahead }, [{ type: 'inspect', other }]);
}

function replace<P extends Placed>(
  request: PlayRequest<P>,
  other: RememberedRequest,
  ahead: AheadSlot<P>,
  isOver: boolean,
): Transition<P> {
  return enter(request, { name: 'replacing', other, ahead }, [{ type: 'replace', other, isOver }]);
}

/** Another request of the player became the live one since this one was told of it. */
function meetLiveAgain<P extends Placed>(
  request: PlayRequest<P>,
  other: RememberedRequest,
  ahead: AheadSlot<P>,
): Transition<P> {
  const lostReplacements = request.lostReplacements + 1;
  if (lostReplacements > MAX_LOST_REPLACEMENTS)
    return close(request, { kind: 'refused', code: 'UNAVAILABLE' }, releaseAhead(ahead));
  return meetLive({ ...request, lostReplacements }, other, ahead);
}

export function stepInspecting<P extends Placed>(
  request: PlayRequest<P>,
  phase: Inspecting<P>,
  event: RequestResult<P>,
): Transition<P> {
  const { other, ahead } = phase;
  switch (event.type) {
    case 'reserved':
      return enter(request, { ...phase, ahead: receiveAhead(event) });
    case 'inspected': {
      if (event.found === 'ended') return replace(request, other, ahead, true);
      if (request.terms.onConflict === 'resume') {
        return enter(request, { name: 'resuming', other }, [
          ...releaseAhead(ahead),
          { type: 'resume', other },
        ]);
      }
      // A request that still waits has no session yet, so the refusal names none.
      const session = event.found === 'session' ? { sessionId: other.sessionId } : {};
      return close(request, { kind: 'refused', code: 'SESSION_EXISTS', ...session }, releaseAhead(ahead));
    }
    case 'failed':
      if (event.call === 'reserve')
        return enter(request, { ...phase, ahead: { kind: 'refused', code: event.code } });
      return close(request, { kind: 'refused', code: event.code }, releaseAhead(ahead));
    default:
      return stay(request);
  }
}

export function stepReplacing<P extends Placed>(
  request: PlayRequest<P>,
  phase: Replacing<P>,
  event: RequestResult<P>,
): Transition<P> {
  switch (event.type) {
    case 'reserved':
      return enter(request, { ...phase, ahead: receiveAhead(event) });
    case 'replaced':
      return receiveReplaced(request, phase.ahead, event.outcome);
    case 'failed':
      if (event.call === 'reserve')
        return enter(request, { ...phase, ahead: { kind: 'refused', code: event.code } });
      return refuse(request, event.code, slotOf(phase.ahead));
    default:
      return stay(request);
  }
}

function receiveReplaced<P extends Placed>(
  request: PlayRequest<P>,
  ahead: AheadSlot<P>,
  outcome: Extract<RequestResult<P>, { type: 'replaced' }>['outcome'],
): Transition<P> {
  switch (outcome.kind) {
    // The session that ended may have held the last slot of the best candidate, so that one is tried again.
    case 'done':
      return startPlacing(request, ahead, 'again');
    case 'live':
      return meetLiveAgain(request, outcome.other, ahead);
    case 'outdated':
      return close(request, { kind: 'replaced' }, releaseAhead(ahead));
  }
}

export function stepResuming<P extends Placed>(
  request: PlayRequest<P>,
  phase: Extract<Phase<P>, { name: 'resuming' }>,
  event: RequestResult<P>,
): Transition<P> {
  switch (event.type) {
    case 'resumed':
      return receiveResumed(request, phase.other, event.result);
    case 'failed':
      if (event.call === 'reserve') return stay(request);
      return close(request, { kind: 'refused', code: event.code });
    default:
      return stay(request);
  }
}

function receiveResumed<P extends Placed>(
  request: PlayRequest<P>,
  other: RememberedRequest,
  result: Extract<RequestResult<P>, { type: 'resumed' }>['result'],
): Transition<P> {
  switch (result.kind) {
    case 'placed':
      return takePlaced(request, result.placed);
    case 'waiting':
      return waitInQueues(request, result.position);
    case 'ended':
      return replace(request, other, { kind: 'none' }, true);
    case 'live':
      return meetLiveAgain(request, result.other, { kind: 'none' });
    case 'lost_race':
      return close(request, { kind: 'refused', code: 'UNAVAILABLE' });
  }
}

export function stepLocating<P extends Placed>(
  request: PlayRequest<P>,
  event: RequestResult<P>,
): Transition<P> {
  if (event.type === 'failed' && event.call !== 'reserve')
    return close(request, { kind: 'refused', code: event.code });
  if (event.type !== 'located') return stay(request);
  const { result } = event;
  const { unservable } = request.terms;
  switch (result.kind) {
    case 'placed':
      return takePlaced(request, result.placed);
    case 'over':
      return close(request, { kind: 'refused', code: result.code });
    case 'replaced':
      return close(request, { kind: 'replaced' });
    case 'waiting':
      if (unservable !== null) return close(request, { kind: 'refused', code: unservable });
      return waitInQueues(request, result.position);
    case 'lost':
      if (unservable !== null) return close(request, { kind: 'refused', code: unservable });
      return start({ ...request, whenFull: 'end', lostIn: result.regionPool }, result.epoch);
    case 'nothing':
      if (unservable !== null) return close(request, { kind: 'refused', code: unservable });
      return start(request, request.epoch);
  }
}

/** Starts a new attempt of a remembered request. */
export function start<P extends Placed>(request: PlayRequest<P>, fromEpoch: number): Transition<P> {
  const regionPool = request.lostIn ?? request.terms.candidates[0]?.regionPool;
  if (regionPool === undefined) return close(request, { kind: 'refused', code: 'NO_REGION_IN_REACH' });
  return enter(request, { name: 'starting' }, [{ type: 'start_attempt', fromEpoch, regionPool }]);
}

export function stepStarting<P extends Placed>(
  request: PlayRequest<P>,
  event: RequestResult<P>,
): Transition<P> {
  if (event.type === 'failed' && event.call === 'start_attempt')
    return close(request, { kind: 'refused', code: event.code });
  if (event.type !== 'attempt_started') return stay(request);
  const { result } = event;
  switch (result.kind) {
    case 'started':
      return enter({ ...request, epoch: result.epoch }, { name: 'placing', index: 0 }, [
        { type: 'reserve', index: 0 },
      ]);
    case 'refused':
      return close(request, { kind: 'refused', code: result.code });
    case 'replaced':
      return close(request, { kind: 'replaced' });
  }
}
