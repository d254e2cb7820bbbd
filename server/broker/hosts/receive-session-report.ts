import type { HostSession } from '@duskline/protocol';
import type { EndReason } from '@duskline/protocol/vocabulary';
import type { ReportedSession, StateChangeOutcome } from '../../store/fleet-store.js';
import { listedOf } from '../../domain/host-session/host-session.js';
import type { HostConnection } from '../connections/connections.js';
import type { ActiveMovesPort } from '../moves/active-moves.js';
import { dispatchToHost, prepareClaimed } from '../messaging/notify-host.js';
import { notifyAllOfEnd, notifyAllOfChange } from '../messaging/session-events.js';
import { completeMove } from '../moves/target-host/complete-move.js';
import { confirmAdmittedClient } from '../moves/target-host/confirm-admitted-client.js';
import { refuseReservation } from './refuse-reservation.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

/** The end of a session, as its host reports it. */
interface ReportedEnd {
  readonly sessionId: string;
  readonly epoch: number;
  readonly reason: EndReason;
}

/** Handles a host's `session` message: records the new state, and notifies the client of the session. */
export function receiveSessionReport(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & ActiveMovesPort,
  host: HostConnection,
  message: HostSession,
): Promise<void> {
  const { sessionId, epoch, state, reason = 'host_ended', restored = false } = message;
  const work =
    state === 'ended'
      ? endReportedSession(context, host, { sessionId, epoch, reason })
      : changeReportedSession(context, host, { sessionId, epoch, state }, restored);
  return work.catch((error: unknown) => {
    const refusal = toRefusal(error);
    if (refusal.code === 'INTERNAL')
      context.log.error({ err: error, sessionId }, 'a session report of a host could not be handled');
    // Nothing is lost when the store was unreachable: the next heartbeats list all sessions of the host.
    host.channel.send(errorMessage(refusal, context.random, { inReplyTo: 'session', sessionId }));
  });
}

/** Every match makes two such changes, so no promise is made that is not needed. */
function changeReportedSession(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & ActiveMovesPort,
  host: HostConnection,
  held: ReportedSession,
  restored: boolean,
): Promise<void> {
  const { regionPool, registration } = host;
  const { sessionId, epoch, state } = held;
  host.sessions.apply(sessionId, { type: 'reported', epoch, state });
  return context.batches
    .updateSessionState(regionPool, { sessionId, epoch, hostId: registration.hostId, to: state })
    .then((outcome) => {
      if (outcome.kind !== 'changed' || restored) return settleChange(context, host, held, restored, outcome);
      prepareClaimed(context, host, outcome.session);
      notifyAllOfChange(context, regionPool, outcome.session);
      return undefined;
    });
}

/** Handles a change that the store refused, and one that completes a move. */
async function settleChange(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & ActiveMovesPort,
  host: HostConnection,
  held: ReportedSession,
  restored: boolean,
  outcome: StateChangeOutcome,
): Promise<void> {
  const { regionPool, registration } = host;
  const { sessionId, epoch } = held;
  switch (outcome.kind) {
    case 'changed':
      await completeMove(context, host, outcome.session);
      notifyAllOfChange(context, regionPool, outcome.session);
      return;
    case 'over':
      dispatchToHost(host, sessionId, { type: 'ended', epoch, reason: outcome.reason });
      return;
    case 'unknown':
      if (await confirmAdmittedClient(context, host, held, restored)) return;
      // The next heartbeat differs from the store, and the reconciliation adopts the session if a slot is free.
      if (host.sessions.listed.length <= registration.slots) return;
      host.sessions.apply(sessionId, { type: 'refused', epoch });
      throw new Refusal('TOO_MANY_SESSIONS');
    case 'stale':
      if (await confirmAdmittedClient(context, host, held, restored)) return;
      host.sessions.apply(sessionId, { type: 'refused', epoch });
      throw new Refusal('STALE_EPOCH');
    case 'bad_transition':
      throw new Refusal('BAD_TRANSITION');
  }
}

async function endReportedSession(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting,
  host: HostConnection,
  end: ReportedEnd,
): Promise<void> {
  const { sessionId, epoch } = end;
  const wasHeld = listedOf(host.sessions.get(sessionId))?.epoch === epoch;
  host.sessions.apply(sessionId, { type: 'host_ended', epoch });
  // The host does not report the end again.
  const recording = context.repeatedCalls.run(host, host.registration.slots, () =>
    recordEnd(context, host, end, wasHeld),
  );
  host.endsUnderWay.add(recording);
  try {
    await recording;
  } finally {
    host.endsUnderWay.delete(recording);
  }
}

async function recordEnd(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  host: HostConnection,
  { sessionId, epoch, reason }: ReportedEnd,
  wasHeld: boolean,
): Promise<void> {
  const { regionPool, registration } = host;
  const { hostId } = registration;
  if (!wasHeld && (await refuseReservation(context, host, sessionId, epoch, reason))) return;
  const outcome = await context.batches.endSession(regionPool, { sessionId, epoch, reason, hostId });
  if (outcome.kind === 'ended') notifyAllOfEnd(context, regionPool, [outcome]);
  if (outcome.kind !== 'stale' && outcome.kind !== 'unknown') return;
  // The session may be on its way here: the host ends a move whose client has not arrived.
  const released = await context.store.releaseTargetSlot(regionPool, sessionId, epoch, context.brokerId);
  if (released !== null) notifyAllOfEnd(context, regionPool, [released]);
  else if (outcome.kind === 'stale') throw new Refusal('STALE_EPOCH');
  else if (wasHeld) {
    // The store has lost the session. The broker of its client finds the end.
    const ends = [{ sessionId, epoch, hostId, reason }];
    notifyAllOfEnd(context, regionPool, await context.store.recordEnds(regionPool, ends, context.brokerId));
    context.recentEnds.markUncertain(sessionId);
  }
}
