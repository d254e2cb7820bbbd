/** How many of the remembered tokens are looked at for each new one: those that ran out make room. */
const CHECKED_PER_USE = 4;

/** Tokens that were used, until nobody would take them any more. */
export class UsedTokens {
  readonly #expiresAtMs = new Map<string, number>();
  /** Where the next look for tokens that ran out goes on. */
  #cursor: Iterator<[string, number]> = this.#expiresAtMs.entries();

  use(playerId: string, tokenId: string, ttlMs: number, nowMs: number): boolean {
    const key = `${tokenId}:${playerId}`;
    if ((this.#expiresAtMs.get(key) ?? 0) > nowMs) return false;
    this.#deleteSomeExpired(nowMs);
    this.#expiresAtMs.set(key, nowMs + ttlMs);
    return true;
  }

  /**
   * Tokens run out in no particular order, so a hand goes round over all of them: four looks for each new one keep
   * the map below twice what is still needed, at a bounded price.
   */
  #deleteSomeExpired(nowMs: number): void {
    for (let looks = 0; looks < CHECKED_PER_USE; looks += 1) {
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
