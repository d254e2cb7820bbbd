import type { Dues, KeptSession } from './memory-host.js';

/**
 * When sessions become due: in the order of their times; those of one time in the order in which they came.
 *
 * A chain, for nearly everything comes at its end: what lasts equally long becomes due in the order of its coming. So
 * adding and taking out cost the same however many there are. A session is in one list at a time, and its links are its own.
 */
export class DueList implements Dues {
  #first: KeptSession | null = null;
  #last: KeptSession | null = null;

  add(kept: KeptSession, atMs: number): void {
    let earlier = this.#last;
    while (earlier !== null && earlier.dueAtMs > atMs) earlier = earlier.earlier;
    const later = earlier === null ? this.#first : earlier.later;
    kept.dueIn = this;
    kept.dueAtMs = atMs;
    kept.earlier = earlier;
    kept.later = later;
    if (earlier === null) this.#first = kept;
    else earlier.later = kept;
    if (later === null) this.#last = kept;
    else later.earlier = kept;
  }

  remove(kept: KeptSession): void {
    const { earlier, later } = kept;
    if (earlier === null) this.#first = later;
    else earlier.later = later;
    if (later === null) this.#last = earlier;
    else later.earlier = earlier;
    kept.dueIn = null;
    // What is not in the chain must not keep alive what is.
    kept.earlier = null;
    kept.later = null;
  }

  /** Up to `limit` sessions whose time has come, the oldest first. */
  dueBy(nowMs: number, limit: number): string[] {
    const ids: string[] = [];
    for (let kept = this.#first; kept !== null && kept.dueAtMs <= nowMs; kept = kept.later) {
      if (ids.length >= limit) break;
      ids.push(kept.record.sessionId);
    }
    return ids;
  }

  /** All of it, in order: for the model test. */
  entries(): [sessionId: string, atMs: number][] {
    const all: [string, number][] = [];
    for (let kept = this.#first; kept !== null; kept = kept.later) {
      all.push([kept.record.sessionId, kept.dueAtMs]);
    }
    return all;
  }
}
