import type { RegionChoice, RegionInfo } from '@duskline/protocol';
import type { Clock } from '@duskline/sdk-runtime';
import { waitUnlessAborted } from '../runtime/promises.js';
import type { Probe } from './beacon-probe.js';
import { measureRtt, type RttOrFailure, type MeasurementPlan } from './measure-rtt.js';
import { distanceKm, sortByDistance, limitOpenRegions, type Coordinates } from './nearest-regions.js';

/** How many measurements are kept, so that a few choices of regions do not displace each other. */
const MAX_MEASUREMENTS = 4;

const DEFAULT_LIMIT = 8;

/** The result of a search is reused for this time, in milliseconds: many players search when there are no free slots. */
const SEARCH_MAX_AGE_MS = 60_000;

/** Time limit of a search, in milliseconds. A refusal waits for the search, and a slower region is too far away to play. */
const SEARCH_TIMEOUT_MS = 1_000;

/** Round-trip time of a device's own access network, with some slack, in milliseconds. */
const ACCESS_MS = 40;

/** Distance for each millisecond of round-trip time, at half the speed of light in fibre: routes are not straight. */
const KM_PER_MS = 50;

/** The options of the client that a measurement reads. */
export interface RegionMeterSettings {
  readonly clock: Clock;
  readonly location?: Coordinates | undefined;
  readonly measurementMaxAgeMs: number;
  readonly probe: Probe;
}

export interface MeasureOptions {
  /** Stops the measurement, which rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
  /** Samples per region, in addition to the warm-up. Default 4. */
  readonly samples?: number | undefined;
  /** Time limit for a region's warm-up, and again for all its samples, in milliseconds. Default 2000. */
  readonly timeoutMs?: number | undefined;
  /**
   * How many regions are sampled at most: those that `regions` prefers, then the nearest if `location` is known, else those that
   * answer first. Default 8.
   */
  readonly limit?: number | undefined;
  /** Only these regions, or all except these. Default: all. */
  readonly regions?: RegionChoice | undefined;
  /** An earlier result is reused up to this age, in milliseconds. 0 measures again. Default: `measurementMaxAgeMs`. */
  readonly maxAgeMs?: number | undefined;
}

interface Measurement {
  /** Identifies what was measured. Another set of regions needs another measurement. */
  readonly key: string;
  readonly result: Promise<RttOrFailure>;
  readonly controller: AbortController;
  /** How many callers wait for the result. The measurement stops when none is left. */
  callers: number;
  /** Absent while the measurement runs. */
  finishedAtMs?: number;
}

/** Measures regions and stores the results. Concurrent calls with equal options share one measurement. */
export class RegionMeter {
  readonly #settings: RegionMeterSettings;
  readonly #closing: AbortSignal;
  /** The newest first. */
  #measurements: Measurement[] = [];

  /** @param closing stops the measurement that runs */
  constructor(settings: RegionMeterSettings, closing: AbortSignal) {
    this.#settings = settings;
    this.#closing = closing;
  }

  /** The device may be in another network, so finished measurements are not reused. */
  forget(): void {
    this.#measurements = this.#measurements.filter(({ finishedAtMs }) => finishedAtMs === undefined);
  }

  /**
   * Measures the regions near `location`, and all when none of them is as near as the map says: the location may be wrong, or
   * traffic may take another way. Without a location measures all.
   *
   * @returns nothing if no region answered, unless operators closed all of them
   * @throws DusklineError `ABORTED`, or why the client closed
   */
  async measure(regions: readonly RegionInfo[], options: MeasureOptions): Promise<RttOrFailure> {
    const { location } = this.#settings;
    const allowed = selectAllowed(regions, options);
    if (location === undefined) return this.#measure(allowed, options);
    const nearest = limitOpenRegions(sortByDistance(allowed, location), options.limit ?? DEFAULT_LIMIT);
    const { prefer = [] } = options.regions ?? {};
    const measured = allowed.filter((region) => nearest.includes(region) || prefer.includes(region.region));
    const near = await this.#measure(measured, options);
    const isEnough = nearest.length === allowed.length || isPlausible(near, nearest, location);
    return isEnough ? near : this.#measure(allowed, options);
  }

  /** Looks for regions beyond those near `location`, or for what changed since the last measurement. */
  search(regions: readonly RegionInfo[], options: MeasureOptions): Promise<RttOrFailure> {
    const limit = this.#settings.location === undefined ? DEFAULT_LIMIT : 2 * DEFAULT_LIMIT;
    return this.#measure(selectAllowed(regions, options), {
      ...options,
      limit,
      timeoutMs: SEARCH_TIMEOUT_MS,
      maxAgeMs: SEARCH_MAX_AGE_MS,
    });
  }

  async #measure(regions: readonly RegionInfo[], options: MeasureOptions): Promise<RttOrFailure> {
    const { samples = 4, timeoutMs = 2_000, limit = DEFAULT_LIMIT, maxAgeMs, signal } = options;
    const { prefer = [] } = options.regions ?? {};
    const { clock, measurementMaxAgeMs, probe } = this.#settings;
    const key = JSON.stringify([
      samples,
      limit,
      prefer,
      regions.map(({ region, beaconUrl }) => [region, beaconUrl]),
    ]);
    let measurement = this.#measurements.find((other) => other.key === key);
    if (measurement === undefined || !this.#isFresh(measurement, maxAgeMs ?? measurementMaxAgeMs)) {
      const controller = new AbortController();
      const plan = { probe, clock, samples, timeoutMs, limit, prefer, signal: controller.signal };
      measurement = this.#startMeasurement(key, regions, plan, controller);
    }
    const rtt = await this.#awaitResult(measurement, signal);
    // Without any answer the device may be offline.
    return hasAnswers(rtt) || regions.every(({ state }) => state !== 'open') ? rtt : {};
  }

  #isFresh({ controller, finishedAtMs }: Measurement, maxAgeMs: number): boolean {
    if (controller.signal.aborted) return false;
    if (finishedAtMs === undefined) return true;
    const ageMs = this.#settings.clock.wallMs() - finishedAtMs;
    return ageMs >= 0 && ageMs < maxAgeMs;
  }

  #startMeasurement(
    key: string,
    regions: readonly RegionInfo[],
    plan: MeasurementPlan,
    controller: AbortController,
  ): Measurement {
    const result = measureRtt(regions, plan);
    const measurement: Measurement = { key, result, controller, callers: 0 };
    const others = this.#measurements.filter((other) => other.key !== key);
    this.#measurements = [measurement, ...others].slice(0, MAX_MEASUREMENTS);
    void result.then((measured) => {
      measurement.finishedAtMs = plan.clock.wallMs();
      // The device was offline, so the next call measures again.
      if (!hasAnswers(measured))
        this.#measurements = this.#measurements.filter((other) => other !== measurement);
    });
    return measurement;
  }

  async #awaitResult(measurement: Measurement, signal: AbortSignal | undefined): Promise<RttOrFailure> {
    measurement.callers += 1;
    try {
      return { ...(await waitUnlessAborted(waitUnlessAborted(measurement.result, signal), this.#closing)) };
    } finally {
      measurement.callers -= 1;
      if (measurement.callers === 0 && measurement.finishedAtMs === undefined) measurement.controller.abort();
    }
  }
}

function selectAllowed(regions: readonly RegionInfo[], { regions: choice }: MeasureOptions): RegionInfo[] {
  return regions.filter(
    ({ region }) => (choice?.only?.includes(region) ?? true) && !(choice?.exclude?.includes(region) ?? false),
  );
}

function hasAnswers(rtt: RttOrFailure): boolean {
  return Object.values(rtt).some((rttMs) => rttMs !== null);
}

/** Whether the best region answers about as fast as its distance suggests. */
function isPlausible(measured: RttOrFailure, regions: readonly RegionInfo[], location: Coordinates): boolean {
  return regions.some((region) => {
    const rttMs = measured[region.region] ?? Infinity;
    return rttMs <= ACCESS_MS + distanceKm(location, region) / KM_PER_MS;
  });
}
