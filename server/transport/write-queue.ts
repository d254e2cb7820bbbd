/** Something that has frames which are not written yet. */
export interface PendingWriter {
  writePending(): void;
}

let pendingWriters: PendingWriter[] = [];

/**
 * Has it write when the work of this moment is done: when a reply of the store has been told to all whom it concerns, and
 * before the event loop turns to anything else.
 *
 * A hundred answers to one reply are then a hundred writes in a row: code and kernel each do their work without the other in
 * between, peers on the other side wake up once, and several frames for one peer are one write.
 */
export function scheduleWrite(one: PendingWriter): void {
  // Ticks come after promises: all that waited for the same reply has run by then.
  if (pendingWriters.length === 0) process.nextTick(writeAll);
  pendingWriters.push(one);
}

function writeAll(): void {
  const all = pendingWriters;
  pendingWriters = [];
  for (const one of all) one.writePending();
}
