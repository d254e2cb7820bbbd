import { msBetween, toUnixMs, type StoreMs } from '../../domain/store-time.js';
import type { Drain } from '../../domain/drain.js';
import type { ClientConnection } from '../connections/connections.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Connections } from '../connections/ports.js';

/** Times before the end of a session by a drain at which its client is warned. */
const WARN_BEFORE_MS = [60_000, 300_000];

/** The warning that a client last received for a session. */
interface DrainWarning {
  readonly endsAtMs: StoreMs;
  /** The entry of `WARN_BEFORE_MS` that was due. */
  readonly aheadMs: number;
}

/**
 * Returns a function that warns the clients of this broker when a drain is about to end their sessions, and withdraws the
 * warning when the drain is undone. Each broker warns its own clients, so brokers exchange no messages for this.
 */
export function createDrainWarner(context: StoreAccess & Connections): () => void {
  /** By client, then by session id. */
  const warned = new WeakMap<ClientConnection, Map<string, DrainWarning>>();

  return () => {
    const now = context.storeClock.now();
    for (const { client, sessionId, known } of context.connections.linkedSessions()) {
      if (known.state === 'ended') continue;
      const warnings = warned.get(client);
      const lastWarning = warnings?.get(sessionId);
      const drain = context.fleet.findDrainOfHost(known.regionPool, known.hostId);
      const due = drain === undefined ? undefined : warningDue(drain, now);
      if (due === undefined && lastWarning !== undefined && lastWarning.endsAtMs > now) {
        warnings?.delete(sessionId);
        client.channel.send({ type: 'limit', sessionId, kind: 'drain_deadline', endsAtMs: null });
      } else if (
        due !== undefined &&
        (lastWarning?.endsAtMs !== due.endsAtMs || lastWarning.aheadMs > due.aheadMs)
      ) {
        warned.set(client, (warnings ?? new Map<string, DrainWarning>()).set(sessionId, due));
        client.channel.send({
          type: 'limit',
          sessionId,
          kind: 'drain_deadline',
          endsAtMs: toUnixMs(due.endsAtMs),
        });
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
