import type { HistoryEvent } from '../history/events.js';
import type { Recorder, UntimedEvent } from '../history/recorder.js';
import type { TimingName } from '../plan/assertions.js';
import { monotonicMs } from './clock.js';
import { SAMPLE_TIMINGS, createPhaseCounts, type PhaseCounts, type WorkerCounts } from './worker-messages.js';

const INDEX_OF = new Map(SAMPLE_TIMINGS.map((name, index) => [name, index]));

/** A longer pause counts as an interruption: moves are meant to take less. */
const INTERRUPTION_MS = 2_000;

/** Counts, timings and events of one worker's players and hosts. */
export class WorkerMetrics {
  /** For code that only records events. */
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

  /** @param dueMs the start of the measured time, by the monotonic clock */
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

  /** Counts a session that runs on its target host. @param pausedSinceMs when its source host paused it */
  countMoved(pausedSinceMs: number): void {
    this.#moves.moved += 1;
    this.#recordInterruption(pausedSinceMs);
  }

  /** Counts a session that resumed on its source host because its move failed. */
  countMoveFailed(pausedSinceMs: number): void {
    this.#moves.stayed += 1;
    this.#recordInterruption(pausedSinceMs);
  }

  /** Counts a session that a broker does not know, although its player was not notified of its end. */
  addVanishedSession(sessionId: string): void {
    this.#vanished.add(sessionId);
  }

  /** Takes a session out of the count, because its player was notified of its end after all. */
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

  /** Events and samples since the last call. */
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
