import type { ServerClock } from '../runtime/runtime.js';

/** Default maximum number of records. When more sockets are lost at once, the oldest records are dropped. */
const MAX_RECORDS = 20_000;

/**
 * Expired and surplus records are dropped together, this share of the retention time or of the maximum at once: the oldest
 * entries of a `Map` are slow to reach while it has many deleted ones before them.
 */
const DROPPED_AT_ONCE = 1 / 16;

/** A record and the time until which it is kept. */
interface Kept<T> {
  readonly item: T;
  readonly untilMs: number;
}

/** Records by session id, oldest first. Each is kept for the same time, and their number is bounded. */
export class ExpiringRecords<T extends { readonly sessionId: string }> {
  readonly #records = new Map<string, Kept<T>>();
  #nextDropMs = 0;

  /**
   * @param retentionMs how long a record is kept after it was last added
   * @param max maximum number of records
   * @param onDropped called with each record that expired or is one too many
   */
  constructor(
    readonly retentionMs: number,
    private readonly clock: Pick<ServerClock, 'monotonicMs'>,
    readonly max: number = MAX_RECORDS,
    private readonly onDropped: (item: T) => void = () => undefined,
  ) {}

  /** Adds a record, or replaces the session's record and restarts its retention time. */
  add(item: T): void {
    const nowMs = this.clock.monotonicMs();
    this.#records.delete(item.sessionId);
    this.#records.set(item.sessionId, { item, untilMs: nowMs + this.retentionMs });
    if (nowMs >= this.#nextDropMs) this.#dropExpired(nowMs);
    if (this.#records.size > this.max) this.#dropSurplus();
  }

  forget(sessionId: string): void {
    this.#records.delete(sessionId);
  }

  /** The session's record, unless it has expired. */
  get(sessionId: string): T | undefined {
    const kept = this.#records.get(sessionId);
    return kept !== undefined && kept.untilMs > this.clock.monotonicMs() ? kept.item : undefined;
  }

  get all(): readonly T[] {
    this.#dropExpired(this.clock.monotonicMs());
    return [...this.#records.values()].map(({ item }) => item);
  }

  #dropExpired(nowMs: number): void {
    this.#nextDropMs = nowMs + this.retentionMs * DROPPED_AT_ONCE;
    for (const [sessionId, { item, untilMs }] of this.#records) {
      if (untilMs > nowMs) return;
      this.#drop(sessionId, item);
    }
  }

  #dropSurplus(): void {
    let surplus = this.#records.size - Math.ceil(this.max * (1 - DROPPED_AT_ONCE));
    for (const [sessionId, { item }] of this.#records) {
      if (surplus <= 0) return;
      this.#drop(sessionId, item);
      surplus -= 1;
    }
  }

  #drop(sessionId: string, item: T): void {
    this.#records.delete(sessionId);
    this.onDropped(item);
  }
}
