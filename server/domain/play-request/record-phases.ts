import type { RequestResult } from './events.js';
import { startPlacing, takePlaced, waitInQueues } from './place-phases.js';
import type { AheadSlot, Placed, PlayRequest, RememberedRequest } from './play-request.js';
import { close, enter, refuse, slotOf, stay, type Transition } from './transition.js';

/** How often other requests of the player may come first before this one gives up. */
const MAX_LOST_REPLACEMENTS = 5;

type Recording<P extends Placed> = Extract<PlayRequest<P>['phase'], { name: 'recording' }>;
type Inspecting<P extends Placed> = Extract<PlayRequest<P>['phase'], { name: 'inspecting' }>;
type Replacing<P extends Placed> = Extract<PlayRequest<P>['phase'], { name: 'replacing' }>;

/** The store's answer to the slot that was requested ahead. */
function receiveAhead<P extends Placed>({ result }: Extract<RequestResult<P>, { type: 'reserved' }>): AheadSlot<P> {
  return result;
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
      if (outcome.kind === 'live') return inspect(request, outcome.other, phase.ahead);
      if (outcome.kind === 'replaced') return close(request, { kind: 'replaced' }, releaseAhead(phase.ahead));
      const { record } = outcome;
      return enter(
        { ...request, sessionId: record.sessionId, epoch: record.epoch },
        { name: 'locating' },
        [...releaseAhead(phase.ahead), { type: 'locate', record }],
      );
    }
    case 'failed':
      if (event.call === 'reserve') return enter(request, { ...phase, ahead: { kind: 'refused', code: event.code } });
      return refuse(request, event.code, slotOf(phase.ahead));
    default:
      return stay(request);
  }
}

function inspect<P extends Placed>(
  request: PlayRequest<P>,
  other: RememberedRequest,
  ahead: AheadSlot<P>,
): Transition<P> {
  return enter(request, { name: 'inspecting', other, ahead }, [{ type: 'inspect', other }]);
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
      if (event.found === 'ended' || request.terms.onConflict === 'takeover') {
        const isOver = event.found === 'ended';
        return enter(request, { name: 'replacing', other, ahead }, [{ type: 'replace', other, isOver }]);
      }
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
      if (event.call === 'reserve') return enter(request, { ...phase, ahead: { kind: 'refused', code: event.code } });
      return refuse(request, event.code, slotOf(ahead));
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
    case 'replaced': {
      // The session that ended may have held the last slot of the best candidate, so that one is tried again.
      if (event.outcome.kind === 'done') return startPlacing(request, phase.ahead, 'again');
      const lostReplacements = request.lostReplacements + 1;
      if (lostReplacements > MAX_LOST_REPLACEMENTS) return refuse(request, 'UNAVAILABLE', slotOf(phase.ahead));
      return inspect({ ...request, lostReplacements }, event.outcome.other, phase.ahead);
    }
    case 'failed':
      if (event.call === 'reserve') return enter(request, { ...phase, ahead: { kind: 'refused', code: event.code } });
      return refuse(request, event.code, slotOf(phase.ahead));
    default:
      return stay(request);
  }
}

export function stepResuming<P extends Placed>(
  request: PlayRequest<P>,
  event: RequestResult<P>,
): Transition<P> {
  switch (event.type) {
    case 'resumed':
      switch (event.result.kind) {
        case 'placed':
          return takePlaced(request, event.result.placed);
        case 'waiting':
          return waitInQueues(request, event.result.position);
        case 'lost_race':
          return close(request, { kind: 'refused', code: 'UNAVAILABLE' });
      }
    case 'failed':
      if (event.call === 'reserve') return stay(request);
      return close(request, { kind: 'refused', code: event.code });
    default:
      return stay(request);
  }
}

export function stepLocating<P extends Placed>(
  request: PlayRequest<P>,
  event: RequestResult<P>,
): Transition<P> {
  if (event.type === 'failed' && event.call !== 'reserve') return close(request, { kind: 'refused', code: event.code });
  if (event.type !== 'located') return stay(request);
  const { result } = event;
  const { unservable } = request.terms;
  switch (result.kind) {
    case 'placed':
      return takePlaced(request, result.placed);
    case 'over':
      return close(request, { kind: 'refused', code: result.code });
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
  if (event.type === 'failed') return close(request, { kind: 'refused', code: event.code });
  if (event.type !== 'attempt_started') return stay(request);
  // Another broker continues the request.
  if (event.epoch === null) return close(request, { kind: 'refused', code: 'UNAVAILABLE' });
  return enter({ ...request, epoch: event.epoch }, { name: 'placing', index: 0 }, [{ type: 'reserve', index: 0 }]);
}

function releaseAhead<P extends Placed>(ahead: AheadSlot<P>): { readonly type: 'release'; readonly placed: P }[] {
  return ahead.kind === 'placed' ? [{ type: 'release', placed: ahead.placed }] : [];
}

