import type { MoveFaults } from '@duskline/host/simulated';
import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { startWorker, type WorkerProcess } from '../processes/worker-process.js';

/** Options of `startMovingHost`. */
export interface MovingHostOptions {
  readonly urls: readonly string[];
  readonly token: string;
  readonly hostId: string;
  readonly region: string;
  readonly pool: string;
  readonly slots: number;
  readonly frameIntervalMs: number;
}

/** Order to a host process. */
export type HostOrder =
  | { readonly kind: 'connect' }
  | { readonly kind: 'faults'; readonly faults: MoveFaults }
  /** Leaves the broker, and ends the process. */
  | { readonly kind: 'leave' }
  /** Whether the host reports its sessions as movable. Initially `false`. */
  | { readonly kind: 'movable'; readonly movable: boolean };

/** A session on a host, as its process reports it. */
export interface HostedSessionState {
  readonly sessionId: string;
  readonly epoch: number;
  readonly state: string;
  readonly begun: boolean;
}

/** State that a host process reports. */
export interface HostState {
  readonly status: string;
  readonly prepared: number;
  readonly held: number;
  readonly sessions: readonly HostedSessionState[];
  readonly counts: {
    readonly checkpoints: number;
    readonly restored: number;
    readonly moved: number;
    readonly resumed: number;
    readonly overbooked: number;
  };
}

const INITIAL_STATE: HostState = {
  status: 'new',
  prepared: 0,
  held: 0,
  sessions: [],
  counts: { checkpoints: 0, restored: 0, moved: 0, resumed: 0, overbooked: 0 },
};

/** A simulated host process that supports moves. */
export interface MovingHost {
  readonly process: WorkerProcess<HostOrder>;
  readonly hostId: string;
  readonly region: string;
  readonly pool: string;
  /** Last reported state. */
  readonly state: HostState;
}

/** Starts the process. It connects after the order `connect`. */
export function startMovingHost(options: MovingHostOptions, recorder: Recorder): MovingHost {
  const { hostId, region, pool } = options;
  let state = INITIAL_STATE;
  const script = new URL('./moving-host-worker.js', import.meta.url);
  const process = startWorker<HostOrder>(script, options, recorder, (report) => {
    state = report as HostState;
  });
  return {
    process,
    hostId,
    region,
    pool,
    get state() {
      return state;
    },
  };
}
