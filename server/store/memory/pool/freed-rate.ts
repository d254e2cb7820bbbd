import { RATE_MEMORY_MS } from '../../store-options.js';

/** Measurements over a shorter time would be mostly noise. */
const MIN_SPAN_MS = 1_000;

/**
 * How fast the slots of a region pool become free. `lua/shared/formulas/freed-rate.lua` computes the same with the same floating-point
 * operations, so that the model test can compare the results exactly.
 */
export class FreedRate {
  /** How many slots ended sessions have freed since the store started. */
  freed = 0;
  measuredAtMs: number | null = null;
  measuredFreed = 0;
  /** Slots per millisecond, a moving average. */
  perMs: number | null = null;

  /** Measures if the last measurement is long enough ago. Returns the rate. */
  measure(nowMs: number): number | null {
    if (this.measuredAtMs === null) {
      this.#mark(nowMs);
      return null;
    }
    const elapsedMs = nowMs - this.measuredAtMs;
    if (elapsedMs < MIN_SPAN_MS) return this.perMs;
    const measured = (this.freed - this.measuredFreed) / elapsedMs;
    const weight = elapsedMs / (elapsedMs + RATE_MEMORY_MS);
    this.perMs = this.perMs === null ? measured : this.perMs + weight * (measured - this.perMs);
    this.#mark(nowMs);
    return this.perMs;
  }

  #mark(nowMs: number): void {
    this.measuredAtMs = nowMs;
    this.measuredFreed = this.freed;
  }
}
