import type { ErrorCode } from '@duskline/protocol/codes';
import type { EndReason } from '@duskline/protocol/vocabulary';
import type { SessionRecord } from '../../store/fleet-store.js';
import { answerRequest } from '../placement/answer-request.js';
import type { ClientConnection, ClientSession } from '../connections/connections.js';
import type { CorePorts } from '../core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Requests } from '../requests/ports.js';
import type { Credentials } from '../credentials.js';
import { endPreviousAssignment, type ReassignOutcome } from '../placement/reassign-session.js';
import { waitInQueue } from '../queue/wait-in-queue.js';

/**
 * Puts the request of a reserved session whose host was lost back into the queues, with its first arrival time: the player has
 * waited already. The client receives `queued` and then the messages of any waiting request. If the request is refused, the
 * client also receives the end of the session.
 */
export async function requeueRequest(
  context: CorePorts & Connections & Requests & Credentials,
  client: ClientConnection,
  { regionPool, request, arrivedAtMs }: ClientSession,
  { sessionId, epoch: lostEpoch, reservedAtMs }: SessionRecord,
  { candidates, epoch }: Extract<ReassignOutcome, { kind: 'full' }>,
): Promise<void> {
  context.connections.unlinkSession(sessionId);
  // The client is repeating the request at this moment, and gets its answer from that.
  if (client.pendingRequests.has(request.requestId)) return;
  // A request that did not wait arrived when its slot was reserved.
  const firstArrivedAtMs = arrivedAtMs ?? (reservedAtMs > 0 ? reservedAtMs : null);
  const queuePosition = { sessionId, epoch, arrivedAtMs: firstArrivedAtMs, regionPools: [] };
  await answerRequest(
    context,
    client,
    request,
    async () => {
      const placed = await waitInQueue(context, client, request, candidates, queuePosition);
      await endPreviousAssignment(context, regionPool, placed);
      return placed;
    },
    ({ code }) => {
      const reason = END_REASONS.get(code) ?? 'host_lost';
      client.channel.send({ type: 'session', sessionId, epoch: lostEpoch, state: 'ended', reason });
    },
  );
}

/** The end reason of the lost session, by the error that its request was refused with. */
const END_REASONS: ReadonlyMap<ErrorCode, EndReason> = new Map([
  ['CANCELLED', 'client_left'],
  ['TIMED_OUT', 'reservation_expired'],
]);
