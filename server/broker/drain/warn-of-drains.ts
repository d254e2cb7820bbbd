import { msBetween, toUnixMs, type StoreMs } from '../../domain/store-time.js';
import type { Drain } from '../../domain/drain.js';
import { heldBy } from '../connections/client-session-directory.js';
import type { DrainWarning } from '../connections/connections.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Connections } from '../connections/ports.js';

/** Times before the end of a session by a drain at which its client is warned. */
const WARN_BEFORE_MS = [60_000, 300_000];

/**
 * Returns a function that warns the clients of this broker when a drain is about to end their sessions, and withdraws the
 * warning when the drain is undone. Each broker warns its own clients, so brokers exchange no messages for this.
 */
export function createDrainWarner(context: StoreAccess & Connections): () => void {
  return () => {
    const now = context.storeClock.now();
    for (const session of context.clientSessions.linked) {
      const { client, sessionId, lastDrainWarning: last } = session;
      const held = heldBy(session);
      if (client === null || held === undefined) continue;
      const drain = context.fleet.findDrainOfHost(held.assignment.regionPool, held.assignment.hostId);
      const due = drain === undefined ? undefined : warningDue(drain, now);
      if (due === undefined && last !== null && last.endsAtMs > now) {
        session.lastDrainWarning = null;
        client.channel.send({ type: 'limit', sessionId, kind: 'drain_deadline', endsAtMs: null });
      } else if (due !== undefined && (last?.endsAtMs !== due.endsAtMs || last.aheadMs > due.aheadMs)) {
        session.lastDrainWarning = due;
        const endsAtMs = toUnixMs(due.endsAtMs);
        client.channel.send({ type: 'limit', sessionId, kind: 'drain_deadline', endsAtMs });
      }
    }
  };
}

/** The latest warning that is due by now; `undefined` when none is due, or the drain ends no sessions. */
export function warningDue(drain: Drain, now: StoreMs): DrainWarning | undefined {
  if (drain.state !== 'running' || drain.atDeadline !== 'end') return undefined;
  const leftMs = msBetween(now, drain.deadlineAtMs);
  const aheadMs = WARN_BEFORE_MS.find((ahead) => leftMs <= ahead);
  return aheadMs === undefined ? undefined : { endsAtMs: drain.deadlineAtMs, aheadMs };
}
