import { systemClock, systemRandom, type Clock, type Random } from '@duskline/sdk-runtime';
import { v7 as uuid } from 'uuid';
import type { Host } from '../host-interface.js';
import type { HostOptions } from '../host-options.js';
import { createHost } from '../host.js';
import type { HostedSession } from '../sessions/hosted-session.js';
import { createLoadModel, type LoadModelOptions } from './load-model.js';
import type { MoveFaults } from './simulated-checkpoint.js';
import { deriveSeed } from './seeded-random.js';
import type { SimulatedStats } from './simulated-stats.js';
import { SimulatedSessions } from './simulated-sessions.js';
import type { StreamServer } from './stream-server.js';

export interface SimulatedHostOptions extends Omit<
  HostOptions,
  'hostId' | 'endpoint' | 'measureLoad' | 'movable' | 'onCheckpoint' | 'onRestore'
> {
  /** Serves the streams. All simulated hosts of a process can share one. */
  readonly streams: StreamServer;
  /** Default: `sim-` followed by a new UUID. */
  readonly hostId?: string;
  /** Draws the default of `hostId`. Default: the platform's random numbers. */
  readonly random?: Random;
  /** Options of the load model. The default seed is computed from the host's address. */
  readonly load?: Omit<LoadModelOptions, 'slots'>;
  /** How long a session waits for a client that lost its connection, in milliseconds. Default 120000. */
  readonly reconnectWindowMs?: number;
  /**
   * Which players are idle, so that the idle limit ends their sessions. Default: none; players with a stream are always active.
   */
  readonly isIdle?: (session: HostedSession) => boolean;
  /** Which sessions may move to another host. A function is called several times a second. Default true: all. */
  readonly movable?: boolean | ((session: HostedSession) => boolean);
  /** Faults to inject when sessions move. Default: none. */
  readonly moveFaults?: MoveFaults;
  /** Minimum size of a checkpoint in bytes. Default: no padding. */
  readonly checkpointBytes?: number;
}

/** A host that streams numbers instead of video. */
export interface SimulatedHost {
  readonly hostId: string;
  /** URL to which clients connect. */
  readonly endpoint: string;
  /** The host of the SDK. */
  readonly host: Host;
  readonly stats: SimulatedStats;
  /** Stalls for a duration in milliseconds of the load model's time: no heartbeats, but the streams continue. */
  stall(durationMs: number): void;
  /** Replaces the faults to inject when sessions move; `{}` for none. */
  setMoveFaults(faults: MoveFaults): void;
  /** Leaves the fleet: sessions end with `host_ended`, and their clients receive `ended`. */
  leave(): Promise<void>;
  /** Simulates a crash: all sockets break without a message. */
  crash(): Promise<void>;
}

/**
 * Creates a simulated host and starts to connect it to a broker.
 *
 * @throws TypeError for invalid options
 * @throws Error if `streams` has a host of this address
 */
export function createSimulatedHost(options: SimulatedHostOptions): SimulatedHost {
  const { streams, load, reconnectWindowMs, isIdle, random = systemRandom, ...others } = options;
  const { movable = true, moveFaults, checkpointBytes, ...hostOptions } = others;
  const { region, pool, slots, clock = systemClock } = hostOptions;
  const hostId = options.hostId ?? createHostId(clock, random);
  const address = { region, pool, hostId };
  const endpoint = streams.formatEndpoint(address);
  const model = createLoadModel({
    seed: deriveSeed(`${region}/${pool}/${hostId}`),
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

function createHostId(clock: Clock, random: Random): string {
  const bytes = Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256));
  return `sim-${uuid({ msecs: clock.wallMs(), random: bytes })}`;
}
