import type { EndReason } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import type { StoreMs } from '../../domain/store-time.js';
import { isUnanswered } from '../../domain/host-session/host-session.js';
import type { HostFailureReason, HostFailures } from '../../domain/host-failures.js';
import type { HostConnection } from '../connections/connections.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { Connections } from '../connections/ports.js';
import type { Reporting } from '../reporting.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';

/** With these reasons a host says that it does not start a session. All others are about the player. */
const REFUSALS: readonly EndReason[] = ['error', 'host_ended'];

/**
 * Handles the end of a session that the host reports before any client claimed it: the player is placed again, and the host is
 * excluded from placement for a while.
 *
 * @returns false when it is no such end: the session is running, has ended, or is on another host
 */
export async function refuseReservation(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  host: HostConnection,
  sessionId: string,
  epoch: number,
  reason: EndReason,
): Promise<boolean> {
  if (!REFUSALS.includes(reason)) return false;
  const { regionPool, registration } = host;
  const { hostId } = registration;
  const reservation = { hostId, sessionId, epoch, reason: 'refused' as const };
  const outcome = await context.store.failReservation(regionPool, reservation, context.brokerId);
  if (outcome.kind === 'not_reserved') return false;
  if (outcome.failures !== null) reportHostFailure(context, regionPool, hostId, outcome.failures);
  notifyAllOfEnd(context, regionPool, [outcome.ended]);
  return true;
}

/** Excludes a host that was never ready for a session whose reservation has expired. */
export function recordUnansweredPrepare(
  context: StoreAccess & Reporting & Connections,
  regionPool: RegionPool,
  { sessionId, epoch, reason, hostId, reservedAtMs }: SessionRecord,
): void {
  if (reason !== 'reservation_expired') return;
  const host = context.connections.findHost(regionPool, hostId);
  if (host !== undefined && isUnanswered(host.sessions.get(sessionId), epoch))
    void recordUnanswered(context, regionPool, hostId, reservedAtMs);
}

async function recordUnanswered(
  context: StoreAccess & Reporting,
  regionPool: RegionPool,
  hostId: string,
  reservedAtMs: StoreMs,
): Promise<void> {
  try {
    const failures = await context.store.recordHostFailure(regionPool, hostId, 'unanswered', reservedAtMs);
    if (failures !== null) reportHostFailure(context, regionPool, hostId, failures);
  } catch (error) {
    // The next reservation that the host does not answer counts.
    context.limitedLog.warn({ err: error, ...regionPool, hostId }, 'failure of a host was not recorded');
  }
}

/** Counts and logs that a host is excluded from placement. */
function reportHostFailure(
  { observer, limitedLog }: Reporting,
  regionPool: RegionPool,
  hostId: string,
  { count, reason }: HostFailures,
): void {
  observer.hostFailed(regionPool, reason);
  limitedLog.warn(
    { ...regionPool, hostId, reason: FAILURES[reason], failuresInARow: count },
    'host failed a session and gets no new ones for a while',
  );
}

/** Failures as the log describes them. */
const FAILURES: Readonly<Record<HostFailureReason, string>> = {
  refused: 'it ended a session before a client claimed it',
  unanswered: 'it was not ready for a session until its reservation expired',
};
