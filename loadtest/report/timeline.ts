import { LatencyHistogram } from './latency-recorder.js';

/** An interval of the run, as charts show it. Times in milliseconds. */
export interface TimelinePoint {
  /** Since the first arrival was due. */
  readonly atMs: number;
  readonly offered: number;
  readonly matched: number;
  readonly queued: number;
  readonly refused: number;
  readonly noClientFree: number;
  /** Time to match of players whose arrival was due in this interval; `null` without any. */
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  /** Sessions by region at the end of the interval. */
  readonly playing: Readonly<Record<string, number>>;
  /** Brokers and Redis that the run started, by name. `cpu` is a share of one processor. */
  readonly processes: Readonly<Record<string, { readonly cpu: number; readonly memoryBytes: number }>>;
}

export interface Totals {
  readonly offered: number;
  readonly matched: number;
  readonly queued: number;
  readonly refused: number;
  readonly noClientFree: number;
}

interface TimelineInterval {
  matches: LatencyHistogram | undefined;
  totals: Totals;
  playing: Readonly<Record<string, number>>;
  processes: TimelinePoint['processes'];
}

const NOTHING: Totals = { offered: 0, matched: 0, queued: 0, refused: 0, noClientFree: 0 };

/** Counts and times of a run, in intervals of equal length. */
export class Timeline {
  readonly intervalMs: number;
  readonly #startAtMs: number;
  readonly #intervals: TimelineInterval[] = [];

  /** @param startAtMs when the first arrival is due, by the monotonic clock */
  constructor(startAtMs: number, intervalMs: number) {
    this.#startAtMs = startAtMs;
    this.intervalMs = intervalMs;
  }

  /** @param dueMs when the arrival was due: a broker that stalls shows at the time of the stall, not after it */
  recordMatch(dueMs: number, tookMs: number): void {
    if (dueMs < this.#startAtMs) return;
    const interval = this.#at(dueMs);
    (interval.matches ??= new LatencyHistogram(2)).record(tookMs);
  }

  /** @param totals since the beginning of the run */
  recordSample(
    atMs: number,
    totals: Totals,
    playing: Readonly<Record<string, number>>,
    processes: TimelinePoint['processes'],
  ): void {
    if (atMs < this.#startAtMs) return;
    Object.assign(this.#at(atMs), { totals, playing, processes });
  }

  read(): TimelinePoint[] {
    let before = NOTHING;
    return this.#intervals.map(({ matches, totals, playing, processes }, index) => {
      // An interval without a sample has the totals of the one before.
      const now = totals === NOTHING ? before : totals;
      const latency = matches?.summarise();
      const point = {
        atMs: index * this.intervalMs,
        offered: now.offered - before.offered,
        matched: now.matched - before.matched,
        queued: now.queued - before.queued,
        refused: now.refused - before.refused,
        noClientFree: now.noClientFree - before.noClientFree,
        p50: latency?.p50 ?? null,
        p99: latency?.p99 ?? null,
        max: latency?.max ?? null,
        playing,
        processes,
      };
      before = now;
      return point;
    });
  }

  #at(atMs: number): TimelineInterval {
    const index = Math.floor((atMs - this.#startAtMs) / this.intervalMs);
    for (let i = this.#intervals.length; i <= index; i += 1) {
      this.#intervals.push({ matches: undefined, totals: NOTHING, playing: {}, processes: {} });
    }
    const interval = this.#intervals[index];
    if (interval === undefined) throw new RangeError('The time is before the first arrival.');
    return interval;
  }
}
