import type { Drain } from '../../domain/drain.js';
import type { ClientConnection } from '../connections/connections.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Connections } from '../connections/ports.js';

/** Players are warned so long before a drain ends their session. */
const WARN_BEFORE_MS = [60_000, 300_000];

/** What a client was told of the end that a drain has in store for a session. */
interface DrainWarning {
  readonly endsAtMs: number;
  readonly aheadMs: number;
}

/**
 * Tells this broker's own clients when a drain is about to end their sessions, and takes it back when the drain is
 * undone. Every broker does it for its own clients, so nothing has to be passed on.
 */
export function createDrainWarner(context: StoreAccess & Connections): () => void {
  /** By session: what is known of one is another object once it has moved. */
  const warned = new WeakMap<ClientConnection, Map<string, DrainWarning>>();

  return () => {
    const nowMs = context.fleet.storeNowMs();
    for (const { client, sessionId, known } of context.connections.linkedSessions()) {
      if (known.state === 'ended') continue;
      const warnings = warned.get(client);
      const told = warnings?.get(sessionId);
      const drain = context.fleet.findDrainOfHost(known.place, known.hostId);
      const due = drain === undefined ? undefined : warningDue(drain, nowMs);
      if (due === undefined && told !== undefined && told.endsAtMs > nowMs) {
        warnings?.delete(sessionId);
        client.channel.send({ type: 'limit', sessionId, kind: 'drain_deadline', endsAtMs: null });
      } else if (due !== undefined && (told?.endsAtMs !== due.endsAtMs || told.aheadMs > due.aheadMs)) {
        warned.set(client, (warnings ?? new Map<string, DrainWarning>()).set(sessionId, due));
        client.channel.send({ type: 'limit', sessionId, kind: 'drain_deadline', endsAtMs: due.endsAtMs });
      }
    }
  };
}

/** The latest warning that should have been given by now; `undefined` while there is time, or no end. */
export function warningDue(drain: Drain, nowMs: number): DrainWarning | undefined {
  if (drain.state !== 'running' || drain.atDeadline !== 'end') return undefined;
  const leftMs = drain.deadlineAtMs - nowMs;
  const aheadMs = WARN_BEFORE_MS.find((ahead) => leftMs <= ahead);
  return aheadMs === undefined ? undefined : { endsAtMs: drain.deadlineAtMs, aheadMs };
}
