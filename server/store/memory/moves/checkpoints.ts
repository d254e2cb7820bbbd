import { regionPoolName, type RegionPool } from '../../../domain/catalog.js';
import { CHECKPOINT_KEPT_MS } from '../../contracts/moves.js';

/** Session states that hosts handed over, until the target host takes them. */
export class Checkpoints {
  /** In the order in which they expire. */
  readonly #checkpoints = new Map<string, { readonly state: string; readonly untilMs: number }>();

  put(regionPool: RegionPool, sessionId: string, epoch: number, state: string, nowMs: number): void {
    for (const [key, { untilMs }] of this.#checkpoints) {
      if (untilMs > nowMs) break;
      this.#checkpoints.delete(key);
    }
    const key = keyOf(regionPool, sessionId, epoch);
    // Deleted first, so that the map stays in the order of expiry.
    this.#checkpoints.delete(key);
    this.#checkpoints.set(key, { state, untilMs: nowMs + CHECKPOINT_KEPT_MS });
  }

  take(regionPool: RegionPool, sessionId: string, epoch: number, nowMs: number): string | null {
    const key = keyOf(regionPool, sessionId, epoch);
    const checkpoint = this.#checkpoints.get(key);
    this.#checkpoints.delete(key);
    return checkpoint !== undefined && checkpoint.untilMs > nowMs ? checkpoint.state : null;
  }
}

function keyOf(regionPool: RegionPool, sessionId: string, epoch: number): string {
  return `${regionPoolName(regionPool)}/${sessionId}/${epoch}`;
}
