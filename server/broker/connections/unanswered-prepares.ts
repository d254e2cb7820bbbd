import type { Heartbeat } from '@duskline/protocol';

/** A heartbeat may have been sent before the `prepare` arrived. The next one was not. */
const MIN_HEARTBEATS = 2;

interface Prepare {
  readonly epoch: number;
  /** Number of heartbeats that list prepared sessions without this one. */
  heartbeats: number;
}

/** Assignments that a host was sent with `prepare`, until it says that it is ready for them, or they end. */
export class UnansweredPrepares {
  readonly #prepares = new Map<string, Prepare>();

  add(sessionId: string, epoch: number): void {
    this.#prepares.set(sessionId, { epoch, heartbeats: 0 });
  }

  /** The session is claimed or over. */
  delete(sessionId: string): void {
    this.#prepares.delete(sessionId);
  }

  /** Nothing counts as unanswered by a host whose heartbeats do not list prepared sessions. */
  receiveHeartbeat({ prepared, sessions }: Heartbeat): void {
    if (prepared === undefined || this.#prepares.size === 0) return;
    for (const { sessionId, epoch } of [...prepared, ...sessions]) {
      if (this.#prepares.get(sessionId)?.epoch === epoch) this.#prepares.delete(sessionId);
    }
    for (const prepare of this.#prepares.values()) prepare.heartbeats += 1;
  }

  /** Whether the host has sent heartbeats since, and none of them named the assignment. */
  isUnanswered(sessionId: string, epoch: number): boolean {
    const prepare = this.#prepares.get(sessionId);
    return prepare?.epoch === epoch && prepare.heartbeats >= MIN_HEARTBEATS;
  }
}
