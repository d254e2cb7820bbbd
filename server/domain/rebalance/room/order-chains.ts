import type { MoveAction } from '../actions/rebalance-actions.js';
import type { WaitingPlayer } from '../snapshot/fleet-snapshot.js';

/** Moves that serve one waiting player, in the order in which they are carried out. */
export interface MoveChain {
  readonly waiting: WaitingPlayer;
  /** Number of the place where the slot becomes free. */
  readonly place: number;
  /** Number of the place between, if there are two moves. */
  readonly via: number | null;
  readonly moves: readonly MoveAction[];
}

/**
 * Chains in an order in which each finds its slots. A slot that becomes free goes to whoever waits for that place, not to
 * the session that a chain has in mind for it: so whoever waits for a place is served before others are moved through it.
 */
export function orderChains(chains: readonly MoveChain[]): MoveChain[] {
  const left = [...chains].sort((a, b) => a.moves.length - b.moves.length);
  const ordered: MoveChain[] = [];
  const waitingFor = new Map<number, number>();
  for (const { place } of left) waitingFor.set(place, (waitingFor.get(place) ?? 0) + 1);
  while (left.length > 0) {
    const at = left.findIndex(({ via }) => via === null || (waitingFor.get(via) ?? 0) === 0);
    // In a circle somebody has to be first; the cheapest matching has none.
    const [chain] = left.splice(Math.max(at, 0), 1);
    if (chain === undefined) break;
    ordered.push(chain);
    waitingFor.set(chain.place, (waitingFor.get(chain.place) ?? 0) - 1);
  }
  return ordered;
}
