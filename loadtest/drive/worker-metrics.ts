import type { HistoryEvent } from '../history/events.js';
import type { Recorder, UntimedEvent } from '../history/recorder.js';
import type { TimingName } from '../plan/assertions.js';
import { monotonicMs } from './clock.js';
import { SAMPLE_TIMINGS, createPhaseCounts, type PhaseCounts, type WorkerCounts } from './worker-messages.js';

const INDEX_OF = new Map(SAMPLE_TIMINGS.map((name, index) => [name, index]));

/** A picture that stands still for longer is an interruption: what the product promises of a move is less. */
const INTERRUPTION_MS = 2_000;

/** Counts, times and takes down what one worker's players and hosts see. */
export class WorkerMetrics {
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

  record(seen: UntimedEvent): void {
    this.recorder.record(seen);
  }

  phaseCounts(index: number): PhaseCounts {
    return (this.#phases[index] ??= createPhaseCounts());
  }

  /** @param dueMs from when it counts, by the monotonic clock */
  recordTiming(name: TimingName, phase: number, dueMs: number, untilMs = monotonicMs()): void {
    this.#samples.push(INDEX_OF.get(name) ?? 0, phase, dueMs, untilMs - dueMs);
  }

  countRefused(code: string): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
  }

  countEnded(reason: string): void {
    this.#ended[reason] = (this.#ended[reason] ?? 0) + 1;
  }

  countConnectionError(code: string): void {
    this.#connectionErrors[code] = (this.#connectionErrors[code] ?? 0) + 1;
  }

  countReplaced(): void {
    this.#replaced += 1;
  }

  countSocketLost(): void {
    this.#socketsLost += 1;
  }

  countNotAdmitted(): void {
    this.#notAdmitted += 1;
  }

  /** A session began on the host that it moved to. @param pausedSinceMs since when it was held still */
  countMoved(pausedSinceMs: number): void {
    this.#moves.moved += 1;
    this.#recordInterruption(pausedSinceMs);
  }

  /** A move came to nothing: the session goes on where it was. */
  countMoveFailed(pausedSinceMs: number): void {
    this.#moves.stayed += 1;
    this.#recordInterruption(pausedSinceMs);
  }

  /** A broker knows nothing of a session, and has not told its player of an end. */
  addVanishedSession(sessionId: string): void {
    this.#vanished.add(sessionId);
  }

  /** The end of a session was told, after all. */
  removeVanishedSession(sessionId: string): void {
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
  takeNew(): { readonly events: readonly HistoryEvent[]; readonly samples: Float64Array } {
    const events = this.#events;
    const samples = Float64Array.from(this.#samples);
    this.#events = [];
    this.#samples = [];
    return { events, samples };
  }

  #recordInterruption(sinceMs: number): void {
    const nowMs = monotonicMs();
    this.recordTiming('move', 0, sinceMs, nowMs);
    if (nowMs - sinceMs > INTERRUPTION_MS) this.#moves.interrupted += 1;
  }
}
