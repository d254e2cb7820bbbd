import type { ErrorCode } from '@duskline/protocol/codes';
import type { EndReason } from '@duskline/protocol/vocabulary';
import type { SessionRecord } from '../../store/fleet-store.js';
import { answerRequest } from '../placement/answer-request.js';
import type { ClientConnection, ClientSession } from '../connections/connections.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Requests } from '../requests/ports.js';
import type { Credentials } from '../credentials.js';
import { endPreviousAssignment, type ReassignOutcome } from '../placement/reassign-session.js';
import { waitInQueue } from '../queue/wait-in-queue.js';

/**
 * A player whose slot was lost before the host let the player in had waited long enough: the request goes back into
 * the queues with the time of its first arrival, before all who came later. Its client is told `queued`, and then all
 * that a waiting one is told; when it comes to nothing, also that the session has ended.
 */
export async function requeueRequest(
  context: CorePorts & Connections & Requests & Credentials,
  client: ClientConnection,
  { place, request, arrivedAtMs }: ClientSession,
  { sessionId, epoch: lostEpoch, reservedAtMs }: SessionRecord,
  { candidates, epoch }: Extract<ReassignOutcome, { kind: 'full' }>,
): Promise<void> {
  context.connections.unlinkSession(sessionId);
  // Its client asks for it just now, and hears of it by that.
  if (client.pendingRequests.has(request.requestId)) return;
  // Whoever got the slot at once came when it was reserved.
  const since = arrivedAtMs ?? (reservedAtMs > 0 ? reservedAtMs : null);
  const turn = { sessionId, epoch, arrivedAtMs: since, places: [] };
  await answerRequest(
    context,
    client,
    request,
    async () => {
      const placed = await waitInQueue(context, client, request, candidates, turn);
      await endPreviousAssignment(context, place, placed);
      return placed;
    },
    ({ code }) => {
      const reason = END_REASONS.get(code) ?? 'host_lost';
      client.channel.send({ type: 'session', sessionId, epoch: lostEpoch, state: 'ended', reason });
    },
  );
}

/** Why a session has ended of which there is nothing but a request that was refused. */
const END_REASONS: ReadonlyMap<ErrorCode, EndReason> = new Map([
  ['CANCELLED', 'client_left'],
  ['TIMED_OUT', 'reservation_expired'],
]);
