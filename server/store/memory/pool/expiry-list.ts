import type { ExpiringSessions, SessionEntry } from './memory-host.js';

/**
 * When sessions become due: in the order of their times; those of one time in the order in which they came.
 *
 * A chain, for nearly everything comes at its end: what lasts equally long becomes due in the order of its coming. So
 * adding and taking out cost the same however many there are. A session is in one list at a time, and its links are its own.
 */
export class ExpiryList implements ExpiringSessions {
  #first: SessionEntry | null = null;
  #last: SessionEntry | null = null;

  add(entry: SessionEntry, atMs: number): void {
    let earlier = this.#last;
    while (earlier !== null && earlier.expiresAtMs > atMs) earlier = earlier.previous;
    const later = earlier === null ? this.#first : earlier.next;
    entry.expiryList = this;
    entry.expiresAtMs = atMs;
    entry.previous = earlier;
    entry.next = later;
    if (earlier === null) this.#first = entry;
    else earlier.next = entry;
    if (later === null) this.#last = entry;
    else later.previous = entry;
  }

  remove(entry: SessionEntry): void {
    const { previous: earlier, next: later } = entry;
    if (earlier === null) this.#first = later;
    else earlier.next = later;
    if (later === null) this.#last = earlier;
    else later.previous = earlier;
    entry.expiryList = null;
    // What is not in the chain must not keep alive what is.
    entry.previous = null;
    entry.next = null;
  }

  /** Up to `limit` sessions whose time has come, the oldest first. */
  expiredBy(nowMs: number, limit: number): string[] {
    const ids: string[] = [];
    for (let entry = this.#first; entry !== null && entry.expiresAtMs <= nowMs; entry = entry.next) {
      if (ids.length >= limit) break;
      ids.push(entry.record.sessionId);
    }
    return ids;
  }

  /** All of it, in order: for the model test. */
  entries(): [sessionId: string, atMs: number][] {
    const all: [string, number][] = [];
    for (let entry = this.#first; entry !== null; entry = entry.next) {
      all.push([entry.record.sessionId, entry.expiresAtMs]);
    }
    return all;
  }
}
