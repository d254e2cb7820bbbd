import type { Phase } from '../plan/profile.js';
import { arrivals } from '../plan/arrivals.js';
import { dayShare } from '../plan/profile.js';
import { drawSessionMs } from '../plan/session-length.js';
import { monotonicMs } from './clock.js';
import type { LoadPlayer } from './load-player.js';
import type { WorkerGauges } from './messages.js';
import type { HostDesk } from './host-desk.js';
import type { Tally } from './tally.js';
import type { TimerWheel } from './timer-wheel.js';

export interface CrowdOptions {
  readonly tally: Tally;
  readonly wheel: TimerWheel;
  readonly desk: HostDesk;
  readonly random: () => number;
  /** The run's players are dealt out to so many crowds: each lets its share arrive. */
  readonly shareOfRate: number;
  /** So many may be on their way in at once before the load begins. */
  readonly mostConnecting: number;
}

/** The players of one worker: who is free takes the next arrival. */
export class Crowd {
  readonly players: LoadPlayer[] = [];
  readonly #options: CrowdOptions;
  readonly #free: LoadPlayer[] = [];
  /** Where each free player stands in the list. */
  readonly #places = new Map<LoadPlayer, number>();
  /** On their way in, and those whose moment has come and who wait for them. */
  readonly #connecting = new Set<LoadPlayer>();
  readonly #due: { readonly player: LoadPlayer; readonly dueMs: number }[] = [];
  #round = 0;

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  freed(player: LoadPlayer, isFree: boolean): void {
    if ((isFree || player.isShutOut) && this.#connecting.delete(player)) this.#connectNext();
    const place = this.#places.get(player);
    if (isFree === (place !== undefined)) return;
    if (place === undefined) {
      this.#places.set(player, this.#free.push(player) - 1);
      return;
    }
    this.#places.delete(player);
    const last = this.#free.pop();
    if (last === undefined || last === player) return;
    this.#free[place] = last;
    this.#places.set(last, place);
  }

  /**
   * Each has a moment of its own, from which its time counts. Brokers let clients in at a pace that they find, and refuse
   * who would wait for too long: so nobody pushes in before a good part of those ahead are in.
   */
  connect(startAtMs: number, perSecond: number): void {
    this.players.forEach((player, i) => {
      this.#options.wheel.at(startAtMs + (i / perSecond) * 1_000, (dueMs) => {
        this.#due.push({ player, dueMs });
        this.#connectNext();
      });
    });
  }

  begin(phase: Phase, startAtMs: number): void {
    this.#round += 1;
    if (phase.kind === 'storm') this.#storm(phase, startAtMs);
    else this.#arrive(phase, startAtMs);
  }

  /** Nobody arrives any more. */
  quiet(): void {
    this.#round += 1;
  }

  gauges(): WorkerGauges {
    const { desk, tally } = this.#options;
    const playing: Record<string, number> = {};
    let [connected, unanswered, waiting, unresumed] = [0, 0, 0, 0];
    let [stranded, leaving, moving, shutOut] = [0, 0, 0, 0];
    for (const { tape, isShutOut, isLeaving } of this.players) {
      if (isShutOut) {
        shutOut += 1;
        continue;
      }
      if (tape.isConnected) connected += 1;
      if (tape.isUnanswered) unanswered += 1;
      if (tape.isWaiting) waiting += 1;
      if (tape.isUnresumed) unresumed += 1;
      if (isLeaving) leaving += 1;
      if (tape.isMoving) moving += 1;
      const { session } = tape;
      if (session === undefined) continue;
      playing[session.region] = (playing[session.region] ?? 0) + 1;
      if (desk.isGone(session.host)) stranded += 1;
    }
    const vanished = tally.sessionsVanished;
    const onTheWay = { unresumed, stranded, leaving, moving };
    return { connected, unanswered, waiting, ...onTheWay, shutOut, vanished, playing };
  }

  #connectNext(): void {
    while (this.#connecting.size < this.#options.mostConnecting) {
      const next = this.#due.shift();
      if (next === undefined) return;
      this.#connecting.add(next.player);
      next.player.connect(next.dueMs);
    }
  }

  #storm({ index, sessionMs }: Phase & { kind: 'storm' }, startAtMs: number): void {
    const { wheel, random } = this.#options;
    wheel.at(startAtMs, (dueMs) => {
      for (const player of this.players) {
        this.#offer(index, dueMs);
        player.connect(dueMs);
        player.play(dueMs, index, drawSessionMs(sessionMs, random));
      }
    });
  }

  #arrive(phase: Phase & { kind: 'arrivals' }, startAtMs: number): void {
    const { wheel, random, shareOfRate } = this.#options;
    const { index, durationMs, ratePerSecond, curve, sessionMs } = phase;
    const moments = arrivals({
      ratePerSecond: ratePerSecond * shareOfRate,
      durationMs,
      random,
      ...(curve === 'day' ? { shareAt: (atMs) => dayShare(atMs, durationMs) } : {}),
    });
    const round = this.#round;
    const next = (): void => {
      const moment = moments.next();
      if (moment.done === true) return;
      wheel.at(startAtMs + moment.value, (dueMs) => {
        if (round !== this.#round) return;
        // The next one is due whatever becomes of this one.
        next();
        this.#offer(index, dueMs);
        const player = this.#draw();
        if (player === undefined) this.#options.tally.phase(index).noClientFree += 1;
        else player.play(dueMs, index, drawSessionMs(sessionMs, random));
      });
    };
    next();
  }

  #offer(phase: number, dueMs: number): void {
    const { tally } = this.#options;
    tally.phase(phase).offered += 1;
    tally.took('lag', phase, dueMs, monotonicMs());
  }

  /** Any of those who are free. */
  #draw(): LoadPlayer | undefined {
    const player = this.#free[Math.floor(this.#options.random() * this.#free.length)];
    if (player !== undefined) this.freed(player, false);
    return player;
  }
}
