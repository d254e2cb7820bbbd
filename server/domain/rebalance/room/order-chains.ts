import type { MoveAction } from '../actions/rebalance-actions.js';
import type { WaitingPlayer } from '../snapshot/fleet-snapshot.js';

/** The moves that free a slot for one waiting player, in the order of execution. */
export interface MoveChain {
  readonly waiting: WaitingPlayer;
  /** Index of the region pool where the slot becomes free. */
  readonly poolIndex: number;
  /** Index of the region pool between, if there are two moves. */
  readonly viaPoolIndex: number | null;
  readonly moves: readonly MoveAction[];
}

/**
 * Orders chains so that each finds its slots. The store gives a slot that becomes free to a player who waits for that region
 * pool, not to the session that a chain moves there. So the players who wait for a region pool are served before another
 * chain moves a session through it.
 */
export function orderChains(chains: readonly MoveChain[]): MoveChain[] {
  const left = [...chains].sort((a, b) => a.moves.length - b.moves.length);
  const ordered: MoveChain[] = [];
  const waitingFor = new Map<number, number>();
  for (const { poolIndex } of left) waitingFor.set(poolIndex, (waitingFor.get(poolIndex) ?? 0) + 1);
  while (left.length > 0) {
    const at = left.findIndex(({ viaPoolIndex: via }) => via === null || (waitingFor.get(via) ?? 0) === 0);
    // A cycle would have to start somewhere; a cheapest flow has no cycle.
    const [chain] = left.splice(Math.max(at, 0), 1);
    if (chain === undefined) break;
    ordered.push(chain);
    waitingFor.set(chain.poolIndex, (waitingFor.get(chain.poolIndex) ?? 0) - 1);
  }
  return ordered;
}
