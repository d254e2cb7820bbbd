/** The highest epoch that has ended, by session. Bounded: beyond `limit` sessions the oldest entries are dropped. */
export class EndedEpochs {
  readonly #limit: number;
  readonly #epochs = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** 0 if no epoch of the session has ended. */
  get(sessionId: string): number {
    return this.#epochs.get(sessionId) ?? 0;
  }

  add(sessionId: string, epoch: number): void {
    const highest = Math.max(this.get(sessionId), epoch);
    // Deleted first, so that the map keeps the order of the latest change.
    this.#epochs.delete(sessionId);
    this.#epochs.set(sessionId, highest);
    for (const oldest of this.#epochs.keys()) {
      if (this.#epochs.size <= this.#limit) break;
      this.#epochs.delete(oldest);
    }
  }
}
