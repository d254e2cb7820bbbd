import type { RegionChoice, RegionInfo } from '@duskline/protocol';
import { measureRtt, type MeasurementPlan, type RttByRegion } from './measure-rtt.js';
import { nearest } from './nearest-regions.js';
import type { ResolvedOptions } from './options.js';
import { orAborted } from './waiting.js';

/** The most regions that one `play` may name. */
const MAX_REGIONS = 64;

export interface MeasureOptions {
  /** Ends the measurement; rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
  /** Samples per region, beside the warm-up. Default 4. */
  readonly samples?: number | undefined;
  /** For a region's warm-up, and again for all its samples, in milliseconds. Default 2000. */
  readonly timeoutMs?: number | undefined;
  /** The most regions to sample: the nearest if `location` is known, else the fastest to answer. Default 8. */
  readonly limit?: number | undefined;
  /** Only these regions, or all but these. */
  readonly regions?: RegionChoice | undefined;
  /** An earlier result is good when it is not older, in milliseconds; 0 measures anew. Default: the client's. */
  readonly maxAgeMs?: number | undefined;
}

interface Measurement {
  /** What was measured; another set of regions is another measurement. */
  readonly key: string;
  readonly result: Promise<RttByRegion>;
  readonly controller: AbortController;
  /** Callers that wait for it; it stops when the last one goes. */
  waiting: number;
  /** When it was finished; absent while it runs. */
  doneAtMs?: number;
}

/** Measures regions and remembers the result. Callers that want the same at the same time share one measurement. */
export class RegionMeter {
  readonly #options: ResolvedOptions;
  readonly #closing: AbortSignal;
  #latest: Measurement | undefined;

  /** @param closing ends whatever is under way */
  constructor(options: ResolvedOptions, closing: AbortSignal) {
    this.#options = options;
    this.#closing = closing;
  }

  /** @throws DusklineError `ABORTED`, or why the client closed */
  async measure(regions: readonly RegionInfo[], options: MeasureOptions): Promise<RttByRegion> {
    const { samples = 4, timeoutMs = 2_000, limit = 8, maxAgeMs, signal } = options;
    const { clock, location, measurementMaxAgeMs, probe } = this.#options;
    const most = Math.min(limit, MAX_REGIONS);
    const open = regions.filter((region) => region.state === 'open' && isAllowed(region, options.regions));
    const likely = location === undefined ? open : nearest(open, location, most);
    const key = JSON.stringify([samples, most, likely.map(({ region, beaconUrl }) => [region, beaconUrl])]);

    let measurement = this.#latest;
    if (measurement?.key !== key || !this.#isGood(measurement, maxAgeMs ?? measurementMaxAgeMs)) {
      const controller = new AbortController();
      const plan = { probe, clock, samples, timeoutMs, limit: most, signal: controller.signal };
      measurement = this.#start(key, likely, plan, controller);
    }
    return this.#join(measurement, signal);
  }

  #isGood(measurement: Measurement, maxAgeMs: number): boolean {
    if (measurement.controller.signal.aborted) return false;
    if (measurement.doneAtMs === undefined) return true;
    const ageMs = this.#options.clock.nowMs() - measurement.doneAtMs;
    return ageMs >= 0 && ageMs < maxAgeMs;
  }

  #start(
    key: string,
    regions: readonly RegionInfo[],
    plan: MeasurementPlan,
    controller: AbortController,
  ): Measurement {
    const result = measureRtt(regions, plan);
    const measurement: Measurement = { key, result, controller, waiting: 0 };
    this.#latest = measurement;
    void result.then((rtt) => {
      measurement.doneAtMs = plan.clock.nowMs();
      // Nothing answered: the device was offline, and the next call should look again.
      if (Object.keys(rtt).length === 0 && this.#latest === measurement) this.#latest = undefined;
    });
    return measurement;
  }

  async #join(measurement: Measurement, signal: AbortSignal | undefined): Promise<RttByRegion> {
    measurement.waiting += 1;
    try {
      return { ...(await orAborted(orAborted(measurement.result, signal), this.#closing)) };
    } finally {
      measurement.waiting -= 1;
      if (measurement.waiting === 0 && measurement.doneAtMs === undefined) measurement.controller.abort();
    }
  }
}

function isAllowed({ region }: RegionInfo, choice: RegionChoice | undefined): boolean {
  return (choice?.only?.includes(region) ?? true) && !(choice?.exclude?.includes(region) ?? false);
}
