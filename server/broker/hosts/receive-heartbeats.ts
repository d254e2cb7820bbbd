import type { Heartbeat } from '@duskline/protocol';
import { measuredLoad } from '../../domain/congestion.js';
import { digestSessions } from '../../domain/session-digest.js';
import type { HostHeartbeat, HeartbeatOutcome } from '../../store/fleet-store.js';
import type { MovableChange } from '../../store/contracts/moves.js';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import { reportedSessionsOf, type HostConnection } from '../connections/connections.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { Connections } from '../connections/ports.js';
import { collectMovableChanges } from './movable-changes.js';
import { reconcileHost } from './reconcile-host.js';
import { Refusal, errorMessage, toRefusal } from '../refusal.js';
import { heldSessionsFrom, storeRegistration } from './register-host.js';

/** Heartbeats wait this long for others of their place, so that thousands of hosts make few script calls. */
const BEAT_WINDOW_MS = 50;

/** Takes heartbeats and passes them to the store in batches, one call per place and window. */
export interface HeartbeatReceiver {
  receive(host: HostConnection, message: Heartbeat): void;
  stop(): void;
}

interface HeartbeatBatch {
  readonly place: RegionPool;
  /** The last heartbeat of each host in this window. */
  readonly beats: Map<HostConnection, number>;
  readonly movableChanges: MovableChange[];
}

export function createHeartbeatReceiver(context: CorePorts & Connections): HeartbeatReceiver {
  let waiting = new Map<string, HeartbeatBatch>();
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    timer = undefined;
    const batches = waiting;
    waiting = new Map();
    for (const { place, beats, movableChanges: notes } of batches.values()) {
      sendBeats(context, place, beats, notes).catch((error: unknown) => {
        // The next heartbeats try again; meanwhile no host is lost by a clock that nobody could read.
        if (toRefusal(error).code === 'UNAVAILABLE') {
          context.storeHealth.recordFailure();
          context.observer.storeFailed();
        } else context.log.error({ err: error, ...place }, 'heartbeats were not taken');
      });
    }
  }

  return {
    receive(host, { load, sessions }) {
      if (sessions.length > host.registration.slots) {
        host.channel.send(
          errorMessage(
            new Refusal('TOO_MANY_SESSIONS', {
              message: `The heartbeat lists ${sessions.length} sessions, the host has ${host.registration.slots} slots. It was not taken.`,
            }),
          ),
        );
        return;
      }
      host.heldSessions = heldSessionsFrom(sessions);
      const name = regionPoolName(host.place);
      const batch: HeartbeatBatch = waiting.get(name) ?? {
        place: host.place,
        beats: new Map(),
        movableChanges: [],
      };
      batch.movableChanges.push(...collectMovableChanges(host, sessions));
      batch.beats.set(host, measuredLoad(load));
      waiting.set(name, batch);
      timer ??= setTimeout(flush, BEAT_WINDOW_MS);
    },
    stop() {
      clearTimeout(timer);
      waiting.clear();
    },
  };
}

async function sendBeats(
  context: CorePorts & Connections,
  place: RegionPool,
  batch: ReadonlyMap<HostConnection, number>,
  notes: readonly MovableChange[],
): Promise<void> {
  // A host that left or was replaced since must not be made known again by its own last heartbeat.
  const current = [...batch].filter(([host]) => isCurrentConnection(context, host));
  const hosts = current.map(([host]) => host);
  const beats = current.map(([host, measured]) => toBeat(host, measured));
  if (beats.length === 0) return;
  const outcomes = await context.store.recordHeartbeats(place, beats);
  for (const [i, host] of hosts.entries()) {
    const outcome = outcomes[i];
    if (outcome === undefined || outcome === 'ok' || !isCurrentConnection(context, host)) continue;
    await handleOutcome(context, host, outcome, beats[i]);
  }
  if (notes.length > 0) await context.store.recordMovableChanges(place, notes);
}

/** Whether this connection is still the one that speaks for its host on this broker. */
function isCurrentConnection({ connections }: Connections, host: HostConnection): boolean {
  return connections.findHost(host.place, host.registration.hostId) === host;
}

function toBeat(host: HostConnection, measured: number): HostHeartbeat {
  return {
    hostId: host.registration.hostId,
    connectionId: host.channel.connectionId,
    measured,
    digest: digestSessions(reportedSessionsOf(host)),
  };
}

/** What a heartbeat that was not simply taken leads to. */
async function handleOutcome(
  context: CorePorts & Connections,
  host: HostConnection,
  outcome: Exclude<HeartbeatOutcome, 'ok'>,
  beat: HostHeartbeat | undefined,
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
      // The store forgot the host: it was lost, or the store was. The host is here, so it is made known again.
      context.log.warn({ ...host.place, hostId: host.registration.hostId }, 'host registered again');
      await storeRegistration(context, host);
      await reconcileHost(context, host);
      if (beat !== undefined) await context.store.recordHeartbeats(host.place, [beat]);
      return;
  }
}
