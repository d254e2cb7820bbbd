import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { build } from 'hdr-histogram-js';
import { nowMicros } from './clock.js';
import type { LeanHost } from './lean-host.js';
import type { LeanPlayer, MatchListener } from './lean-player.js';
import type { RateTimerOptions } from './rate-timer.js';

/** What one stretch of load came to. */
export interface LoadOutcome {
  /** Matches, each with its end, that were over within the time. */
  readonly perSecond: number;
  /** All, with those that were over a moment later. */
  readonly matches: number;
  /** From the moment when it was due until `matched`, in milliseconds. */
  readonly matchMs: Percentiles;
  /** How late the loader itself was in asking. */
  readonly lateMs: Percentiles;
  /** Bytes of frames per match, as the players and hosts counted them. */
  readonly bytes: { readonly sent: number; readonly received: number };
  /** Frames that told of a state which the session had left before. */
  readonly wentBack: number;
  /** The most sessions that one host had, over the mean of all hosts at that moment; the worst moment. 0 when few had any. */
  readonly hottestOverMean: number;
  /** Placements of the host that got the most, over the mean of all. */
  readonly mostPlacedOverMean: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const SETTLE_DEADLINE_MS = 30_000;
/** With fewer sessions a host than this, one more or less is all the difference there is. */
const LEAST_MEAN = 2;
const SETTLE_LOOK_MS = 10;
const LOOK_INTERVAL_MS = 50;
/** The metronome is up by then. */
const START_MARGIN_MICROS = 200_000;

/** Drives players against one server, in a closed loop or at a rate. */
export class MatchLoad implements MatchListener {
  /** Those who have nothing to do, the longest first: nobody asks more often than the broker lets them. */
  readonly #free: LeanPlayer[] = [];
  readonly #hosts: readonly LeanHost[];
  #sockets: readonly { readonly received: number; readonly sent: number }[] = [];
  #took = histogram();
  #late = histogram();
  #matches = 0;
  #wentBack = 0;
  #inFlight = 0;
  #hottest = 0;
  /** Called when a match is over. */
  #next: () => void = () => undefined;
  /** When those are due who find no room. */
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

  /** So many matches at a time, each followed by another at once. */
  async runClosedLoop(inFlight: number, forMs: number): Promise<LoadOutcome> {
    return this.#run(forMs, () => {
      const untilMicros = nowMicros() + forMs * 1_000;
      this.#next = () => {
        if (nowMicros() < untilMicros) this.#ask(nowMicros());
      };
      for (let i = 0; i < inFlight; i += 1) this.#next();
    });
  }

  /**
   * So many a second, at moments that do not wait for anybody.
   *
   * @param mostInFlight no more than the fleet has room for: on a machine that is too busy the others wait, and what they
   *   wait counts
   */
  async runAtRate(perSecond: number, mostInFlight: number, forMs: number): Promise<LoadOutcome> {
    const fromMicros = nowMicros() + START_MARGIN_MICROS;
    const workerData: RateTimerOptions = { perSecond, fromMicros, untilMicros: fromMicros + forMs * 1_000 };
    const metronome = new Worker(new URL('./rate-timer.js', import.meta.url), { workerData });
    this.#next = () => {
      const due = this.#backlog.shift();
      if (due !== undefined) this.#askLate(due);
    };
    metronome.on('message', (due: number) => {
      if (this.#inFlight < mostInFlight) this.#askLate(due);
      else this.#backlog.push(due);
    });
    await once(metronome, 'online');
    const [outcome] = await Promise.all([this.#run(forMs, () => undefined), once(metronome, 'exit')]);
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
    const looks = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
    await delay(forMs);
    const perSecond = (this.#matches * 1_000) / (performance.now() - startedAtMs);
    clearInterval(looks);
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
    // What was due in the last moments may not even have been asked for.
    do {
      if (performance.now() > untilMs) {
        throw new Error(`${this.#inFlight} matches came to nothing, ${this.#backlog.length} were not begun`);
      }
      await delay(SETTLE_LOOK_MS);
    } while (this.#inFlight + this.#backlog.length > 0);
  }

  #askLate(due: number): void {
    this.#late.recordValue(atLeastOne(nowMicros() - due));
    this.#ask(due);
  }

  #ask(dueMicros: number): void {
    const player = this.#free.shift();
    if (player === undefined) throw new Error('more matches than players');
    this.#inFlight += 1;
    player.play(dueMicros);
  }

  #look(): void {
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
