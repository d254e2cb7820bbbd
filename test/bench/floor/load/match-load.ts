import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { build } from 'hdr-histogram-js';
import { nowMicros } from './clock.js';
import type { LeanHost } from './lean-host.js';
import type { LeanPlayer, MatchListener } from './lean-player.js';
import type { RateTimerOptions } from './rate-timer.js';

/** The figures of one period of load. */
export interface LoadOutcome {
  /** Matches a second, counting those whose session ended within the period. */
  readonly perSecond: number;
  /** All matches of the period, including those whose session ended after it. */
  readonly matches: number;
  /** From the scheduled time of a match until `matched`, in milliseconds. */
  readonly matchMs: Percentiles;
  /** From the scheduled time of a match until the loader sent its request, in milliseconds. */
  readonly lateMs: Percentiles;
  /** Bytes of frames for each match, as players and hosts counted them. */
  readonly bytes: { readonly sent: number; readonly received: number };
  /** Frames with a state that the session had left before. */
  readonly wentBack: number;
  /** The most sessions of one host over the mean of all hosts, at the worst time. 0 when the mean was always below 2. */
  readonly hottestOverMean: number;
  /** Placements on the host with the most, over the mean of all hosts. */
  readonly mostPlacedOverMean: number;
}

/** Percentiles of times in milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const SETTLE_DEADLINE_MS = 30_000;
/** With a lower mean of sessions, a single session dominates the ratio. */
const LEAST_MEAN = 2;
const SETTLE_POLL_MS = 10;
const SAMPLE_INTERVAL_MS = 50;
/** The thread of the rate timer has started by then. */
const START_MARGIN_MICROS = 200_000;

/** Drives the players of one server, in a closed loop or at a rate. */
export class MatchLoad implements MatchListener {
  /** Free players, those that are free longest first, so that no player exceeds the request limit of the broker. */
  readonly #free: LeanPlayer[] = [];
  readonly #hosts: readonly LeanHost[];
  #sockets: readonly { readonly received: number; readonly sent: number }[] = [];
  #took = histogram();
  #late = histogram();
  #matches = 0;
  #wentBack = 0;
  #inFlight = 0;
  #hottest = 0;
  /** Called when a session has ended. */
  #next: () => void = () => undefined;
  /** Scheduled times of matches that wait because too many are in flight. */
  readonly #backlog: number[] = [];

  constructor(hosts: readonly LeanHost[]) {
    this.#hosts = hosts;
  }

  use(players: readonly LeanPlayer[]): void {
    this.#free.push(...players);
    this.#sockets = [...players, ...this.#hosts].map(({ socket }) => socket);
  }

  matched(player: LeanPlayer): void {
    this.#took.recordValue(atLeastOne(nowMicros() - player.dueMicros));
  }

  wentBack(): void {
    this.#wentBack += 1;
  }

  over(player: LeanPlayer): void {
    this.#matches += 1;
    this.#inFlight -= 1;
    this.#free.push(player);
    this.#next();
  }

  /** Keeps `inFlight` matches running: each is followed by another at once. */
  async runClosedLoop(inFlight: number, forMs: number): Promise<LoadOutcome> {
    return this.#run(forMs, () => {
      const untilMicros = nowMicros() + forMs * 1_000;
      this.#next = () => {
        if (nowMicros() < untilMicros) this.#request(nowMicros());
      };
      for (let i = 0; i < inFlight; i += 1) this.#next();
    });
  }

  /**
   * Starts `perSecond` matches a second, on a schedule that does not wait for earlier ones.
   *
   * @param mostInFlight at most as many as the fleet has slots for. On a machine that is too busy further matches wait, and
   *   their wait is part of the measured time
   */
  async runAtRate(perSecond: number, mostInFlight: number, forMs: number): Promise<LoadOutcome> {
    const fromMicros = nowMicros() + START_MARGIN_MICROS;
    const workerData: RateTimerOptions = { perSecond, fromMicros, untilMicros: fromMicros + forMs * 1_000 };
    const rateTimer = new Worker(new URL('./rate-timer.js', import.meta.url), { workerData });
    this.#next = () => {
      const due = this.#backlog.shift();
      if (due !== undefined) this.#requestScheduled(due);
    };
    rateTimer.on('message', (due: number) => {
      if (this.#inFlight < mostInFlight) this.#requestScheduled(due);
      else this.#backlog.push(due);
    });
    await once(rateTimer, 'online');
    const [outcome] = await Promise.all([this.#run(forMs, () => undefined), once(rateTimer, 'exit')]);
    return outcome;
  }

  async #run(forMs: number, start: () => void): Promise<LoadOutcome> {
    this.#took = histogram();
    this.#late = histogram();
    this.#matches = 0;
    this.#wentBack = 0;
    this.#hottest = 0;
    const before = this.#counts();
    const placedBefore = this.#hosts.map(({ prepared }) => prepared);
    const startedAtMs = performance.now();
    start();
    const sampling = setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS);
    await delay(forMs);
    const perSecond = (this.#matches * 1_000) / (performance.now() - startedAtMs);
    clearInterval(sampling);
    await this.#settle();
    const after = this.#counts();
    const placed = this.#hosts.map(({ prepared }, i) => prepared - (placedBefore[i] ?? 0));
    return {
      perSecond,
      matches: this.#matches,
      matchMs: percentiles(this.#took),
      lateMs: percentiles(this.#late),
      bytes: {
        sent: (after.sent - before.sent) / this.#matches,
        received: (after.received - before.received) / this.#matches,
      },
      wentBack: this.#wentBack,
      hottestOverMean: this.#hottest,
      mostPlacedOverMean: Math.max(...placed) / mean(placed),
    };
  }

  async #settle(): Promise<void> {
    const untilMs = performance.now() + SETTLE_DEADLINE_MS;
    // Matches that were scheduled at the end may not have been requested yet.
    do {
      if (performance.now() > untilMs) {
        throw new Error(
          `After ${SETTLE_DEADLINE_MS / 1_000} s ${this.#inFlight} matches had not ended and ${this.#backlog.length} had not been requested.`,
        );
      }
      await delay(SETTLE_POLL_MS);
    } while (this.#inFlight + this.#backlog.length > 0);
  }

  #requestScheduled(due: number): void {
    this.#late.recordValue(atLeastOne(nowMicros() - due));
    this.#request(due);
  }

  #request(dueMicros: number): void {
    const player = this.#free.shift();
    if (player === undefined) throw new Error('There are more matches in flight than players.');
    this.#inFlight += 1;
    player.play(dueMicros);
  }

  #sample(): void {
    const sessions = this.#hosts.map(({ expected }) => expected);
    if (mean(sessions) >= LEAST_MEAN)
      this.#hottest = Math.max(this.#hottest, Math.max(...sessions) / mean(sessions));
  }

  #counts(): { received: number; sent: number } {
    let [received, sent] = [0, 0];
    for (const socket of this.#sockets) {
      received += socket.received;
      sent += socket.sent;
    }
    return { received, sent };
  }
}

type Histogram = ReturnType<typeof histogram>;

function histogram() {
  return build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
}

function atLeastOne(micros: number): number {
  return Math.max(1, Math.round(micros));
}

function percentiles(of: Histogram): Percentiles {
  const ms = (percentile: number): number => of.getValueAtPercentile(percentile) / 1_000;
  return { p50: ms(50), p99: ms(99), max: of.maxValue / 1_000 };
}

function mean(of: readonly number[]): number {
  return of.reduce((sum, value) => sum + value, 0) / of.length;
}
