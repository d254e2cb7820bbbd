/** Default maximum number of records. When more sockets are lost at once, the oldest records are dropped. */
const MAX_RECORDS = 20_000;

/** Records by session id, oldest first. Each is kept for the same time, and their number is bounded. */
export class ExpiringRecords<T extends { readonly sessionId: string }> {
  readonly #records = new Map<string, { readonly item: T; readonly untilMs: number }>();

  /**
   * @param retentionMs how long a record is kept after it was last added
   * @param max maximum number of records
   * @param now monotonic clock, in milliseconds
   */
  constructor(
    readonly retentionMs: number,
    readonly max: number = MAX_RECORDS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Adds a record, or replaces the session's record and restarts its retention time. */
  add(item: T): void {
    this.#records.delete(item.sessionId);
    this.#records.set(item.sessionId, { item, untilMs: this.now() + this.retentionMs });
    this.#dropExpired();
  }

  forget(sessionId: string): void {
    this.#records.delete(sessionId);
  }

  get(sessionId: string): T | undefined {
    return this.#records.get(sessionId)?.item;
  }

  get all(): readonly T[] {
    this.#dropExpired();
    return [...this.#records.values()].map(({ item }) => item);
  }

  #dropExpired(): void {
    const nowMs = this.now();
    for (const [sessionId, { untilMs }] of this.#records) {
      if (untilMs > nowMs && this.#records.size <= this.max) return;
      this.#records.delete(sessionId);
    }
  }
}
