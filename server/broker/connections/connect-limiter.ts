import type { ServerClock } from '../../runtime/runtime.js';

/**
 * Limits how many tasks start in one turn of the event loop; further tasks start in the next turns, in order. Between two
 * turns the loop reads its sockets, so that all other work waits for at most one turn's tasks.
 */
export class ConnectLimiter {
  readonly #tasksPerTurn: number;
  readonly #clock: Pick<ServerClock, 'runNextTurn'>;
  readonly #waiting: (() => void)[] = [];
  #startedInTurn = 0;

  constructor(tasksPerTurn: number, clock: Pick<ServerClock, 'runNextTurn'>) {
    this.#tasksPerTurn = tasksPerTurn;
    this.#clock = clock;
  }

  /** Resolves when the task may start. */
  waitForTurn(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#startedInTurn < this.#tasksPerTurn) this.#start(resolve);
      else this.#waiting.push(resolve);
    });
  }

  #start(task: () => void): void {
    this.#startedInTurn += 1;
    if (this.#startedInTurn === 1) this.#clock.runNextTurn(() => this.#beginTurn());
    task();
  }

  #beginTurn(): void {
    this.#startedInTurn = 0;
    for (const task of this.#waiting.splice(0, this.#tasksPerTurn)) this.#start(task);
  }
}
