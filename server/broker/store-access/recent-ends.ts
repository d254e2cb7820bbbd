import type { RegionPool } from '../../domain/catalog.js';
import { isReversible } from '../../domain/session-state.js';
import type { ServerClock } from '../../runtime/runtime.js';
import type { RecordedEnd, SessionRecord } from '../../store/fleet-store.js';
import { ExpiringRecords } from '../expiring-records.js';

/** The end of a session, as this broker ordered or learned it from the store. */
export interface RecentEnd extends RecordedEnd {
  readonly regionPool: RegionPool;
}

/** Longer than most outages of a store. While it is unreachable no session ends, so the last ends before it are kept. */
const KEPT_MS = 600_000;

/** Beyond this number the oldest ends are forgotten: their hosts have received them by then. */
const MAX_ENDS = 5_000;

/** How long an end is recorded again if the store did not know its session: it may lose its data several times in a row. */
const UNCERTAIN_MS = 10_000;

/**
 * The sessions that ended lately by calls of this broker. A store that loses its data also forgets these ends, while the hosts of
 * the sessions may not have received them yet.
 */
export class RecentEnds {
  readonly #ends: ExpiringRecords<RecentEnd>;
  readonly #uncertain: ExpiringRecords<RecentEnd>;

  constructor(clock: Pick<ServerClock, 'monotonicMs'>) {
    this.#ends = new ExpiringRecords(KEPT_MS, clock, MAX_ENDS);
    this.#uncertain = new ExpiringRecords(UNCERTAIN_MS, clock, MAX_ENDS);
  }

  /** Remembers the end of a session, unless its host may reverse it. */
  add(regionPool: RegionPool, { sessionId, epoch, hostId, reason }: SessionRecord): void {
    if (reason === null || isReversible(reason)) return;
    this.#ends.add({ regionPool, sessionId, epoch, hostId, reason });
  }

  /** The store did not know this session when it ended just now. */
  markUncertain(sessionId: string): void {
    const end = this.#ends.get(sessionId);
    if (end !== undefined) this.#uncertain.add(end);
  }

  get all(): readonly RecentEnd[] {
    return this.#ends.all;
  }

  get uncertain(): readonly RecentEnd[] {
    return this.#uncertain.all;
  }
}
