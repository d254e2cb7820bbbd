import type { MoveEntry } from '../../../domain/move-entry.js';
import { MOVES_KEPT } from '../../contracts/moves.js';

/** The latest moves by the region that the session left. */
export class MoveLog {
  /** Newest first. */
  readonly #regions = new Map<string, readonly MoveEntry[]>();

  add(entry: MoveEntry): void {
    const { region } = entry.from;
    this.#regions.set(region, [entry, ...this.list(region, MOVES_KEPT - 1)]);
  }

  list(region: string, limit: number): readonly MoveEntry[] {
    return (this.#regions.get(region) ?? []).slice(0, limit);
  }
}
