/**
 * Lets so much work begin in one turn of the event loop; the rest begins in the next turns, in order. Between two turns
 * the loop reads its sockets, so that whoever is not held to the budget never waits for more than one turn of it.
 */
export class ArrivalLimiter {
  readonly #perTurn: number;
  readonly #nextTurn: (run: () => void) => void;
  readonly #waiting: (() => void)[] = [];
  #spent = 0;

  /** @param nextTurn runs something once, when the sockets were read again */
  constructor(perTurn: number, nextTurn: (run: () => void) => void = setImmediate) {
    this.#perTurn = perTurn;
    this.#nextTurn = nextTurn;
  }

  /** Resolves when the work may begin. */
  begin(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#spent < this.#perTurn) this.#spend(resolve);
      else this.#waiting.push(resolve);
    });
  }

  #spend(begin: () => void): void {
    this.#spent += 1;
    if (this.#spent === 1) this.#nextTurn(() => this.#turn());
    begin();
  }

  #turn(): void {
    this.#spent = 0;
    for (const begin of this.#waiting.splice(0, this.#perTurn)) this.#spend(begin);
  }
}
