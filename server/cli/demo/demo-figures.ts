import { build, type Histogram } from 'hdr-histogram-js';

/** The figures that the demo prints at its end. Times in milliseconds. */
export interface DemoFigures {
  readonly store: string;
  readonly regions: number;
  readonly hosts: number;
  readonly slots: number;
  readonly seconds: number;
  readonly players: number;
  readonly matched: number;
  /** Players who found no free slot at once and waited in a queue, with any outcome. */
  readonly queued: number;
  /** Players who gave up waiting (`GAVE_UP`) or were refused. */
  readonly refused: number;
  readonly refusedByCode: Readonly<Record<string, number>>;
  /** Times when a host had more sessions than slots, as counted by the hosts. */
  readonly overbooked: number;
  /** Time from the call of `play` to the match, of players who were not queued. */
  readonly matchMs: { readonly p50: number; readonly p99: number };
  /** Mean RTT to the region of the match, and to the nearest region that the player measured. */
  readonly meanRttMs: number;
  readonly meanBestRttMs: number;
  /** Sessions of the hottest host over the mean of its region's pool, averaged over pools that are at least 25 % full and time. */
  readonly hottestOverMean: number;
  readonly peakUtilisation: number;
}

/** Counts of the demo's players and hosts. */
export class DemoStatistics {
  readonly #matchMicros: Histogram = build({
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });
  /** Match times since `takeRecentMatches`, by region. */
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

  /** @param tookMs `undefined` for a player who was queued */
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

  /** Adds one sample of the fleet. */
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

  /** Matches of players who were not queued, in a region since the last call, and p99 of their times in milliseconds. */
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
