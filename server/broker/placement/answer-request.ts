import type { ErrorCode } from '@duskline/protocol/codes';
import type { Answer } from '../../domain/play-request/play-request.js';
import { heldBy } from '../connections/client-session-directory.js';
import type { ClientConnection, ClientSessionRecord } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import type { Credentials } from '../credentials.js';
import { sendReplaced } from '../messaging/notify-replaced.js';
import { Refusal, errorMessage } from '../refusal.js';
import type { ActiveRequest, Replacement } from '../requests/active-request.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import { sendMatched } from './answer-matched.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

/** Mean time after which a refused request may be tried again, by error, in milliseconds. */
const RETRY_ABOUT_MS: ReadonlyMap<ErrorCode, number> = new Map([
  // About how often the broker's view of the fleet changes.
  ['NO_CAPACITY', 3_000],
  ['QUEUE_FULL', 15_000],
  ['REGION_CLOSED', 15_000],
  ['UNAVAILABLE', 1_000],
]);

/** Sends the one answer of a request: `matched`, `error` or `replaced`. */
export function answerRequest(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections & Credentials,
  request: ActiveRequest,
  answer: Answer<PlacedSession>,
): void {
  switch (answer.kind) {
    case 'matched':
      answerMatched(context, request, answer.placed);
      return;
    case 'replaced':
      if (request.replacement === undefined) void findAndAnswerReplaced(context, request);
      else answerReplaced(context, request, request.replacement);
      return;
    case 'refused':
      answerRefused(context, request, refusalOf(request, answer));
  }
}

function answerMatched(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections & Credentials,
  request: ActiveRequest,
  placed: PlacedSession,
): void {
  const { client, message, endpoint, arrivedHereAtMs, hasWaited } = request;
  if (endpoint === undefined)
    throw new Error('A request was matched before the endpoint of its host was read.');
  // Looked up once, because every match comes here.
  const known = context.clientSessions.find(placed.sessionId);
  const byRequestId = known === undefined ? undefined : findLaterOwner(known, client, placed);
  if (byRequestId !== undefined) {
    answerReplaced(context, request, { byRequestId, isTakeover: false });
    return;
  }
  const matched = sendMatched(context, client, message, placed, endpoint, known);
  const tookMs = context.clock.monotonicMs() - arrivedHereAtMs;
  context.observer.requestMatched(placed.regionPool, matched.rank, tookMs, hasWaited);
}

/**
 * The request with which another connection to this broker was given the session after it was placed or found for this one; `undefined` if
 * there is none. The host refuses tickets that are older than those of that connection.
 */
function findLaterOwner(
  session: ClientSessionRecord,
  client: ClientConnection,
  { epoch, seq = 0 }: PlacedSession,
): string | undefined {
  const held = heldBy(session);
  if (held === undefined || session.client === client) return undefined;
  const { assignment } = held;
  const isLater = assignment.epoch > epoch || (assignment.epoch === epoch && assignment.seq > seq);
  return isLater ? assignment.request.requestId : undefined;
}

function answerRefused(
  context: Runtime & Reporting,
  { client, message, answerer, withdrawnBy }: ActiveRequest,
  refusal: Refusal,
): void {
  context.observer.requestRefused(refusal.code);
  const isDue = answerer.onRefused(refusal);
  // A `cancel` has an answer of its own, also if the end of the session says enough of the request.
  if (!isDue && withdrawnBy !== 'cancel') return;
  const { requestId } = message;
  const { sessionId } = refusal;
  client.channel.send(
    errorMessage(refusal, context.random, { inReplyTo: withdrawnBy ?? 'play', requestId, sessionId }),
  );
}

function answerReplaced(
  context: Reporting,
  { client, message, answerer, knownSessionId }: ActiveRequest,
  replacement: Replacement,
): void {
  if (!answerer.onReplaced(replacement)) return;
  const { byRequestId, isTakeover } = replacement;
  const session = knownSessionId !== undefined && !isTakeover ? { sessionId: knownSessionId } : {};
  sendReplaced(context, client, { requestId: message.requestId, ...session, byRequestId });
}

/** Another broker has the request, or serves the one that took its place: the store knows which one. */
async function findAndAnswerReplaced(
  context: Runtime & StoreAccess & Reporting,
  request: ActiveRequest,
): Promise<void> {
  const { client, message, state } = request;
  const { playerId } = client;
  const { requestId } = message;
  const record = await context.batches.findRequest({ playerId, requestId }).catch(() => null);
  // The client repeats the request, and finds out then.
  if (record === null) answerRefused(context, request, new Refusal('UNAVAILABLE', { retryAboutMs: 1_000 }));
  else if (record.state === 'over') answerRefused(context, request, new Refusal('CANCELLED'));
  else {
    const byRequestId = record.replacedBy ?? requestId;
    // Taking a request's place raises its epoch. Resuming it does not.
    const isTakeover = record.replacedBy !== null && record.epoch > state.epoch;
    answerReplaced(context, request, { byRequestId, isTakeover });
  }
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
