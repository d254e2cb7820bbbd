/** How many remembered tokens each new token checks for expiry. */
const CHECKED_PER_USE = 4;

/** Tokens that were used, until no broker would accept them any more. */
export class UsedTokens {
  readonly #expiresAtMs = new Map<string, number>();
  /** Where the next check for expired tokens goes on. */
  #cursor: Iterator<[string, number]> = this.#expiresAtMs.entries();

  use(playerId: string, tokenId: string, ttlMs: number, nowMs: number): boolean {
    const key = `${tokenId}:${playerId}`;
    if ((this.#expiresAtMs.get(key) ?? 0) > nowMs) return false;
    this.#deleteSomeExpired(nowMs);
    this.#expiresAtMs.set(key, nowMs + ttlMs);
    return true;
  }

  /**
   * Tokens expire in no particular order, so a cursor cycles through all of them. Four checks for each new token keep the
   * map below twice the tokens that are still needed, at a bounded cost.
   */
  #deleteSomeExpired(nowMs: number): void {
    for (let checked = 0; checked < CHECKED_PER_USE; checked += 1) {
      const next = this.#cursor.next();
      if (next.done === true) {
        this.#cursor = this.#expiresAtMs.entries();
        return;
      }
      const [key, untilMs] = next.value;
      if (untilMs <= nowMs) this.#expiresAtMs.delete(key);
    }
  }
}
