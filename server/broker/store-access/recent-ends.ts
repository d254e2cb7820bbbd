import type { RegionPool } from '../../domain/catalog.js';
import { REVERSIBLE_REASONS, type RecordedEnd, type SessionRecord } from '../../store/fleet-store.js';

/** The end of a session, as this broker ordered or learned it from the store. */
export interface RecentEnd extends RecordedEnd {
  readonly regionPool: RegionPool;
}

/** Longer than most outages of a store. While it is unreachable no session ends, so the last ends before it are kept. */
const KEPT_MS = 600_000;

/** Beyond this number the oldest ends are forgotten: their hosts have heard of them. */
const MAX_ENDS = 5_000;

/** So long an end is repeated that the store did not know the session of: it may lose its data several times in a row. */
const UNCERTAIN_MS = 10_000;

/** By session id, the oldest first. */
type DatedEnds = Map<string, RecentEnd & { readonly atMs: number }>;

/**
 * The sessions that ended lately by calls of this broker. A store that loses its data also forgets these ends, while the hosts of
 * the sessions may not have heard of them yet.
 */
export class RecentEnds {
  readonly #ends: DatedEnds = new Map();
  readonly #uncertain: DatedEnds = new Map();

  /** @param now monotonic clock, in milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Remembers the end of a session, unless its host may revoke it. */
  add(regionPool: RegionPool, { sessionId, epoch, hostId, reason }: SessionRecord): void {
    if (reason === null || REVERSIBLE_REASONS.includes(reason)) return;
    addNewest(this.#ends, { regionPool, sessionId, epoch, hostId, reason, atMs: this.now() });
    dropOld(this.#ends, this.now() - KEPT_MS);
  }

  /** The store did not know this session when it ended. */
  markUncertain(sessionId: string): void {
    const end = this.#ends.get(sessionId);
    if (end !== undefined) addNewest(this.#uncertain, end);
  }

  get all(): readonly RecentEnd[] {
    dropOld(this.#ends, this.now() - KEPT_MS);
    return [...this.#ends.values()];
  }

  get uncertain(): readonly RecentEnd[] {
    dropOld(this.#uncertain, this.now() - UNCERTAIN_MS);
    return [...this.#uncertain.values()];
  }
}

function addNewest(ends: DatedEnds, end: RecentEnd & { readonly atMs: number }): void {
  ends.delete(end.sessionId);
  ends.set(end.sessionId, end);
}

function dropOld(ends: DatedEnds, beforeMs: number): void {
  for (const [sessionId, { atMs }] of ends) {
    if (atMs >= beforeMs && ends.size <= MAX_ENDS) return;
    ends.delete(sessionId);
  }
}
