import type { HistoryEvent } from '../history/events.js';
import type { Recorder, Seen } from '../history/recorder.js';
import type { TimeName } from '../plan/assertions.js';
import { monotonicMs } from './clock.js';
import { SAMPLE_NAMES, noCounts, type PhaseCounts, type WorkerCounts } from './messages.js';

const INDEX_OF = new Map(SAMPLE_NAMES.map((name, index) => [name, index]));

/** A picture that stands still for longer is an interruption: what the product promises of a move is less. */
const INTERRUPTION_MS = 2_000;

/** Counts, times and takes down what one worker's players and hosts see. */
export class Tally {
  /** For what only wants to take something down. */
  readonly recorder: Recorder = {
    record: (seen) => void this.#events.push({ atMs: monotonicMs(), ...seen }),
    merge: (events) => void this.#events.push(...events),
    events: [],
  };
  readonly #phases: PhaseCounts[] = [];
  readonly #refused: Record<string, number> = {};
  readonly #ended: Record<string, number> = {};
  readonly #connectionErrors: Record<string, number> = {};
  readonly #vanished = new Set<string>();
  #replaced = 0;
  #socketsLost = 0;
  #notAdmitted = 0;
  readonly #moves = { moved: 0, stayed: 0, interrupted: 0 };
  #events: HistoryEvent[] = [];
  #samples: number[] = [];

  record(seen: Seen): void {
    this.recorder.record(seen);
  }

  phase(index: number): PhaseCounts {
    return (this.#phases[index] ??= noCounts());
  }

  /** @param dueMs from when it counts, by the monotonic clock */
  took(name: TimeName, phase: number, dueMs: number, untilMs = monotonicMs()): void {
    this.#samples.push(INDEX_OF.get(name) ?? 0, phase, dueMs, untilMs - dueMs);
  }

  refused(code: string): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
  }

  ended(reason: string): void {
    this.#ended[reason] = (this.#ended[reason] ?? 0) + 1;
  }

  connectionError(code: string): void {
    this.#connectionErrors[code] = (this.#connectionErrors[code] ?? 0) + 1;
  }

  replaced(): void {
    this.#replaced += 1;
  }

  socketLost(): void {
    this.#socketsLost += 1;
  }

  notAdmitted(): void {
    this.#notAdmitted += 1;
  }

  /** A session began on the host that it moved to. @param stillSinceMs since when it was held still */
  moved(stillSinceMs: number): void {
    this.#moves.moved += 1;
    this.#stoodStill(stillSinceMs);
  }

  /** A move came to nothing: the session goes on where it was. */
  stayed(stillSinceMs: number): void {
    this.#moves.stayed += 1;
    this.#stoodStill(stillSinceMs);
  }

  /** A broker knows nothing of a session, and has not told its player of an end. */
  vanished(sessionId: string): void {
    this.#vanished.add(sessionId);
  }

  /** The end of a session was told, after all. */
  told(sessionId: string): void {
    this.#vanished.delete(sessionId);
  }

  get sessionsVanished(): number {
    return this.#vanished.size;
  }

  get counts(): WorkerCounts {
    return {
      phases: this.#phases,
      refused: this.#refused,
      ended: this.#ended,
      connectionErrors: this.#connectionErrors,
      replaced: this.#replaced,
      socketsLost: this.#socketsLost,
      notAdmitted: this.#notAdmitted,
      moves: this.#moves,
    };
  }

  /** What is new since the last call. */
  take(): { readonly events: readonly HistoryEvent[]; readonly samples: Float64Array } {
    const events = this.#events;
    const samples = Float64Array.from(this.#samples);
    this.#events = [];
    this.#samples = [];
    return { events, samples };
  }

  #stoodStill(sinceMs: number): void {
    const nowMs = monotonicMs();
    this.took('move', 0, sinceMs, nowMs);
    if (nowMs - sinceMs > INTERRUPTION_MS) this.#moves.interrupted += 1;
  }
}
