import type { Heartbeat } from '@duskline/protocol';
import { measuredLoad } from '../../domain/congestion.js';
import { digestSessions } from '../../domain/session-digest.js';
import type { HostHeartbeat, HeartbeatOutcome } from '../../store/fleet-store.js';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { HostConnection } from '../connections/connections.js';
import type { Connections } from '../connections/ports.js';
import type { Reporting } from '../reporting.js';
import type { StoreAccess } from '../store-access/ports.js';
import { collectMovableChanges, rememberMovableChanges } from './movable-changes.js';
import { reconcileHost } from './reconcile-host.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';
import { checkSessionList, storeRegistration } from './register-host.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Events } from '../messaging/broker-events.js';

/** Heartbeats of one region pool are collected this long, so that thousands of hosts cause few script calls. */
const HEARTBEAT_WINDOW_MS = 50;

/** Receives heartbeats and sends them to the store in batches: one call per region pool and window. */
export interface HeartbeatReceiver {
  receive(host: HostConnection, message: Heartbeat): void;
  stop(): void;
}

interface HeartbeatBatch {
  readonly regionPool: RegionPool;
  /** The last heartbeat of each host in this window. */
  readonly heartbeats: Map<HostConnection, Heartbeat>;
}

/** How many hosts of a batch are reconciled at once. */
const MAX_RECONCILIATIONS = 16;

export function createHeartbeatReceiver(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections,
): HeartbeatReceiver {
  let pending = new Map<string, HeartbeatBatch>();
  let cancelTimer: (() => void) | undefined;

  function flush(): void {
    cancelTimer = undefined;
    const batches = pending;
    pending = new Map();
    for (const batch of batches.values()) {
      recordBatch(context, batch).catch((error: unknown) => reportFailure(context, batch.regionPool, error));
    }
  }

  return {
    receive(host, message) {
      try {
        checkSessions(host, message);
      } catch (error) {
        host.channel.send(errorMessage(toRefusal(error), context.random, { inReplyTo: 'heartbeat' }));
        return;
      }
      host.sessions.receiveList(message);
      const name = regionPoolName(host.regionPool);
      const batch: HeartbeatBatch = pending.get(name) ?? {
        regionPool: host.regionPool,
        heartbeats: new Map(),
      };
      batch.heartbeats.set(host, message);
      pending.set(name, batch);
      cancelTimer ??= context.clock.setTimer(flush, HEARTBEAT_WINDOW_MS);
    },
    stop() {
      cancelTimer?.();
      pending.clear();
    },
  };
}

/** @throws Refusal TOO_MANY_SESSIONS, BAD_MESSAGE: the heartbeat is ignored */
function checkSessions({ registration: { slots } }: HostConnection, { sessions }: Heartbeat): void {
  if (sessions.length > slots) {
    throw new Refusal('TOO_MANY_SESSIONS', {
      message: `The heartbeat lists ${sessions.length} sessions, the host has ${slots} slots. The heartbeat was ignored.`,
    });
  }
  checkSessionList(sessions);
}

/** A failed step costs nothing else: each host is reconciled by itself, and the next heartbeats repeat what the store did not take. */
async function recordBatch(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections,
  { regionPool, heartbeats: received }: HeartbeatBatch,
): Promise<void> {
  // The last heartbeat of a host that has left or was replaced meanwhile must not register it again.
  const current = [...received].filter(([host]) => isCurrentConnection(context, host));
  const heartbeats = current.map(([host, message]) => toHostHeartbeat(host, message));
  if (heartbeats.length === 0) return;
  const outcomes = await context.store.recordHeartbeats(regionPool, heartbeats);
  const steps = current.flatMap(([host], i) => {
    const outcome = outcomes[i];
    if (outcome === undefined) return [];
    if (outcome === 'ok') return host.mustReconcile ? [() => reconcileHost(context, host)] : [];
    return [() => handleOutcome(context, host, outcome, heartbeats[i])];
  });
  while (steps.length > 0) {
    const results = await Promise.allSettled(steps.splice(0, MAX_RECONCILIATIONS).map((step) => step()));
    for (const result of results) {
      if (result.status === 'rejected') reportFailure(context, regionPool, result.reason);
    }
  }
  await recordMovableSessions(context, regionPool, current);
}

/** Tells the store which sessions hosts offer for moves, as far as it does not know. */
async function recordMovableSessions(
  { store }: StoreAccess,
  regionPool: RegionPool,
  received: readonly (readonly [HostConnection, Heartbeat])[],
): Promise<void> {
  const changed = received
    .map(([host, { sessions }]) => ({ host, changes: collectMovableChanges(host, sessions) }))
    .filter(({ changes }) => changes.length > 0);
  if (changed.length === 0) return;
  await store.recordMovableChanges(
    regionPool,
    changed.flatMap(({ changes }) => changes),
  );
  for (const { host, changes } of changed) rememberMovableChanges(host, changes);
}

/** The next heartbeats repeat what failed. Without the store no sweep runs, so no host is lost meanwhile. */
function reportFailure(
  { storeHealth, observer, log }: StoreAccess & Reporting,
  regionPool: RegionPool,
  error: unknown,
): void {
  if (toRefusal(error).code === 'UNAVAILABLE') {
    storeHealth.recordFailure();
    observer.storeFailed();
  } else log.error({ err: error, ...regionPool }, 'heartbeats could not be recorded');
}

/** Whether this is still the connection of its host on this broker. */
function isCurrentConnection({ connections }: Connections, host: HostConnection): boolean {
  return connections.findHost(host.regionPool, host.registration.hostId) === host;
}

function toHostHeartbeat(host: HostConnection, { load }: Heartbeat): HostHeartbeat {
  return {
    hostId: host.registration.hostId,
    connectionId: host.channel.connectionId,
    measured: measuredLoad(load),
    digest: digestSessions(host.sessions.listed),
  };
}

/** Acts on a heartbeat that the store could not simply record. */
async function handleOutcome(
  context: BrokerSettings & StoreAccess & Events & Reporting & Connections,
  host: HostConnection,
  outcome: Exclude<HeartbeatOutcome, 'ok'>,
  heartbeat: HostHeartbeat | undefined,
): Promise<void> {
  if (!isCurrentConnection(context, host)) return;
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
      context.log.warn(
        { ...host.regionPool, hostId: host.registration.hostId },
        'the store did not know a connected host; the broker registered it again',
      );
      await storeRegistration(context, host);
      await reconcileHost(context, host);
      if (heartbeat !== undefined) await context.store.recordHeartbeats(host.regionPool, [heartbeat]);
      return;
  }
}
