interface Due {
  readonly sessionId: string;
  readonly atMs: number;
  before: Due | undefined;
  after: Due | undefined;
}

/**
 * When sessions become due: in the order of their times; those of one time in the order in which they came.
 *
 * A chain, for nearly everything comes at its end: what lasts equally long becomes due in the order of its coming. So
 * adding and taking out cost the same however many there are.
 */
export class DueList {
  readonly #dues = new Map<string, Due>();
  #first: Due | undefined;
  #last: Due | undefined;

  set(sessionId: string, atMs: number): void {
    this.delete(sessionId);
    let before = this.#last;
    while (before !== undefined && before.atMs > atMs) before = before.before;
    const after = before === undefined ? this.#first : before.after;
    const due = { sessionId, atMs, before, after };
    if (before === undefined) this.#first = due;
    else before.after = due;
    if (after === undefined) this.#last = due;
    else after.before = due;
    this.#dues.set(sessionId, due);
  }

  delete(sessionId: string): void {
    const due = this.#dues.get(sessionId);
    if (due === undefined) return;
    const { before, after } = due;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    this.#dues.delete(sessionId);
  }

  isDue(sessionId: string, nowMs: number): boolean {
    const due = this.#dues.get(sessionId);
    return due !== undefined && due.atMs <= nowMs;
  }

  /** Up to `limit` sessions whose time has come, the oldest first. */
  dueBy(nowMs: number, limit: number): string[] {
    const ids: string[] = [];
    for (let due = this.#first; due !== undefined && due.atMs <= nowMs; due = due.after) {
      if (ids.length >= limit) break;
      ids.push(due.sessionId);
    }
    return ids;
  }

  /** All of it, in order: for the model test. */
  entries(): [sessionId: string, atMs: number][] {
    const all: [string, number][] = [];
    for (let due = this.#first; due !== undefined; due = due.after) all.push([due.sessionId, due.atMs]);
    return all;
  }
}
