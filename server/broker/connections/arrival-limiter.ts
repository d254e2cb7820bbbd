/**
 * Limits how many tasks start in one turn of the event loop; further tasks start in the next turns, in order. Between two
 * turns the loop reads its sockets, so that all other work waits for at most one turn's tasks.
 */
export class ArrivalLimiter {
  readonly #tasksPerTurn: number;
  readonly #nextTurn: (run: () => void) => void;
  readonly #waiting: (() => void)[] = [];
  #startedInTurn = 0;

  /** @param nextTurn runs a callback after the event loop has read the sockets again */
  constructor(tasksPerTurn: number, nextTurn: (run: () => void) => void = setImmediate) {
    this.#tasksPerTurn = tasksPerTurn;
    this.#nextTurn = nextTurn;
  }

  /** Resolves when the task may start. */
  begin(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#startedInTurn < this.#tasksPerTurn) this.#start(resolve);
      else this.#waiting.push(resolve);
    });
  }

  #start(task: () => void): void {
    this.#startedInTurn += 1;
    if (this.#startedInTurn === 1) this.#nextTurn(() => this.#beginTurn());
    task();
  }

  #beginTurn(): void {
    this.#startedInTurn = 0;
    for (const task of this.#waiting.splice(0, this.#tasksPerTurn)) this.#start(task);
  }
}
