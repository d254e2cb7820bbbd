import type { Clock } from '@duskline/sdk-runtime';
import type { RegionChoice, RegionInfo } from '@duskline/protocol';
import type { Probe } from './beacon-probe.js';
import { measureRtt, type MeasurementPlan, type RttOrFailure } from './measure-rtt.js';
import { findNearest, type Coordinates } from './nearest-regions.js';
import { waitUnlessAborted } from '../runtime/promises.js';

/** The most regions that one `play` may name. */
const MAX_REGIONS = 64;

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
  /** How many regions are sampled at most: the nearest if `location` is known, else those that answer first. Default 8. */
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

/** Measures regions and stores the result. Concurrent calls with equal options share one measurement. */
export class RegionMeter {
  readonly #settings: RegionMeterSettings;
  readonly #closing: AbortSignal;
  #latest: Measurement | undefined;

  /** @param closing stops the measurement that runs */
  constructor(settings: RegionMeterSettings, closing: AbortSignal) {
    this.#settings = settings;
    this.#closing = closing;
  }

  /** @throws DusklineError `ABORTED`, or why the client closed */
  async measure(regions: readonly RegionInfo[], options: MeasureOptions): Promise<RttOrFailure> {
    const { samples = 4, timeoutMs = 2_000, limit = 8, maxAgeMs, signal } = options;
    const { clock, location, measurementMaxAgeMs, probe } = this.#settings;
    const maxRegions = Math.min(limit, MAX_REGIONS);
    const open = regions.filter((region) => region.state === 'open' && isAllowed(region, options.regions));
    const candidates = location === undefined ? open : findNearest(open, location, maxRegions);
    const key = JSON.stringify([
      samples,
      maxRegions,
      candidates.map(({ region, beaconUrl }) => [region, beaconUrl]),
    ]);

    let measurement = this.#latest;
    if (measurement?.key !== key || !this.#isFresh(measurement, maxAgeMs ?? measurementMaxAgeMs)) {
      const controller = new AbortController();
      const plan = { probe, clock, samples, timeoutMs, limit: maxRegions, signal: controller.signal };
      measurement = this.#startMeasurement(key, candidates, plan, controller);
    }
    return this.#awaitResult(measurement, signal);
  }

  #isFresh(measurement: Measurement, maxAgeMs: number): boolean {
    if (measurement.controller.signal.aborted) return false;
    if (measurement.finishedAtMs === undefined) return true;
    const ageMs = this.#settings.clock.wallMs() - measurement.finishedAtMs;
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
    this.#latest = measurement;
    void result.then((rtt) => {
      measurement.finishedAtMs = plan.clock.wallMs();
      // The device was offline, so the next call measures again.
      if (!hasMeasured(rtt) && this.#latest === measurement) this.#latest = undefined;
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

/** Whether at least one region answered. */
export function hasMeasured(rtt: Readonly<RttOrFailure>): boolean {
  return Object.values(rtt).some((rttMs) => rttMs !== null);
}

function isAllowed({ region }: RegionInfo, choice: RegionChoice | undefined): boolean {
  return (choice?.only?.includes(region) ?? true) && !(choice?.exclude?.includes(region) ?? false);
}
