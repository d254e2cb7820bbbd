import type { DusklineError } from '../errors.js';
import type { RttOrFailure } from '../latency/measure-rtt.js';
import { MAX_REGIONS } from '../latency/nearest-regions.js';

/** Refusals that a request with other regions, or other round-trip times, may avoid. */
const REGIONAL_ERRORS: readonly string[] = [
  'NO_REGION_IN_REACH',
  'REGION_CLOSED',
  'NO_CAPACITY',
  'QUEUE_FULL',
];

/** Whether the request may succeed with other regions, or other round-trip times. */
export function isRegional({ code }: DusklineError): boolean {
  return REGIONAL_ERRORS.includes(code);
}

/** What a later measurement changes about a request. */
export interface WiderSearch {
  /** For the next `play`. */
  readonly rtt: RttOrFailure;
  /** Whether the nearest region is one that the request did not name as near. */
  readonly isNearestNew: boolean;
}

/** The search for other regions of one `play`. It runs at most once. */
export class RegionSearch {
  /** Whether the request was repeated with the result of the search. */
  isUsed = false;
  readonly #search: () => Promise<WiderSearch | undefined>;
  #result: Promise<WiderSearch | undefined> | undefined;

  constructor(search: () => Promise<WiderSearch | undefined>) {
    this.#search = search;
  }

  get result(): Promise<WiderSearch | undefined> {
    return (this.#result ??= this.#search());
  }
}

/** Compares what `play` said with a later measurement. Returns `undefined` if no region is nearer than `play` said. */
export function widenSearch(sent: RttOrFailure, measured: RttOrFailure): WiderSearch | undefined {
  const isNew = ([region, rttMs]: [string, number | null]): boolean => {
    const sentMs = sent[region] ?? Infinity;
    // Measurements of the same region differ by this much.
    return rttMs !== null && sentMs - rttMs > Math.max(5, rttMs / 5);
  };
  const entries = Object.entries({ ...sent, ...measured }).sort(
    ([, a], [, b]) => (a ?? Infinity) - (b ?? Infinity),
  );
  if (!entries.some(isNew)) return undefined;
  const [nearest] = entries;
  return {
    rtt: Object.fromEntries(entries.slice(0, MAX_REGIONS)),
    isNearestNew: nearest !== undefined && isNew(nearest),
  };
}
