import { toUnixMs } from '../../domain/store-time.js';
import type { ErrorCode } from '@duskline/protocol/codes';
import type { EndReason, SessionState } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { ClientConnection } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import type { RequestRunning, Requests } from '../requests/ports.js';

/** Maximum number of hosts on which a request is placed. When the last of them fails, its session ends with `host_lost`. */
const MAX_FAILED_HOSTS = 3;

/**
 * Places a session whose host was lost, or refused it, on another host, under a new epoch; its client receives only the new
 * `matched`. If no slot is free, the request of a session that was only reserved waits again with its old arrival time. A
 * session that was in use ends, as does one that another broker continues, or that `MAX_FAILED_HOSTS` hosts failed.
 *
 * @param previousState the state that the client knew
 */
export function replaceLostSession(
  context: Connections & Requests & RequestRunning,
  client: ClientConnection,
  regionPool: RegionPool,
  lost: SessionRecord,
  previousState: SessionState,
): void {
  const { sessionId, epoch, reservedAtMs } = lost;
  const known = client.sessions.get(sessionId);
  if (known === undefined) return;
  const { request } = known;
  const sendEnded = (reason: EndReason): void =>
    client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason });
  context.connections.unlinkSession(sessionId);
  // The client is repeating the request at this moment, and gets its answer from that.
  if (context.activeRequests.find(client, request.requestId) !== undefined) return;
  const mayTryAgain = previousState !== 'reserved' || addFailedHost(context, lost) < MAX_FAILED_HOSTS;
  if (!mayTryAgain) {
    sendEnded('host_lost');
    return;
  }
  const mayWait = previousState === 'reserved' && request.wait !== false;
  // A request that did not wait arrived when its slot was reserved.
  const arrivedAtMs = known.arrivedAtMs ?? (toUnixMs(reservedAtMs) > 0 ? reservedAtMs : null);
  context.requestRunner.beginReplacement(
    client,
    request,
    { sessionId, epoch, regionPool, arrivedAtMs },
    mayWait ? 'wait' : 'end',
    {
      onRefused({ code }) {
        sendEnded(END_REASONS.get(code) ?? 'host_lost');
        return mayWait;
      },
      onReplaced({ isTakeover }) {
        if (!isTakeover) return true;
        sendEnded('superseded');
        return mayWait;
      },
    },
  );
}

/** The end reason of the lost session, by the error that its request was refused with. */
const END_REASONS: ReadonlyMap<ErrorCode, EndReason> = new Map([
  ['CANCELLED', 'client_left'],
  ['TIMED_OUT', 'reservation_expired'],
]);

/** Adds the host of a lost session to those that failed it. Returns how many these are. */
function addFailedHost({ failedHosts }: Connections, { sessionId, hostId }: SessionRecord): number {
  const hostIds = new Set(failedHosts.get(sessionId)?.hostIds);
  // A reservation that the store has lost names no host.
  if (hostId !== '') hostIds.add(hostId);
  failedHosts.add({ sessionId, hostIds });
  return hostIds.size;
}
