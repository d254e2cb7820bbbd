import { build, type Histogram } from 'hdr-histogram-js';

/** What the demo's last line says. Times in milliseconds. */
export interface DemoFigures {
  readonly store: string;
  readonly regions: number;
  readonly hosts: number;
  readonly slots: number;
  readonly seconds: number;
  readonly players: number;
  readonly matched: number;
  /** How many found no slot at once and waited, whatever became of them. */
  readonly queued: number;
  /** How many gave up waiting (`GAVE_UP`), or were refused. */
  readonly refused: number;
  readonly refusedByCode: Readonly<Record<string, number>>;
  /** How often a host held more sessions than it has slots, as counted by the hosts. */
  readonly overbooked: number;
  /** From the call of `play` to the match, as players saw it who did not have to wait in a queue. */
  readonly matchMs: { readonly p50: number; readonly p99: number };
  /** Mean RTT to the region that players got, and to the nearest one they measured. */
  readonly meanRttMs: number;
  readonly meanBestRttMs: number;
  /** Hottest host over the mean of its place, averaged over places in use (a quarter at least) and time. */
  readonly hottestOverMean: number;
  readonly peakUtilisation: number;
}

/** Counts what players and hosts of the demo saw. */
export class DemoStatistics {
  readonly #matchMicros: Histogram = build({
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });
  /** Match times since the last look, by region. */
  readonly #recentMs = new Map<string, number[]>();
  readonly #refusals = new Map<string, number>();
  #players = 0;
  #matched = 0;
  #queued = 0;
  #rttSum = 0;
  #bestRttSum = 0;
  #hottestSum = 0;
  #hottestCount = 0;
  #peak = 0;

  countPlayer(): void {
    this.#players += 1;
  }

  countQueued(): void {
    this.#queued += 1;
  }

  /** @param tookMs `undefined` for a player who waited in a queue */
  recordMatch(region: string, tookMs: number | undefined, rttMs: number, bestRttMs: number): void {
    this.#matched += 1;
    if (tookMs !== undefined) {
      this.#matchMicros.recordValue(Math.round(tookMs * 1000));
      const recent = this.#recentMs.get(region) ?? [];
      recent.push(tookMs);
      this.#recentMs.set(region, recent);
    }
    this.#rttSum += rttMs;
    this.#bestRttSum += bestRttMs;
  }

  countRefused(code: string): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
  }

  /** One look at the fleet. */
  recordSample(hottestOverMean: readonly number[], utilisation: number): void {
    for (const ratio of hottestOverMean) this.#hottestSum += ratio;
    this.#hottestCount += hottestOverMean.length;
    this.#peak = Math.max(this.#peak, utilisation);
  }

  get matches(): number {
    return this.#matched;
  }

  get waits(): number {
    return this.#queued;
  }

  get refusals(): number {
    return [...this.#refusals.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Matches into a region without a queue since the last call, and the p99 of their times in milliseconds. */
  takeRecentMatches(region: string): { readonly matches: number; readonly p99Ms: number } {
    const recent = (this.#recentMs.get(region) ?? []).sort((a, b) => a - b);
    this.#recentMs.delete(region);
    return { matches: recent.length, p99Ms: recent[Math.floor(recent.length * 0.99)] ?? 0 };
  }

  summarise(
    fleet: Pick<DemoFigures, 'store' | 'regions' | 'hosts' | 'slots' | 'overbooked' | 'seconds'>,
  ): DemoFigures {
    const mean = (sum: number, count: number): number => (count === 0 ? 0 : rounded(sum / count));
    return {
      ...fleet,
      players: this.#players,
      matched: this.#matched,
      queued: this.#queued,
      refused: this.refusals,
      refusedByCode: Object.fromEntries(this.#refusals),
      matchMs: {
        p50: rounded(this.#matchMicros.getValueAtPercentile(50) / 1000),
        p99: rounded(this.#matchMicros.getValueAtPercentile(99) / 1000),
      },
      meanRttMs: mean(this.#rttSum, this.#matched),
      meanBestRttMs: mean(this.#bestRttSum, this.#matched),
      hottestOverMean: mean(this.#hottestSum, this.#hottestCount),
      peakUtilisation: rounded(this.#peak),
    };
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
