import type { ErrorCode } from '@duskline/protocol/codes';
import type { EndReason } from '@duskline/protocol/vocabulary';
import type { SessionEffect } from '../../domain/client-session/effects.js';
import { toUnixMs, type StoreMs } from '../../domain/store-time.js';
import type { ClientSessionRecord, ClientSessionTypes } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import type { RequestRunning, Requests } from '../requests/ports.js';

type Replacement = Extract<SessionEffect<ClientSessionTypes>, { readonly type: 'replace' }>;

/**
 * Places a session whose host was lost, or refused it, on another host, under a new epoch; its client receives only the new
 * `matched`. If no slot is free, the request of a session that was only reserved waits again with its old arrival time. A
 * session that was in use ends, as does one that another broker continues, or that too many hosts failed.
 */
export function replaceLostSession(
  context: Connections & Requests & RequestRunning,
  session: ClientSessionRecord,
  { lost, from, mayWait, isLast }: Replacement,
): void {
  const { sessionId, client } = session;
  const { sessionRunner } = context;
  const { request } = from;
  // The client is repeating the request at this moment, and gets its answer from that.
  if (client === null || context.activeRequests.find(client, request.requestId) !== undefined) return;
  if (isLast) {
    sessionRunner.dispatch(session, { type: 'replacement_refused', reason: 'host_lost' });
    return;
  }
  const { epoch, regionPool, reservedAtMs } = lost;
  context.requestRunner.beginReplacement(
    client,
    request,
    { sessionId, epoch, regionPool, arrivedAtMs: from.arrivedAtMs ?? arrivalBefore(reservedAtMs) },
    mayWait ? 'wait' : 'end',
    {
      onRefused({ code }) {
        const reason = END_REASONS.get(code) ?? 'host_lost';
        sessionRunner.dispatch(session, { type: 'replacement_refused', reason });
        return mayWait;
      },
      onReplaced({ isTakeover }) {
        sessionRunner.dispatch(session, { type: 'replacement_replaced', isTakeover });
        return !isTakeover || mayWait;
      },
    },
  );
}

/** A request that did not wait arrived when its slot was reserved. */
function arrivalBefore(reservedAtMs: StoreMs | null): StoreMs | null {
  return reservedAtMs !== null && toUnixMs(reservedAtMs) > 0 ? reservedAtMs : null;
}

/** The end reason of the lost session, by the error that its request was refused with. */
const END_REASONS: ReadonlyMap<ErrorCode, EndReason> = new Map([
  ['CANCELLED', 'client_left'],
  ['TIMED_OUT', 'reservation_expired'],
]);
