import type { ServerClock } from '../runtime/runtime.js';

/** Has frames that are not written yet. */
export interface PendingWriter {
  writePending(): void;
}

/**
 * Lets the sockets of a server write at the end of the current turn: after all messages that one reply of the store causes, and
 * before the event loop continues.
 *
 * A hundred answers become a hundred writes in a row, which uses the processor's caches better than alternating between code
 * and kernel, and several frames for one peer become one write.
 */
export class WriteQueue {
  readonly #clock: Pick<ServerClock, 'runAfterCallbacks'>;
  #writers: PendingWriter[] = [];

  constructor(clock: Pick<ServerClock, 'runAfterCallbacks'>) {
    this.#clock = clock;
  }

  /** Calls `writePending` at the end of the current turn. */
  schedule(writer: PendingWriter): void {
    // Scheduled from a promise callback, the writes follow all pending promise callbacks: all that awaited the same reply.
    if (this.#writers.length === 0) this.#clock.runAfterCallbacks(this.#writeAll);
    this.#writers.push(writer);
  }

  readonly #writeAll = (): void => {
    const writers = this.#writers;
    this.#writers = [];
    for (const writer of writers) writer.writePending();
  };
}
