import type { ServerClock } from '../../../runtime/runtime.js';

/** Maximum number of failures that are kept. */
const MAX_FAILURES = 10_000;

/** The sessions whose last move failed a short time ago. */
export class RecentMoveFailures {
  /** By session id, in the order of the failures. */
  readonly #failedAtMs = new Map<string, number>();

  /** @param retryAfterMs how long a failure counts as recent */
  constructor(
    private readonly retryAfterMs: number,
    private readonly clock: Pick<ServerClock, 'monotonicMs'>,
  ) {}

  add(sessionId: string): void {
    // Deleted first, so that the map stays in the order of the failures.
    this.#failedAtMs.delete(sessionId);
    this.#failedAtMs.set(sessionId, this.clock.monotonicMs());
    const [oldest] = this.#failedAtMs.keys();
    if (this.#failedAtMs.size > MAX_FAILURES && oldest !== undefined) this.#failedAtMs.delete(oldest);
  }

  delete(sessionId: string): void {
    this.#failedAtMs.delete(sessionId);
  }

  has(sessionId: string): boolean {
    const failedAtMs = this.#failedAtMs.get(sessionId);
    return failedAtMs !== undefined && this.clock.monotonicMs() - failedAtMs < this.retryAfterMs;
  }

  get sessionIds(): string[] {
    return [...this.#failedAtMs.keys()].filter((sessionId) => this.has(sessionId));
  }
}
