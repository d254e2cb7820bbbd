import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientEvent, FaultEvent, FleetEvent, HistoryEvent, HostEvent } from './events.js';

/** An event without its time, which the recorder adds. */
export type UntimedEvent = ClientEvent | HostEvent | FaultEvent | FleetEvent;

/** Records events in the order of their observation. */
export interface Recorder {
  record(seen: UntimedEvent): void;
  /** Inserts events of another process of this machine, with times by the clock of this process, in the order of time. */
  merge(events: readonly HistoryEvent[]): void;
  readonly events: readonly HistoryEvent[];
}

/**
 * @param nowMs monotonic
 * @param onEvent called with each event, for checks that run meanwhile
 */
export function createRecorder(
  nowMs: () => number = () => performance.now(),
  onEvent: (event: HistoryEvent) => void = () => undefined,
): Recorder {
  const events: HistoryEvent[] = [];
  return {
    events,
    record(seen) {
      const event: HistoryEvent = { atMs: nowMs(), ...seen };
      events.push(event);
      onEvent(event);
    },
    merge(seen) {
      for (const event of seen) {
        // The event is recent, so its position is near the end.
        let index = events.length;
        while (index > 0 && events[index - 1]!.atMs > event.atMs) index -= 1;
        events.splice(index, 0, event);
        onEvent(event);
      }
    },
  };
}

/** Writes a history as NDJSON, one event on each line. */
export async function writeHistory(path: string, events: Iterable<HistoryEvent>): Promise<void> {
  function* lines(): Generator<string> {
    for (const event of events) yield `${JSON.stringify(event)}\n`;
  }
  await pipeline(Readable.from(lines()), createWriteStream(path));
}

/** Reads a history that `writeHistory` wrote, event by event. */
export async function* readHistory(path: string): AsyncGenerator<HistoryEvent> {
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (line !== '') yield JSON.parse(line) as HistoryEvent;
  }
}
