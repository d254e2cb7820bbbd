import type { CorePorts } from '../core-ports.js';
import type { Requests } from '../requests/ports.js';
import { checkAttempt } from '../requests/request-record.js';
import type { WaitingRequest } from '../requests/waiting-requests.js';
import { leaveAllQueues } from './accept-offer.js';

/**
 * Takes a request out of the queues that it has just joined when another request of the player took its place before: that one
 * could not withdraw it yet.
 *
 * @throws Refusal CANCELLED; UNAVAILABLE when another broker has continued this request
 */
export async function leaveIfReplaced(context: CorePorts & Requests, request: WaitingRequest): Promise<void> {
  const { client, message, sessionId, requestEpoch: epoch } = request;
  const { playerId } = client;
  const refusal = await checkAttempt(context, { playerId, requestId: message.requestId, sessionId, epoch });
  if (refusal === undefined || !context.waitingRequests.has(request)) return;
  // An accepted offer raises the epoch, and only one broker can do that.
  if (request.accepting || request.requestEpoch !== epoch) return;
  if (refusal.code === 'CANCELLED') await leaveAllQueues(context, request);
  throw refusal;
}
