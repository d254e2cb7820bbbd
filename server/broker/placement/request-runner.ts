import type { Play } from '@duskline/protocol';
import { beginReplacement, beginRequest } from '../../domain/play-request/begin.js';
import { isCall, type RequestCall, type RequestEffect } from '../../domain/play-request/effects.js';
import type { RequestResult } from '../../domain/play-request/events.js';
import type { RequestTerms } from '../../domain/play-request/play-request.js';
import { step } from '../../domain/play-request/step.js';
import type { Transition } from '../../domain/play-request/transition.js';
import { rankCandidates, type Candidate } from '../../domain/ranking.js';
import { StoreUnavailableError } from '../../store/fleet-store.js';
import type { ClientConnection } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import type { Credentials } from '../credentials.js';
import { isQueueing, type ActiveRequest, type RequestAnswerer } from '../requests/active-request.js';
import type { RequestRunner, Requests } from '../requests/ports.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { makeCall } from './request-calls.js';
import { carryOutNotice } from './request-notices.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

type Ports = BrokerSettings &
  Runtime &
  StoreAccess &
  Events &
  Reporting &
  Connections &
  Requests &
  Credentials;
type Begun = Transition<PlacedSession>;
type Effect = RequestEffect<PlacedSession>;

/** A `play` is answered with `matched`, `error` or `replaced`, so every refusal is sent. */
const ANSWER_PLAY: RequestAnswerer = { onRefused: () => true, onReplaced: () => true };

/** Calls that an attempt makes before its client may know its session. */
const CALLS_OF_ATTEMPTS: ReadonlySet<RequestCall<PlacedSession>['type']> = new Set([
  'record',
  'reserve',
  'replace',
  'start_attempt',
  'join',
]);

/** Runs the machines of play requests (`domain/play-request`): carries out their effects, and dispatches the results of calls. */
export function createRequestRunner(context: Ports): RequestRunner {
  const runner: RequestRunner = {
    begin(client, message) {
      const ranking = rankCandidates(context.catalog, context.fleet, message, client.device);
      const candidates = ranking.ok ? ranking.candidates : [];
      const terms = termsOf(message, candidates, ranking.ok ? null : ranking.code);
      const whenFull = message.wait === false ? 'refuse' : 'wait';
      // After an outage, thousands of repeated requests would briefly take slots from new ones. A player with another request or
      // session on this broker could hold one slot for each connection. `resume` and `takeover` make another one likely.
      const mayReserveAhead =
        terms.onConflict === 'fail' &&
        !client.resumed &&
        !context.storeHealth.isRebuilding &&
        !context.storeHealth.isRecovering &&
        context.activeRequests.ofPlayer(client.playerId).length === 0 &&
        !context.clientSessions.hasSessionOf(client.playerId);
      const begun: Begun = beginRequest(terms, context.newSessionId(), whenFull, mayReserveAhead);
      return add(client, message, ANSWER_PLAY, begun, false);
    },
    beginReplacement(client, message, lost, whenFull, answerer) {
      const ranking = rankCandidates(context.catalog, context.fleet, message, client.device);
      const candidates = ranking.ok ? ranking.candidates : [];
      const terms = termsOf(message, candidates, ranking.ok ? null : ranking.code);
      return add(client, message, answerer, beginReplacement(terms, lost, whenFull), true);
    },
    dispatch(request, event) {
      apply(request, step(request.state, event));
    },
  };

  function add(
    client: ClientConnection,
    message: Play,
    answerer: RequestAnswerer,
    begun: Begun,
    hasSession: boolean,
  ): ActiveRequest {
    let markAtRest = (): void => undefined;
    const atRest = new Promise<void>((resolve) => {
      markAtRest = resolve;
    });
    const request: ActiveRequest = {
      client,
      message,
      answerer,
      arrivedHereAtMs: context.clock.monotonicMs(),
      rankedAtOpening: context.fleet.openings,
      atRest,
      markAtRest,
      state: begun.request,
      hasWaited: false,
      knownSessionId: hasSession ? begun.request.sessionId : undefined,
      owner: 'this',
      hasFailedAttempt: false,
      withdrawnBy: null,
      replacement: undefined,
      endpoint: undefined,
      lastSentPosition: undefined,
      lastSentAtMs: -Infinity,
    };
    context.activeRequests.add(request);
    apply(request, begun);
    return request;
  }

  function apply(request: ActiveRequest, { request: state, effects }: Begun): void {
    request.state = state;
    if (state.phase.name === 'closed') {
      request.markAtRest();
      context.activeRequests.remove(request);
    } else {
      updateWaiting(request);
    }
    for (const effect of effects) {
      rememberFailedAttempt(request, effect);
      if (isCall(effect)) call(request, effect);
      else carryOutNotice(context, request, effect);
    }
    if (isQueueing(request) && !context.connections.hasClient(request.client)) {
      // The client left before the request began to wait.
      runner.dispatch(request, { type: 'disconnected' });
    }
  }

  /** Adds the request to those that stand in queues, or removes it. A request of another connection for the same session is replaced. */
  function updateWaiting(request: ActiveRequest): void {
    if (!isQueueing(request)) {
      if (request.hasWaited) context.activeRequests.removeFromQueues(request);
      return;
    }
    request.hasWaited = true;
    request.markAtRest();
    const previous = context.activeRequests.addToQueues(request);
    context.earlierWaits.forget(request.state.sessionId);
    if (previous === undefined) return;
    previous.replacement = { byRequestId: request.message.requestId, isTakeover: false };
    runner.dispatch(previous, { type: 'replaced_by_other' });
  }

  /** Makes a call, and dispatches its result later, in another microtask. */
  function call(request: ActiveRequest, effect: RequestCall<PlacedSession>): void {
    const receive = (result: RequestResult<PlacedSession>): void => runner.dispatch(request, result);
    const fail = (error: unknown): void => {
      request.hasFailedAttempt ||= CALLS_OF_ATTEMPTS.has(effect.type);
      receive({ type: 'failed', call: effect.type, code: failureOf(error, request, effect.type) });
    };
    try {
      void Promise.resolve(makeCall(context, runner, request, effect)).then(receive, fail);
    } catch (error) {
      void Promise.resolve(error).then(fail);
    }
  }

  /** If the client is told that the store did not answer, nobody places the request until the client repeats it. */
  function rememberFailedAttempt({ state, hasFailedAttempt }: ActiveRequest, effect: Effect): void {
    const { sessionId, lostIn } = state;
    if (!hasFailedAttempt || lostIn !== null || effect.type !== 'answer') return;
    const { answer } = effect;
    if (answer.kind === 'refused' && answer.code === 'UNAVAILABLE') context.failedAttempts.add({ sessionId });
  }

  function failureOf(
    error: unknown,
    { client, message }: ActiveRequest,
    call: string,
  ): 'UNAVAILABLE' | 'INTERNAL' {
    if (error instanceof StoreUnavailableError) {
      context.storeHealth.recordFailure();
      return 'UNAVAILABLE';
    }
    const { requestId } = message;
    context.log.error({ err: error, requestId, playerId: client.playerId, call }, 'play failed');
    return 'INTERNAL';
  }

  return runner;
}

function termsOf(
  { requestId, onConflict, autoAccept }: Play,
  candidates: readonly Candidate[],
  unservable: RequestTerms['unservable'],
): RequestTerms {
  return {
    requestId,
    onConflict: onConflict ?? 'fail',
    autoAccept: autoAccept === true,
    candidates,
    unservable,
  };
}
