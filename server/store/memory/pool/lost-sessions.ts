import type { SessionRecord } from '../../contracts/session-record.js';
import { LOST_FIRST_MS, MAX_LOST_FIRST } from '../../contracts/sessions.js';

/** Sessions that have just lost their host: a free slot is kept for each of them for a while. See `SessionStore.reserve`. */
export class LostSessions {
  /** By session, in the order in which the times end. */
  readonly #untilMs = new Map<string, number>();

  /** Adds a session that ended with `host_lost`, if a broker can place it again. */
  add({ sessionId, clientBrokerId, meta }: SessionRecord, nowMs: number): void {
    if (clientBrokerId === '' || meta === null || meta.endsWithHost === true) return;
    if (this.count(nowMs) >= MAX_LOST_FIRST) return;
    this.#untilMs.delete(sessionId);
    this.#untilMs.set(sessionId, nowMs + LOST_FIRST_MS);
  }

  /** Removes a session if a slot is kept for it now, and returns whether one was. */
  take(sessionId: string, nowMs: number): boolean {
    return (this.#untilMs.get(sessionId) ?? 0) > nowMs && this.#untilMs.delete(sessionId);
  }

  delete(sessionId: string): void {
    this.#untilMs.delete(sessionId);
  }

  /** How many slots are kept. Forgets the sessions whose time is over. */
  count(nowMs: number): number {
    this.#forgetUntil(nowMs);
    return this.#untilMs.size;
  }

  /** All sessions with their times, also those whose time is over: for the model test. */
  entries(): [sessionId: string, untilMs: number][] {
    return [...this.#untilMs];
  }

  #forgetUntil(nowMs: number): void {
    for (const [sessionId, untilMs] of this.#untilMs) {
      if (untilMs > nowMs) return;
      this.#untilMs.delete(sessionId);
    }
  }
}
