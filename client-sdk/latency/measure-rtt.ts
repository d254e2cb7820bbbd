import type { Clock } from '@duskline/sdk-runtime';
import type { RegionInfo } from '@duskline/protocol';
import type { Probe } from './beacon-probe.js';
import { onAbort, waitUnlessAborted } from '../runtime/promises.js';
import { limitOpenRegions } from './nearest-regions.js';

/** Concurrent warm-ups. A warm-up includes the DNS lookup, TCP and TLS, so contention does not matter. */
const CONCURRENT_WARM_UPS = 6;

/** Regions that are sampled concurrently. Few, because samples that share the device's uplink delay each other. */
const CONCURRENT_REGIONS = 3;

/** The protocol's upper bound for `rtt` values. */
const MAX_RTT_MS = 10_000;

export interface MeasurementPlan {
  readonly probe: Probe;
  readonly clock: Clock;
  /** Samples per region, in addition to the warm-up. */
  readonly samples: number;
  /** Time limit for a region's warm-up, and again for all its samples. A slower region is left out. */
  readonly timeoutMs: number;
  /** How many open regions are sampled at most: those with the fastest warm-up. Closed ones that are as fast are sampled too. */
  readonly limit: number;
  /** Names of regions that are sampled before all others if they answer. */
  readonly prefer: readonly string[];
  readonly signal: AbortSignal;
}

/** Milliseconds by region, without the regions that did not answer in time. */
export type RttByRegion = Record<string, number>;

/** Milliseconds by region; `null` for a region that did not answer in time. */
export type RttOrFailure = Record<string, number | null>;

/**
 * Measures the round-trip times to regions. Each region gets a warm-up, which is not counted. The fastest regions then get
 * samples, one after another within a region, and the result is the median. If fewer than `plan.limit` open regions have a result,
 * it names failed ones up to that number.
 *
 * Never rejects: when `plan.signal` aborts, regions that are not measured yet count as failed.
 */
export async function measureRtt(
  regions: readonly RegionInfo[],
  plan: MeasurementPlan,
): Promise<RttOrFailure> {
  const warmUps = await mapConcurrently(regions, CONCURRENT_WARM_UPS, async (region) => ({
    region,
    rttMs: await resolveInTime(plan, (signal) => plan.probe(region, signal)),
  }));
  const answers = warmUps.flatMap(({ region, rttMs }) => (rttMs === undefined ? [] : [{ region, rttMs }]));
  const rank = ({ region, rttMs }: (typeof answers)[number]): number =>
    plan.prefer.includes(region.region) ? rttMs - MAX_RTT_MS : rttMs;
  const fastest = answers.sort((a, b) => rank(a) - rank(b)).map(({ region }) => region);
  const sampled = await mapConcurrently(
    limitOpenRegions(fastest, plan.limit),
    CONCURRENT_REGIONS,
    async (region) => ({
      region,
      rttMs: await resolveInTime(plan, (signal) => sampleRegion(region, plan, signal)),
    }),
  );
  const rtt = new Map(sampled.map(({ region, rttMs }) => [region, rttMs]));
  const failed = [...warmUps, ...sampled].flatMap(({ region, rttMs }) =>
    rttMs === undefined ? [region] : [],
  );
  const answered = sampled.flatMap(({ region, rttMs }) => (rttMs === undefined ? [] : [region]));
  return Object.fromEntries(
    limitOpenRegions([...answered, ...failed], plan.limit).map((region) => {
      const rttMs = rtt.get(region);
      return [region.region, rttMs === undefined ? null : Math.min(MAX_RTT_MS, Math.round(rttMs * 10) / 10)];
    }),
  );
}

/** The median of a region's samples; `undefined` if more than half of them failed. */
async function sampleRegion(
  region: RegionInfo,
  plan: MeasurementPlan,
  signal: AbortSignal,
): Promise<number | undefined> {
  const samples: number[] = [];
  for (let taken = 0; taken < plan.samples && !signal.aborted; taken += 1) {
    const rttMs = await plan.probe(region, signal).catch(() => Number.NaN);
    if (rttMs >= 0) samples.push(rttMs);
  }
  return samples.length * 2 >= plan.samples ? median(samples) : undefined;
}

/** The middle value, or the mean of the two middle values. */
function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}

/** The result of `work`, or `undefined` if it fails, is aborted or takes too long. */
async function resolveInTime(
  plan: MeasurementPlan,
  work: (signal: AbortSignal) => Promise<number | undefined>,
): Promise<number | undefined> {
  if (plan.signal.aborted) return undefined;
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const cancelTimer = plan.clock.setTimer(stop, plan.timeoutMs);
  const removeListener = onAbort(plan.signal, stop);
  try {
    return await waitUnlessAborted(work(controller.signal), controller.signal);
  } catch {
    return undefined;
  } finally {
    cancelTimer();
    removeListener();
  }
}

/** Maps items in order, at most `limit` at a time. */
async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
