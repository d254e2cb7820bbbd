import type { SessionEffect } from '../../domain/client-session/effects.js';
import type { EndResult } from '../../domain/client-session/events.js';
import type { RegionPool } from '../../domain/catalog.js';
import { isReversible } from '../../domain/session-state.js';
import type { EndSessionOutcome } from '../../store/fleet-store.js';
import type { ClientSessionRecord, ClientSessionTypes } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import { endOnHost } from '../messaging/notify-host.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { withdrawRequest } from '../queue/withdraw-request.js';
import { toRefusal } from '../refusal.js';
import { clearLiveRequest } from '../requests/clear-live-request.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

type EndEffect = Extract<SessionEffect<ClientSessionTypes>, { readonly type: 'end' }>;

/** The host that has the session, as far as this broker knows. */
interface Place {
  readonly regionPool: RegionPool;
  readonly hostId: string;
  readonly epoch: number;
}

const ENDED: EndResult = { kind: 'ended', reason: 'client_left' };

/** How often an order follows a session that gets another host meanwhile. */
const MAX_MOVES = 3;

/**
 * Ends the session of a connected client with `client_left`, and tells its machine the result. The slot is free by then, and no host
 * can bring the session back. After an outage of the store the call is repeated.
 */
export function endHeldSession(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections,
  session: ClientSessionRecord,
  { call, assignment, epoch }: EndEffect,
): Promise<void> {
  const { regionPool, hostId } = assignment;
  const answer = (result: EndResult): void =>
    context.sessionRunner.dispatch(session, { type: 'end_answered', call, result });
  return context.repeatedCalls
    .run(session, 1, () => endAnywhere(context, session, { regionPool, hostId, epoch }))
    .then(answer, (error: unknown) => answer(failureOf(context, error, session.sessionId)));
}

async function endAnywhere(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections,
  session: ClientSessionRecord,
  known: Place,
): Promise<EndResult> {
  const { sessionId } = session;
  let place = known;
  for (let moves = 0; moves <= MAX_MOVES; moves += 1) {
    const { regionPool, epoch } = place;
    const outcome = await context.batches.endSession(regionPool, { sessionId, epoch, reason: 'client_left' });
    if (outcome.kind === 'ended') {
      notifyAllOfEnd(context, regionPool, [outcome]);
      return ENDED;
    }
    const { result, mayBeElsewhere } = await settleEnd(context, session, place, outcome);
    const next = mayBeElsewhere ? await findLaterPlace(context, session, place) : undefined;
    // The message about that end is on its way here.
    if (next === 'taken_over') return { kind: 'ended', reason: 'superseded' };
    if (next === undefined) return result;
    place = next;
  }
  return { kind: 'failed', code: 'STALE_EPOCH' };
}

/** What the store's answer means for the client. */
interface SettledEnd {
  readonly result: EndResult;
  /** The session may continue under a higher epoch. Otherwise `result` is final. */
  readonly mayBeElsewhere: boolean;
}

/** Does what is left to do for a session that the store did not end just now. */
async function settleEnd(
  context: BrokerSettings & StoreAccess & Events & Reporting & Connections,
  { sessionId, playerId }: ClientSessionRecord,
  { regionPool, hostId, epoch }: Place,
  outcome: Exclude<EndSessionOutcome, { readonly kind: 'ended' }>,
): Promise<SettledEnd> {
  switch (outcome.kind) {
    case 'over':
      // An earlier call may have ended it whose answer was lost: then nobody has told a host of this broker.
      if (!isReversible(outcome.reason))
        endOnHost(context, regionPool, hostId, { sessionId, epoch, reason: outcome.reason });
      if (outcome.reason === 'superseded')
        return { result: { kind: 'ended', reason: outcome.reason }, mayBeElsewhere: true };
      if (!isReversible(outcome.reason))
        return { result: { kind: 'ended', reason: outcome.reason }, mayBeElsewhere: false };
      // Its host may keep it, which it must not once the client has ended it.
      await withdrawRequest(context, [regionPool], { sessionId, belowEpoch: epoch + 1 });
      break;
    case 'stale':
      return { result: { kind: 'failed', code: 'STALE_EPOCH' }, mayBeElsewhere: true };
    case 'unknown': {
      // The store has lost the session. Its host may still have it, and must not bring it back.
      const end = { sessionId, epoch, hostId, reason: 'client_left' } as const;
      notifyAllOfEnd(
        context,
        regionPool,
        await context.store.recordEnds(regionPool, [end], context.brokerId),
      );
      context.recentEnds.markUncertain(sessionId);
      // Another broker may have recorded the end meanwhile.
      clearLiveRequest(context, playerId, end);
    }
  }
  return { result: ENDED, mayBeElsewhere: false };
}

/**
 * The session under a higher epoch, by the record of its request, if this broker's client still has it: it moved, or was placed again.
 * `taken_over` if another request of the player has replaced the request and ended the session.
 */
async function findLaterPlace(
  context: BrokerSettings & StoreAccess,
  { sessionId, playerId, state: { phase } }: ClientSessionRecord,
  { epoch }: Place,
): Promise<Place | 'taken_over' | undefined> {
  if (phase.name !== 'ending') return undefined;
  const { requestId } = phase.held.assignment.request;
  const record = await context.batches.findRequest({ playerId, requestId });
  if (record === null || record.epoch <= epoch) return undefined;
  // Replacing a request raises its epoch, and resuming it does not.
  if (record.state === 'replaced') return 'taken_over';
  const { regionPool } = record;
  const [session] = await context.store.getSessions(regionPool, [sessionId]);
  if (session === null || session === undefined || session.epoch <= epoch) return undefined;
  // The client has continued the session on another broker since it sent the order.
  if (session.clientBrokerId !== '' && session.clientBrokerId !== context.brokerId) return undefined;
  return { regionPool, hostId: session.hostId, epoch: session.epoch };
}

function failureOf(context: Reporting, error: unknown, sessionId: string): EndResult {
  const { code } = toRefusal(error);
  if (code === 'UNAVAILABLE') return { kind: 'failed', code };
  context.log.error({ err: error, sessionId }, 'a session could not be ended');
  return { kind: 'failed', code: 'INTERNAL' };
}
