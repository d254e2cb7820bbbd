import { v4 as uuid } from 'uuid';
import { systemClock } from '../runtime/clock.js';
import type { Host } from '../host-interface.js';
import type { HostOptions } from '../host-options.js';
import { createHost } from '../host.js';
import type { HostedSession } from '../sessions/hosted-session.js';
import { createLoadModel, type LoadModelOptions } from './load-model.js';
import type { MoveFaults } from './simulated-checkpoint.js';
import { seedOf } from './seeded-random.js';
import type { SimulatedStats } from './simulated-stats.js';
import { SimulatedSessions } from './simulated-sessions.js';
import type { StreamServer } from './stream-server.js';

export interface SimulatedHostOptions extends Omit<
  HostOptions,
  'hostId' | 'endpoint' | 'measureLoad' | 'movable' | 'onCheckpoint' | 'onRestore'
> {
  /** Serves its streams. Shared: one for all simulated hosts of a process. */
  readonly streams: StreamServer;
  /** Default: `sim-` and a new UUID. */
  readonly hostId?: string;
  /** The load it pretends to have. The seed follows from the host's address unless given. */
  readonly load?: Omit<LoadModelOptions, 'slots'>;
  /** How long a session whose client was lost is kept for its return, in milliseconds. Default 120000. */
  readonly reconnectWindowMs?: number;
  /**
   * Which players do nothing, so that an idle limit ends their sessions. Default: none; whoever watches a
   * stream plays all the time.
   */
  readonly isIdle?: (session: HostedSession) => boolean;
  /** Which sessions may move to another host; asked a few times a second. Default true: all. */
  readonly movable?: boolean | ((session: HostedSession) => boolean);
  /** What goes wrong when sessions move. Default: nothing. */
  readonly moveFaults?: MoveFaults;
  /** How large the state is that a session takes along, at least. Default: as small as it can be. */
  readonly checkpointBytes?: number;
}

/** A host that streams numbers instead of pictures. */
export interface SimulatedHost {
  readonly hostId: string;
  /** Where its clients connect. */
  readonly endpoint: string;
  /** The host beneath: its status, its sessions, its events. */
  readonly host: Host;
  readonly stats: SimulatedStats;
  /** Hangs for so long, in milliseconds of the load model's time: no heartbeats, but the streams run. */
  stall(durationMs: number): void;
  /** What goes wrong from now on when sessions move; `{}` for nothing. */
  setMoveFaults(faults: MoveFaults): void;
  /** Leaves in order: sessions end with `host_ended`, their clients are told. */
  leave(): Promise<void>;
  /** Is gone as after a crash: the sockets break without a word, nobody is told. */
  crash(): Promise<void>;
}

/** Makes a simulated host and starts to connect it. Throws as `createHost` and `StreamServer.attach` do. */
export function createSimulatedHost(options: SimulatedHostOptions): SimulatedHost {
  const { streams, hostId = `sim-${uuid()}`, load, reconnectWindowMs, isIdle, ...others } = options;
  const { movable = true, moveFaults, checkpointBytes, ...hostOptions } = others;
  const { region, pool, slots, clock = systemClock } = hostOptions;
  const address = { region, pool, hostId };
  const endpoint = streams.endpointOf(address);
  const model = createLoadModel({
    seed: seedOf(`${region}/${pool}/${hostId}`),
    ...load,
    slots,
  });
  const host = createHost({
    ...hostOptions,
    hostId,
    endpoint,
    measureLoad: () => model.measure(clock.monotonicMs()),
    movable: movable === true,
    onCheckpoint: (session) => sessions.createCheckpoint(session),
    onRestore: (session, checkpoint) => sessions.restoreSession(session, checkpoint),
  });
  const sessions = new SimulatedSessions(host, model, clock, {
    reconnectWindowMs,
    isIdle,
    isMovable: typeof movable === 'function' ? movable : undefined,
    moveFaults,
    checkpointBytes,
  });
  let detach: () => void;
  try {
    detach = streams.attach(address, sessions);
  } catch (error) {
    void host.close({ abrupt: true });
    throw error;
  }

  return {
    hostId,
    endpoint,
    host,
    get stats() {
      return sessions.stats;
    },
    stall: (durationMs) => model.stall(durationMs, clock.monotonicMs()),
    setMoveFaults: (faults) => sessions.setMoveFaults(faults),
    async leave() {
      await host.leave();
      detach();
    },
    async crash() {
      detach();
      await host.close({ abrupt: true });
    },
  };
}
