import type { Phase } from '../../plan/profile.js';
import { generateArrivalTimes } from '../../plan/arrival-times.js';
import { dailyRateShare } from '../../plan/profile.js';
import { drawSessionMs } from '../../plan/session-length.js';
import { monotonicMs } from '../clock.js';
import type { LoadPlayer } from './load-player.js';
import type { WorkerGauges } from '../worker-messages.js';
import type { HostCallRouter } from '../hosts/host-call-router.js';
import type { WorkerMetrics } from '../worker-metrics.js';
import type { TimerWheel } from '../timer-wheel.js';

export interface PopulationOptions {
  readonly metrics: WorkerMetrics;
  readonly wheel: TimerWheel;
  readonly hostCalls: HostCallRouter;
  readonly random: () => number;
  /** Share of the run's arrivals that this worker plays, 0 to 1. */
  readonly shareOfRate: number;
  /** How many players may connect at the same time before the load begins. */
  readonly maxConnecting: number;
}

/** The players of one worker. A free player takes the next arrival. */
export class PlayerPopulation {
  readonly players: LoadPlayer[] = [];
  readonly #options: PopulationOptions;
  readonly #free: LoadPlayer[] = [];
  /** The index of each free player in the list. */
  readonly #freeIndexes = new Map<LoadPlayer, number>();
  readonly #connecting = new Set<LoadPlayer>();
  /** Players whose scheduled time has come, while too many others are connecting. */
  readonly #waitingToConnect: { readonly player: LoadPlayer; readonly dueMs: number }[] = [];
  /** Raised when arrivals of an earlier phase must not happen any more. */
  #round = 0;

  constructor(options: PopulationOptions) {
    this.#options = options;
  }

  setFree(player: LoadPlayer, isFree: boolean): void {
    if ((isFree || player.isRejected) && this.#connecting.delete(player)) this.#connectNext();
    const index = this.#freeIndexes.get(player);
    if (isFree === (index !== undefined)) return;
    if (index === undefined) {
      this.#freeIndexes.set(player, this.#free.push(player) - 1);
      return;
    }
    this.#freeIndexes.delete(player);
    const last = this.#free.pop();
    if (last === undefined || last === player) return;
    this.#free[index] = last;
    this.#freeIndexes.set(last, index);
  }

  /**
   * Connects all players, each at its scheduled time, from which its time to connect is measured. Brokers admit clients at a
   * rate that they adapt to their load, and refuse a client that would wait too long, so the number of players that connect
   * at the same time is limited.
   */
  connect(startAtMs: number, perSecond: number): void {
    this.players.forEach((player, i) => {
      this.#options.wheel.at(startAtMs + (i / perSecond) * 1_000, (dueMs) => {
        this.#waitingToConnect.push({ player, dueMs });
        this.#connectNext();
      });
    });
  }

  startPhase(phase: Phase, startAtMs: number): void {
    this.#round += 1;
    if (phase.kind === 'storm') this.#startStorm(phase, startAtMs);
    else this.#scheduleArrivals(phase, startAtMs);
  }

  stopArrivals(): void {
    this.#round += 1;
  }

  readGauges(): WorkerGauges {
    const { hostCalls, metrics } = this.#options;
    const playing: Record<string, number> = {};
    let [connected, unanswered, waiting, unresumed] = [0, 0, 0, 0];
    let [onKilledHost, leaving, moving, rejected] = [0, 0, 0, 0];
    for (const { log, isRejected, isLeaving } of this.players) {
      if (isRejected) {
        rejected += 1;
        continue;
      }
      if (log.isConnected) connected += 1;
      if (log.isUnanswered) unanswered += 1;
      if (log.isWaiting) waiting += 1;
      if (log.isUnresumed) unresumed += 1;
      if (isLeaving) leaving += 1;
      if (log.isMoving) moving += 1;
      const { session } = log;
      if (session === undefined) continue;
      playing[session.region] = (playing[session.region] ?? 0) + 1;
      if (hostCalls.isKilled(session.host)) onKilledHost += 1;
    }
    const vanished = metrics.sessionsVanished;
    const inTransition = { unresumed, onKilledHost, leaving, moving };
    return { connected, unanswered, waiting, ...inTransition, rejected, vanished, playing };
  }

  #connectNext(): void {
    while (this.#connecting.size < this.#options.maxConnecting) {
      const next = this.#waitingToConnect.shift();
      if (next === undefined) return;
      this.#connecting.add(next.player);
      next.player.connect(next.dueMs);
    }
  }

  #startStorm({ index, sessionMs }: Phase & { kind: 'storm' }, startAtMs: number): void {
    const { wheel, random } = this.#options;
    wheel.at(startAtMs, (dueMs) => {
      for (const player of this.players) {
        this.#countArrival(index, dueMs);
        player.connect(dueMs);
        player.play(dueMs, index, drawSessionMs(sessionMs, random));
      }
    });
  }

  #scheduleArrivals(phase: Phase & { kind: 'arrivals' }, startAtMs: number): void {
    const { wheel, random, shareOfRate } = this.#options;
    const { index, durationMs, ratePerSecond, curve, sessionMs } = phase;
    const moments = generateArrivalTimes({
      ratePerSecond: ratePerSecond * shareOfRate,
      durationMs,
      random,
      ...(curve === 'day' ? { shareAt: (atMs) => dailyRateShare(atMs, durationMs) } : {}),
    });
    const round = this.#round;
    const next = (): void => {
      const moment = moments.next();
      if (moment.done === true) return;
      wheel.at(startAtMs + moment.value, (dueMs) => {
        if (round !== this.#round) return;
        // The next arrival is scheduled independently of this one: an open loop.
        next();
        this.#countArrival(index, dueMs);
        const player = this.#drawFreePlayer();
        if (player === undefined) this.#options.metrics.phaseCounts(index).noClientFree += 1;
        else player.play(dueMs, index, drawSessionMs(sessionMs, random));
      });
    };
    next();
  }

  #countArrival(phase: number, dueMs: number): void {
    const { metrics } = this.#options;
    metrics.phaseCounts(phase).offered += 1;
    metrics.recordTiming('lag', phase, dueMs, monotonicMs());
  }

  #drawFreePlayer(): LoadPlayer | undefined {
    const player = this.#free[Math.floor(this.#options.random() * this.#free.length)];
    if (player !== undefined) this.setFree(player, false);
    return player;
  }
}
