import type { Device } from '@duskline/protocol';
import type { HostCallRouter } from '../hosts/host-call-router.js';
import type { PlayerLog } from './player-log.js';
import type { WorkerMetrics } from '../worker-metrics.js';
import type { TimerWheel } from '../timer-wheel.js';

/** One player of the run, whoever drives it. */
export interface LoadPlayer {
  readonly name: string;
  readonly log: PlayerLog;
  /** No broker lets it in any more. */
  readonly isRejected: boolean;
  readonly isLeaving: boolean;
  /** @param dueMs from when the time to connect counts */
  connect(dueMs: number): void;
  /**
   * Asks; as soon as it is connected, when it is not. Call it only when it has nothing.
   *
   * @param dueMs the moment of the arrival, from which its times count
   * @param lengthMs how long it stays, from the match on
   */
  play(dueMs: number, phase: number, lengthMs: number): void;
  /** Leaves the session, or the queue. */
  leave(): void;
  close(): void;
}

/** What a player needs of the worker that it is in. */
export interface PlayerContext {
  readonly runId: string;
  readonly urls: readonly string[];
  readonly title: string;
  readonly device: Device;
  readonly metrics: WorkerMetrics;
  readonly wheel: TimerWheel;
  readonly hostCalls: HostCallRouter;
  readonly random: () => number;
  /** It is connected and has nothing, or is no longer. */
  setFree(player: LoadPlayer, isFree: boolean): void;
}

export interface PlayerOptions {
  readonly name: string;
  readonly token: string;
  readonly rtt: Readonly<Record<string, number>>;
  /** It follows when its session moves to another host; else it says that it does not. */
  readonly canMove: boolean;
  /** Which broker it tries first. */
  readonly firstUrlIndex: number;
}
