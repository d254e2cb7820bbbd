import type { Heartbeat } from '@duskline/protocol';
import { measuredLoad } from '../../domain/congestion.js';
import { digestSessions } from '../../domain/session-digest.js';
import type { HostHeartbeat, HeartbeatOutcome } from '../../store/fleet-store.js';
import type { MovableChange } from '../../store/contracts/moves.js';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import { reportedSessionsOf, type HostConnection } from '../connections/connections.js';
import type { CorePorts } from '../core-ports.js';
import type { Connections } from '../connections/ports.js';
import { collectMovableChanges } from './movable-changes.js';
import { reconcileHost } from './reconcile-host.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';
import { heldSessionsFrom, storeRegistration } from './register-host.js';

/** Heartbeats of one region pool are collected this long, so that thousands of hosts cause few script calls. */
const HEARTBEAT_WINDOW_MS = 50;

/** Receives heartbeats and sends them to the store in batches: one call per region pool and window. */
export interface HeartbeatReceiver {
  receive(host: HostConnection, message: Heartbeat): void;
  stop(): void;
}

interface HeartbeatBatch {
  readonly regionPool: RegionPool;
  /** Measured load in the last heartbeat of each host in this window. */
  readonly measuredLoads: Map<HostConnection, number>;
  readonly movableChanges: MovableChange[];
}

export function createHeartbeatReceiver(context: CorePorts & Connections): HeartbeatReceiver {
  let pending = new Map<string, HeartbeatBatch>();
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    timer = undefined;
    const batches = pending;
    pending = new Map();
    for (const batch of batches.values()) {
      recordBatch(context, batch).catch((error: unknown) => {
        // The next heartbeats repeat this. Without the store no sweep runs, so no host is lost meanwhile.
        if (toRefusal(error).code === 'UNAVAILABLE') {
          context.storeHealth.recordFailure();
          context.observer.storeFailed();
        } else context.log.error({ err: error, ...batch.regionPool }, 'heartbeats could not be recorded');
      });
    }
  }

  return {
    receive(host, { load, sessions }) {
      if (sessions.length > host.registration.slots) {
        host.channel.send(
          errorMessage(
            new Refusal('TOO_MANY_SESSIONS', {
              message: `The heartbeat lists ${sessions.length} sessions, the host has ${host.registration.slots} slots. It was ignored.`,
            }),
          ),
        );
        return;
      }
      host.heldSessions = heldSessionsFrom(sessions);
      const name = regionPoolName(host.regionPool);
      const batch: HeartbeatBatch = pending.get(name) ?? {
        regionPool: host.regionPool,
        measuredLoads: new Map(),
        movableChanges: [],
      };
      batch.movableChanges.push(...collectMovableChanges(host, sessions));
      batch.measuredLoads.set(host, measuredLoad(load));
      pending.set(name, batch);
      timer ??= setTimeout(flush, HEARTBEAT_WINDOW_MS);
    },
    stop() {
      clearTimeout(timer);
      pending.clear();
    },
  };
}

async function recordBatch(
  context: CorePorts & Connections,
  { regionPool, measuredLoads, movableChanges }: HeartbeatBatch,
): Promise<void> {
  // The last heartbeat of a host that has left or was replaced meanwhile must not register it again.
  const current = [...measuredLoads].filter(([host]) => isCurrentConnection(context, host));
  const hosts = current.map(([host]) => host);
  const heartbeats = current.map(([host, measured]) => toHostHeartbeat(host, measured));
  if (heartbeats.length === 0) return;
  const outcomes = await context.store.recordHeartbeats(regionPool, heartbeats);
  for (const [i, host] of hosts.entries()) {
    const outcome = outcomes[i];
    if (outcome === undefined || outcome === 'ok' || !isCurrentConnection(context, host)) continue;
    await handleOutcome(context, host, outcome, heartbeats[i]);
  }
  if (movableChanges.length > 0) await context.store.recordMovableChanges(regionPool, movableChanges);
}

/** Whether this is still the connection of its host on this broker. */
function isCurrentConnection({ connections }: Connections, host: HostConnection): boolean {
  return connections.findHost(host.regionPool, host.registration.hostId) === host;
}

function toHostHeartbeat(host: HostConnection, measured: number): HostHeartbeat {
  return {
    hostId: host.registration.hostId,
    connectionId: host.channel.connectionId,
    measured,
    digest: digestSessions(reportedSessionsOf(host)),
  };
}

/** Acts on a heartbeat that the store could not simply record. */
async function handleOutcome(
  context: CorePorts & Connections,
  host: HostConnection,
  outcome: Exclude<HeartbeatOutcome, 'ok'>,
  heartbeat: HostHeartbeat | undefined,
): Promise<void> {
  switch (outcome) {
    case 'differs':
      await reconcileHost(context, host);
      return;
    case 'replaced':
      context.connections.removeHost(host);
      host.channel.closeWith('CONNECTION_REPLACED');
      return;
    case 'unknown':
      // The host was declared lost, or the store lost its data. The host is connected, so it is registered again.
      context.log.warn({ ...host.regionPool, hostId: host.registration.hostId }, 'host registered again');
      await storeRegistration(context, host);
      await reconcileHost(context, host);
      if (heartbeat !== undefined) await context.store.recordHeartbeats(host.regionPool, [heartbeat]);
      return;
  }
}
