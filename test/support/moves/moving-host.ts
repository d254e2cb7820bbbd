import type { MoveFaults } from '@duskline/host/simulated';
import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { startWorker, type WorkerProcess } from '../processes/worker-process.js';

export interface MovingHostOptions {
  readonly urls: readonly string[];
  readonly token: string;
  readonly hostId: string;
  readonly region: string;
  readonly pool: string;
  readonly slots: number;
  readonly frameIntervalMs: number;
}

export type HostOrder =
  | { readonly kind: 'connect' }
  | { readonly kind: 'faults'; readonly faults: MoveFaults }
  /** In order; its process ends then. */
  | { readonly kind: 'leave' }
  /** Whether it would hand its sessions over. At first it would not. */
  | { readonly kind: 'movable'; readonly movable: boolean };

export interface HostedSessionState {
  readonly sessionId: string;
  readonly epoch: number;
  readonly state: string;
  readonly begun: boolean;
}

/** What a host process says of itself. */
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

const UNHEARD: HostState = {
  status: 'new',
  prepared: 0,
  held: 0,
  sessions: [],
  counts: { checkpoints: 0, restored: 0, moved: 0, resumed: 0, overbooked: 0 },
};

/** A simulated host in a process of its own, that hands sessions over and takes them up. */
export interface MovingHost {
  readonly process: WorkerProcess<HostOrder>;
  readonly hostId: string;
  readonly region: string;
  readonly pool: string;
  /** As it said last. */
  readonly state: HostState;
}

/** Starts the process; it connects when it is told to. */
export function startMovingHost(options: MovingHostOptions, recorder: Recorder): MovingHost {
  const { hostId, region, pool } = options;
  let state = UNHEARD;
  const script = new URL('./moving-host-worker.js', import.meta.url);
  const process = startWorker<HostOrder>(script, options, recorder, (news) => {
    state = news as HostState;
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
