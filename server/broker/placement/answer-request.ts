import type { ErrorCode } from '@duskline/protocol/codes';
import type { Answer } from '../../domain/play-request/play-request.js';
import type { Connections } from '../connections/ports.js';
import type { CorePorts } from '../core-ports.js';
import type { Credentials } from '../credentials.js';
import { Refusal, errorMessage } from '../refusal.js';
import type { ActiveRequest } from '../requests/active-request.js';
import { replacedRefusal } from '../requests/request-record.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { sendMatched } from './answer-matched.js';

/** Mean time after which a refused request may be tried again, by error, in milliseconds. */
const RETRY_ABOUT_MS: ReadonlyMap<ErrorCode, number> = new Map([
  // About how often the broker's view of the fleet changes.
  ['NO_CAPACITY', 3_000],
  ['QUEUE_FULL', 15_000],
  ['REGION_CLOSED', 15_000],
  ['UNAVAILABLE', 1_000],
]);

/** Sends the one answer of a request: `matched` or `error`. */
export function answerRequest(
  context: CorePorts & Connections & Credentials,
  request: ActiveRequest,
  answer: Answer<PlacedSession>,
): void {
  switch (answer.kind) {
    case 'matched':
      answerMatched(context, request, answer.placed);
      return;
    case 'replaced':
      answerRefused(context, request, replacedRefusal(), true);
      return;
    case 'refused':
      answerRefused(context, request, refusalOf(request, answer), false);
  }
}

function answerMatched(
  context: CorePorts & Connections & Credentials,
  { client, message, endpoint, arrivedHereAtMs, hasWaited }: ActiveRequest,
  placed: PlacedSession,
): void {
  if (endpoint === undefined)
    throw new Error('A request was matched before the endpoint of its host was read.');
  const matched = sendMatched(context, client, message, placed, endpoint);
  const tookMs = context.clock.monotonicMs() - arrivedHereAtMs;
  context.observer.requestMatched(placed.regionPool, matched.rank, tookMs, hasWaited);
}

function answerRefused(
  context: CorePorts,
  { client, message, answerer }: ActiveRequest,
  refusal: Refusal,
  isReplaced: boolean,
): void {
  context.observer.requestRefused(refusal.code);
  if (!answerer.onRefused(refusal, isReplaced)) return;
  const { requestId } = message;
  client.channel.send(errorMessage(refusal, context.random, { requestId, sessionId: refusal.sessionId }));
}

function refusalOf(
  { state }: ActiveRequest,
  { code, sessionId }: Extract<Answer<PlacedSession>, { kind: 'refused' }>,
): Refusal {
  const retryAboutMs = RETRY_ABOUT_MS.get(code);
  const { length } = state.terms.candidates;
  return new Refusal(code, {
    ...(code === 'NO_CAPACITY'
      ? { message: `Every suitable host is full (${length} region pools were tried).` }
      : {}),
    ...(retryAboutMs === undefined ? {} : { retryAboutMs }),
    ...(sessionId === undefined ? {} : { sessionId }),
  });
}
