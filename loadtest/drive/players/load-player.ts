import type { Device } from '@duskline/protocol';
import type { HostCallRouter } from '../hosts/host-call-router.js';
import type { PlayerLog } from './player-log.js';
import type { WorkerMetrics } from '../worker-metrics.js';
import type { TimerWheel } from '../timer-wheel.js';

/** A player of the run, with either driver. */
export interface LoadPlayer {
  readonly name: string;
  readonly log: PlayerLog;
  /** Whether a broker rejected the player permanently. */
  readonly isRejected: boolean;
  readonly isLeaving: boolean;
  /** @param dueMs the scheduled time, from which the time to connect is measured */
  connect(dueMs: number): void;
  /**
   * Requests a session, after the next connect when the player is not connected. Only for a player without a request.
   *
   * @param dueMs the scheduled time of the arrival, from which all its times are measured
   * @param lengthMs how long the player stays after the match
   */
  play(dueMs: number, phase: number, lengthMs: number): void;
  /** Leaves the session, or the queue. */
  leave(): void;
  close(): void;
}

/** What a player uses of its worker. */
export interface PlayerContext {
  readonly runId: string;
  readonly urls: readonly string[];
  readonly title: string;
  readonly device: Device;
  readonly metrics: WorkerMetrics;
  readonly wheel: TimerWheel;
  readonly hostCalls: HostCallRouter;
  readonly random: () => number;
  /** @param isFree whether the player is connected and has no request, so that it can take the next arrival */
  setFree(player: LoadPlayer, isFree: boolean): void;
}

export interface PlayerOptions {
  readonly name: string;
  readonly token: string;
  readonly rtt: Readonly<Record<string, number>>;
  /** Whether the player follows its session to another host; otherwise its requests say that it does not. */
  readonly canMove: boolean;
  /** Index of the broker that is tried first. */
  readonly firstUrlIndex: number;
}
