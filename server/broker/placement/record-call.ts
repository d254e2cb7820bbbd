import { delay } from '../../runtime/delay.js';
import type { RequestResult } from '../../domain/play-request/events.js';
import type { RecordRequestOutcome } from '../../store/fleet-store.js';
import type { Connections } from '../connections/ports.js';
import { entryOf, type ActiveRequest } from '../requests/active-request.js';
import { rememberedLive, rememberedRequest } from '../requests/request-record.js';
import type { SessionNaming } from '../sessions/new-session-id.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';

/** Time between two checks whether the store is rebuilt. With a thousand waiting clients the checks cost little. */
const REBUILT_POLL_INTERVAL_MS = 200;

/** Records the request as its player's live one. */
export function recordRequest(
  context: Runtime & StoreAccess & Connections & SessionNaming,
  request: ActiveRequest,
): Promise<RequestResult<PlacedSession>> {
  return request.client.resumed || context.storeHealth.isRebuilding
    ? recordLater(context, request)
    : recordNow(context, request);
}

/** A client that resumed awaits its turn, and everybody the end of a rebuild. */
async function recordLater(
  context: Runtime & StoreAccess & Connections & SessionNaming,
  request: ActiveRequest,
): Promise<RequestResult<PlacedSession>> {
  if (request.client.resumed) await context.connectLimiter.waitForTurn();
  if (context.storeHealth.isRebuilding && !(await waitUntilRebuilt(context, request))) {
    return { type: 'failed', call: 'record', code: 'UNAVAILABLE' };
  }
  return recordNow(context, request);
}

function recordNow(
  context: StoreAccess & SessionNaming,
  request: ActiveRequest,
): Promise<RequestResult<PlacedSession>> {
  const [best] = request.state.terms.candidates;
  if (best === undefined) return Promise.resolve({ type: 'failed', call: 'record', code: 'INTERNAL' });
  return context.batches
    .recordRequest(entryOf(request, best.regionPool))
    .then((outcome) => toResult(context, request, outcome));
}

function toResult(
  context: SessionNaming,
  request: ActiveRequest,
  outcome: RecordRequestOutcome,
): RequestResult<PlacedSession> {
  request.client.resumed = false;
  switch (outcome.kind) {
    case 'new':
      return { type: 'recorded', outcome };
    case 'live': {
      const other = rememberedLive(outcome.live);
      return { type: 'recorded', outcome: { kind: 'live', other, sessionId: context.newSessionId() } };
    }
    case 'repeat': {
      const record = rememberedRequest(request.message.requestId, outcome.record);
      return { type: 'recorded', outcome: { kind: 'repeat', record } };
    }
  }
}

/**
 * Waits until brokers and hosts have restored what the store has lost: until then an unknown request, or its player, may have
 * a session that the store does not know yet.
 *
 * @returns false when that takes too long or the request is over meanwhile
 */
async function waitUntilRebuilt(
  context: Runtime & StoreAccess & Connections,
  request: ActiveRequest,
): Promise<boolean> {
  const { storeHealth, connections } = context;
  const { client, message } = request;
  const record = await context.batches.findRequest({
    playerId: client.playerId,
    requestId: message.requestId,
  });
  if (record !== null) return true;
  // The store may be reachable again before a check notices it, so allow twice that time.
  const giveUpAtMs = context.clock.monotonicMs() + 2 * storeHealth.rebuildMs;
  while (storeHealth.isRebuilding) {
    const isOver = request.state.phase.name !== 'recording' || !connections.hasClient(client);
    if (isOver || context.clock.monotonicMs() > giveUpAtMs) return false;
    await delay(context.clock, REBUILT_POLL_INTERVAL_MS);
  }
  return true;
}
