/** Has frames that are not written yet. */
export interface PendingWriter {
  writePending(): void;
}

let pendingWriters: PendingWriter[] = [];

/**
 * Schedules `writePending` for the end of the current turn: after all messages that one reply of the store causes, and before
 * the event loop continues.
 *
 * A hundred answers become a hundred writes in a row, which uses the processor's caches better than alternating between code
 * and kernel, and several frames for one peer become one write.
 */
export function scheduleWrite(writer: PendingWriter): void {
  // A tick scheduled from a promise callback runs after all pending promise callbacks: all that awaited the same reply.
  if (pendingWriters.length === 0) process.nextTick(writeAll);
  pendingWriters.push(writer);
}

function writeAll(): void {
  const writers = pendingWriters;
  pendingWriters = [];
  for (const writer of writers) writer.writePending();
}
