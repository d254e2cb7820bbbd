import type { RequestResult } from './events.js';
import { startPlacing, startDescribing, waitInQueues } from './place-phases.js';
import type {
  AheadSlot,
  Phase,
  Placed,
  PlayRequest,
  RecordOutcome,
  RememberedRequest,
} from './play-request.js';
import { after, close, enter, refuse, releaseAhead, slotOf, stay, type Transition } from './transition.js';

type Recording<P extends Placed> = Extract<Phase<P>, { name: 'recording' }>;
type Inspecting<P extends Placed> = Extract<Phase<P>, { name: 'inspecting' }>;
type Resuming<P extends Placed> = Extract<Phase<P>, { name: 'resuming' }>;

/** Handles the result of recording the request, and that of the reservation ahead. */
export function stepRecording<P extends Placed>(
  request: PlayRequest<P>,
  phase: Recording<P>,
  event: RequestResult<P>,
): Transition<P> {
  switch (event.type) {
    case 'reserved': {
      const { result } = event;
      return receiveAhead(request, phase, result.kind === 'replaced' ? UNAVAILABLE : result);
    }
    case 'recorded': {
      const { outcome } = event;
      if (outcome.kind === 'new') return startPlacing(request, phase.ahead);
      if (phase.ahead.kind === 'pending') return enter(request, { ...phase, recorded: outcome });
      return receiveKnown(request, outcome, phase.ahead);
    }
    case 'failed':
      if (event.call === 'reserve')
        return receiveAhead(request, phase, { kind: 'refused', code: event.code });
      return refuse(request, event.code, slotOf(phase.ahead));
    default:
      return stay(request);
  }
}

const UNAVAILABLE = { kind: 'refused', code: 'UNAVAILABLE' } as const;

function receiveAhead<P extends Placed>(
  request: PlayRequest<P>,
  phase: Recording<P>,
  ahead: AheadSlot<P>,
): Transition<P> {
  if (phase.recorded === null) return enter(request, { ...phase, ahead });
  return receiveKnown(request, phase.recorded, ahead);
}

/** The request was made before, or its player has another one. The slot ahead is returned. */
function receiveKnown<P extends Placed>(
  request: PlayRequest<P>,
  outcome: RecordOutcome,
  ahead: AheadSlot<P>,
): Transition<P> {
  const next =
    outcome.kind === 'repeat'
      ? locate(request, outcome.record)
      : handleLive(withSession(request, outcome), outcome.other);
  return after(releaseAhead(ahead), next);
}

function withSession<P extends Placed>(
  request: PlayRequest<P>,
  { sessionId }: { readonly sessionId: string },
): PlayRequest<P> {
  return { ...request, sessionId };
}

function locate<P extends Placed>(request: PlayRequest<P>, record: RememberedRequest): Transition<P> {
  return enter(withRecord(request, record), { name: 'locating' }, [{ type: 'locate', record }]);
}

/** The request continues what the store remembers. The session of a request that was replaced belongs to another request, or is over. */
export function withRecord<P extends Placed>(
  request: PlayRequest<P>,
  { state, sessionId, epoch }: RememberedRequest,
): PlayRequest<P> {
  return state === 'replaced' ? { ...request, epoch } : { ...request, sessionId, epoch };
}

/**
 * The player has another live request. `takeover` replaces it at once; otherwise the broker first checks whether it is still live. This may
 * happen several times, each time after a third request or attempt of the player succeeded: so there is no limit, and some request gets on.
 */
function handleLive<P extends Placed>(request: PlayRequest<P>, other: RememberedRequest): Transition<P> {
  if (request.terms.onConflict === 'takeover') return replace(request, other, false);
  return enter(request, { name: 'inspecting', other }, [{ type: 'inspect', other }]);
}

function replace<P extends Placed>(
  request: PlayRequest<P>,
  other: RememberedRequest,
  isOver: boolean,
): Transition<P> {
  return enter(request, { name: 'replacing', other }, [{ type: 'replace', other, isOver }]);
}

/** Handles the status of the player's other request. */
export function stepInspecting<P extends Placed>(
  request: PlayRequest<P>,
  { other }: Inspecting<P>,
  event: RequestResult<P>,
): Transition<P> {
  switch (event.type) {
    case 'inspected': {
      if (event.found === 'ended') return replace(request, other, true);
      if (request.terms.onConflict === 'resume') {
        return enter(request, { name: 'resuming', other }, [{ type: 'resume', other }]);
      }
      // If the other request still waits, it has no session yet, so the refusal names none.
      const session = event.found === 'session' ? { sessionId: other.sessionId } : {};
      return close(request, { kind: 'refused', code: 'SESSION_EXISTS', ...session });
    }
    case 'failed':
      return close(request, { kind: 'refused', code: event.code });
    default:
      return stay(request);
  }
}

/** Handles the result of replacing the player's other request. */
export function stepReplacing<P extends Placed>(
  request: PlayRequest<P>,
  event: RequestResult<P>,
): Transition<P> {
  if (event.type === 'failed') return refuse(request, event.code);
  if (event.type !== 'replaced') return stay(request);
  const { outcome } = event;
  switch (outcome.kind) {
    case 'done':
      return startPlacing(request, { kind: 'none' });
    case 'live':
      return handleLive(request, outcome.other);
    case 'outdated':
      return close(request, { kind: 'replaced' });
  }
}

/** Handles the result of resuming the player's other request. */
export function stepResuming<P extends Placed>(
  request: PlayRequest<P>,
  { other }: Resuming<P>,
  event: RequestResult<P>,
): Transition<P> {
  if (event.type === 'failed') return close(request, { kind: 'refused', code: event.code });
  if (event.type !== 'resumed') return stay(request);
  const { result } = event;
  switch (result.kind) {
    case 'placed':
      return startDescribing(request, result.placed);
    case 'waiting':
      return waitInQueues(request, result.position);
    case 'ended':
      return replace(request, other, true);
    case 'live':
      return handleLive(request, result.other);
    case 'outdated':
      return close(request, { kind: 'replaced' });
    case 'known':
      return locate(request, result.record);
  }
}

/** Handles what became of a request that was made before. */
export function stepLocating<P extends Placed>(
  request: PlayRequest<P>,
  event: RequestResult<P>,
): Transition<P> {
  if (event.type === 'failed') return close(request, { kind: 'refused', code: event.code });
  if (event.type !== 'located') return stay(request);
  const { result } = event;
  const { unservable } = request.terms;
  switch (result.kind) {
    case 'placed':
      return startDescribing(request, result.placed);
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

/** Handles the result of starting a new attempt. */
export function stepStarting<P extends Placed>(
  request: PlayRequest<P>,
  event: RequestResult<P>,
): Transition<P> {
  if (event.type === 'failed') return close(request, { kind: 'refused', code: event.code });
  if (event.type !== 'attempt_started') return stay(request);
  const { result } = event;
  switch (result.kind) {
    case 'started':
      return enter({ ...request, epoch: result.epoch }, { name: 'placing', index: 0 }, [
        { type: 'reserve', index: 0 },
      ]);
    case 'continued':
      return locate(request, result.record);
    case 'refused':
      return close(request, { kind: 'refused', code: result.code });
    case 'replaced':
      return close(request, { kind: 'replaced' });
  }
}
