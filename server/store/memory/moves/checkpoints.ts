import { regionPoolName, type RegionPool } from '../../../domain/catalog.js';
import { CHECKPOINT_KEPT_MS } from '../../contracts/moves.js';

/** What hosts handed over, until the next host takes it up. */
export class Checkpoints {
  /** In the order of their times. */
  readonly #kept = new Map<string, { readonly state: string; readonly untilMs: number }>();

  put(place: RegionPool, sessionId: string, epoch: number, state: string, nowMs: number): void {
    for (const [key, { untilMs }] of this.#kept) {
      if (untilMs > nowMs) break;
      this.#kept.delete(key);
    }
    const key = keyOf(place, sessionId, epoch);
    this.#kept.delete(key);
    this.#kept.set(key, { state, untilMs: nowMs + CHECKPOINT_KEPT_MS });
  }

  take(place: RegionPool, sessionId: string, epoch: number, nowMs: number): string | null {
    const key = keyOf(place, sessionId, epoch);
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    return kept !== undefined && kept.untilMs > nowMs ? kept.state : null;
  }
}

function keyOf(place: RegionPool, sessionId: string, epoch: number): string {
  return `${regionPoolName(place)}/${sessionId}/${epoch}`;
}
