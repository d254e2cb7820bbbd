import type { Heartbeat } from '@duskline/protocol';
import { measuredLoad } from '../domain/congestion.js';
import { digestOf } from '../domain/session-digest.js';
import type { Beat, BeatOutcome } from '../store/fleet-store.js';
import type { MovableNote } from '../store/move-desk.js';
import { placeName, type Place } from '../domain/catalog.js';
import { heldSessions, type HostConnection } from './connections.js';
import type { BrokerContext } from './context.js';
import { movableNotes } from './movable-notes.js';
import { reconcileHost } from './reconcile-host.js';
import { Refusal, errorMessage, toRefusal } from './refusal.js';
import { heldBy, storeRegistration } from './register-host.js';

/** Heartbeats wait this long for others of their place, so that thousands of hosts make few script calls. */
const BEAT_WINDOW_MS = 50;

/** Takes heartbeats and passes them to the store in batches, one call per place and window. */
export interface HeartbeatIntake {
  take(host: HostConnection, message: Heartbeat): void;
  stop(): void;
}

interface PlaceBeats {
  readonly place: Place;
  /** The last heartbeat of each host in this window. */
  readonly beats: Map<HostConnection, number>;
  readonly notes: MovableNote[];
}

export function createHeartbeatIntake(context: BrokerContext): HeartbeatIntake {
  let waiting = new Map<string, PlaceBeats>();
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    timer = undefined;
    const batches = waiting;
    waiting = new Map();
    for (const { place, beats, notes } of batches.values()) {
      sendBeats(context, place, beats, notes).catch((error: unknown) => {
        // The next heartbeats try again; meanwhile no host is lost by a clock that nobody could read.
        if (toRefusal(error).code === 'UNAVAILABLE') {
          context.doubt.noteFailure();
          context.observer.storeFailed();
        } else context.log.error({ err: error, ...place }, 'heartbeats were not taken');
      });
    }
  }

  return {
    take(host, { load, sessions }) {
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
      host.held = heldBy(sessions);
      const name = placeName(host.place);
      const batch: PlaceBeats = waiting.get(name) ?? { place: host.place, beats: new Map(), notes: [] };
      batch.notes.push(...movableNotes(host, sessions));
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
  context: BrokerContext,
  place: Place,
  batch: ReadonlyMap<HostConnection, number>,
  notes: readonly MovableNote[],
): Promise<void> {
  // A host that left or was replaced since must not be made known again by its own last heartbeat.
  const current = [...batch].filter(([host]) => speaksHere(context, host));
  const hosts = current.map(([host]) => host);
  const beats = current.map(([host, measured]) => toBeat(host, measured));
  if (beats.length === 0) return;
  const outcomes = await context.store.beat(place, beats);
  for (const [i, host] of hosts.entries()) {
    const outcome = outcomes[i];
    if (outcome === undefined || outcome === 'ok' || !speaksHere(context, host)) continue;
    await settle(context, host, outcome, beats[i]);
  }
  if (notes.length > 0) await context.store.noteMovable(place, notes);
}

/** Whether this connection is still the one that speaks for its host on this broker. */
function speaksHere({ connections }: BrokerContext, host: HostConnection): boolean {
  return connections.host(host.place, host.registration.hostId) === host;
}

function toBeat(host: HostConnection, measured: number): Beat {
  return {
    hostId: host.registration.hostId,
    connectionId: host.channel.connectionId,
    measured,
    digest: digestOf(heldSessions(host)),
  };
}

/** What a heartbeat that was not simply taken leads to. */
async function settle(
  context: BrokerContext,
  host: HostConnection,
  outcome: Exclude<BeatOutcome, 'ok'>,
  beat: Beat | undefined,
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
      if (beat !== undefined) await context.store.beat(host.place, [beat]);
      return;
  }
}
