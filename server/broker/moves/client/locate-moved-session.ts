import type { SessionEffect } from '../../../domain/client-session/effects.js';
import type { LocateResult } from '../../../domain/client-session/events.js';
import type { RegionPool } from '../../../domain/catalog.js';
import { delay } from '../../../runtime/delay.js';
import type { SessionRecord } from '../../../store/fleet-store.js';
import type { ClientSessionRecord, ClientSessionTypes } from '../../connections/connections.js';
import type { Connections } from '../../connections/ports.js';
import type { Credentials } from '../../credentials.js';
import { toChange } from '../../messaging/client-session-runner.js';
import { createMatched } from '../../placement/create-matched.js';
import { placedFromSession } from '../../requests/placed-from-session.js';
import type { BrokerSettings } from '../../settings.js';
import type { Runtime } from '../../../runtime/runtime.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { Events } from '../../messaging/broker-events.js';
import type { Reporting } from '../../reporting.js';

type LocateEffect = Extract<SessionEffect<ClientSessionTypes>, { readonly type: 'locate' }>;
type Result = LocateResult<ClientSessionTypes>;

/** Searches a session once that left the host its client knows, and tells its machine the result. */
export async function locateMovedSession(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections & Credentials,
  session: ClientSessionRecord,
  effect: LocateEffect,
): Promise<void> {
  const { clock, sessionRunner } = context;
  if (effect.afterMs > 0) await delay(clock, effect.afterMs);
  const result = await search(context, session, effect).catch((error: unknown): Result => {
    const { sessionId } = session;
    context.log.warn({ err: error, sessionId }, 'could not find the host of a session that moved');
    return { kind: 'failed' };
  });
  sessionRunner.dispatch(session, { type: 'located', call: effect.call, result, nowMs: clock.monotonicMs() });
}

function search(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections & Credentials,
  session: ClientSessionRecord,
  effect: LocateEffect,
): Promise<Result> {
  switch (effect.search) {
    case 'reported':
      return findThere(context, session, effect, effect.regionPool);
    case 'target':
      return findAtTarget(context, session, effect);
    case 'request':
      return findByRequest(context, session, effect);
  }
}

/** Whether the session has arrived at the target host of the client's move. */
async function findAtTarget(
  { store, brokerId }: BrokerSettings & StoreAccess,
  { sessionId }: ClientSessionRecord,
  { move }: LocateEffect,
): Promise<Result> {
  if (move === null) return { kind: 'nowhere' };
  const { regionPool, epoch } = move.assignment;
  const [arrived] = await store.getSessions(regionPool, [sessionId]);
  if (arrived?.epoch !== epoch || arrived.state === 'ended') return { kind: 'nowhere' };
  const owned = await store.setClientBroker(regionPool, sessionId, brokerId);
  const change = owned === null ? null : toChange(brokerId, regionPool, owned);
  return change === null ? { kind: 'nowhere' } : { kind: 'at_target', change };
}

/** Finds the session by the record of its request, which the move has assigned to the new host. */
async function findByRequest(
  context: BrokerSettings & Runtime & StoreAccess & Credentials,
  session: ClientSessionRecord,
  effect: LocateEffect,
): Promise<Result> {
  const { playerId } = session;
  const { requestId } = effect.from.request;
  const record = await context.batches.findRequest({ playerId, requestId });
  if (record === null || record.state === 'replaced' || record.epoch <= effect.aboveEpoch)
    return { kind: 'nowhere' };
  const { regionPool, epoch } = record;
  const owned = await context.store.setClientBroker(regionPool, session.sessionId, context.brokerId);
  return owned?.epoch === epoch ? describe(context, session, effect, regionPool, owned) : { kind: 'nowhere' };
}

/** Reads the session where the store reported it. */
async function findThere(
  context: BrokerSettings & Runtime & StoreAccess & Credentials,
  session: ClientSessionRecord,
  effect: LocateEffect,
  regionPool: RegionPool,
): Promise<Result> {
  const [found] = await context.store.getSessions(regionPool, [session.sessionId]);
  if (found === null || found === undefined || found.epoch <= effect.aboveEpoch) return { kind: 'nowhere' };
  return describe(context, session, effect, regionPool, found);
}

/** Creates the `matched` message for the host that has the session now, as if its client had repeated the request. */
async function describe(
  context: BrokerSettings & Runtime & StoreAccess & Credentials,
  { client }: ClientSessionRecord,
  { from }: LocateEffect,
  regionPool: RegionPool,
  found: SessionRecord,
): Promise<Result> {
  const change = toChange(context.brokerId, regionPool, found);
  if (client === null || change === null || found.state === 'ended') return { kind: 'nowhere' };
  const { request, seq, arrivedAtMs } = from;
  const { reservationMs } = context.limits;
  const placed = { ...(await placedFromSession(context, regionPool, found, reservationMs)), seq };
  const message = await createMatched(context, client, request, placed);
  const { hostId, epoch, meta } = placed;
  const reservedUntilMs = context.clock.monotonicMs() + reservationMs;
  const assignment = { regionPool, hostId, epoch, meta, request, seq, arrivedAtMs, reservedUntilMs };
  return { kind: 'elsewhere', assignment, change, message };
}
