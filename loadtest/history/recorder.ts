import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientEvent, FaultEvent, FleetEvent, HistoryEvent, HostEvent } from './events.js';

/** An event without its time: the recorder stamps it. */
export type UntimedEvent = ClientEvent | HostEvent | FaultEvent | FleetEvent;

/** Takes down what observers see, in the order in which they see it. */
export interface Recorder {
  record(seen: UntimedEvent): void;
  /** Puts what another process of this machine saw, by the clock of this one, where it belongs in time. */
  merge(events: readonly HistoryEvent[]): void;
  readonly events: readonly HistoryEvent[];
}

/**
 * @param nowMs monotonic
 * @param onEvent hears every event at once, for checks that go along
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
        // It was seen a moment ago: its place is near the end.
        let index = events.length;
        while (index > 0 && events[index - 1]!.atMs > event.atMs) index -= 1;
        events.splice(index, 0, event);
        onEvent(event);
      }
    },
  };
}

/** Writes a history as NDJSON: one event a line. */
export async function writeHistory(path: string, events: Iterable<HistoryEvent>): Promise<void> {
  function* lines(): Generator<string> {
    for (const event of events) yield `${JSON.stringify(event)}\n`;
  }
  await pipeline(Readable.from(lines()), createWriteStream(path));
}

/** Reads one that `writeHistory` wrote, an event at a time. */
export async function* readHistory(path: string): AsyncGenerator<HistoryEvent> {
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (line !== '') yield JSON.parse(line) as HistoryEvent;
  }
}
