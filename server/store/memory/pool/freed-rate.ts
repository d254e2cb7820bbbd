import { RATE_MEMORY_MS } from '../../store-options.js';

/** Measurements closer together than this would mostly measure chance. */
const MIN_SPAN_MS = 1_000;

/** How fast the slots of a place become free. The Redis store computes the same, operation by operation. */
export class FreedRate {
  /** Slots that ends of sessions freed, ever. */
  freed = 0;
  measuredAtMs: number | null = null;
  measuredFreed = 0;
  /** Slots per millisecond, a moving average. */
  perMs: number | null = null;

  /** Measures, if the last measurement is long enough ago. Returns the rate. */
  measure(nowMs: number): number | null {
    if (this.measuredAtMs === null) {
      this.#mark(nowMs);
      return null;
    }
    const elapsedMs = nowMs - this.measuredAtMs;
    if (elapsedMs < MIN_SPAN_MS) return this.perMs;
    const lately = (this.freed - this.measuredFreed) / elapsedMs;
    const weight = elapsedMs / (elapsedMs + RATE_MEMORY_MS);
    this.perMs = this.perMs === null ? lately : this.perMs + weight * (lately - this.perMs);
    this.#mark(nowMs);
    return this.perMs;
  }

  #mark(nowMs: number): void {
    this.measuredAtMs = nowMs;
    this.measuredFreed = this.freed;
  }
}
