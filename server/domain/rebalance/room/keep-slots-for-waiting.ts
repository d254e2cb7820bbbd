import { FlowNetwork } from './flow-network.js';
import type { WaitingPlayer } from '../snapshot/fleet-snapshot.js';
import { indexesOfOptions, type PlannedFleet } from '../snapshot/planned-fleet.js';

/**
 * Sets `slotsKeptForWaiting` of every region pool: the slots that the store will give to waiting players before any move
 * could use them, by a maximum matching of players with region pools.
 *
 * @returns the number of players who get a slot
 */
export function keepSlotsForWaiting(fleet: PlannedFleet, waiting: readonly WaitingPlayer[]): number {
  const network = new FlowNetwork();
  const sink = network.addNode();
  const slots = new Map<number, { readonly node: number; readonly arc: number }>();
  const slotsIn = (poolIndex: number): number => {
    let known = slots.get(poolIndex);
    if (known === undefined) {
      const node = network.addNode();
      known = { node, arc: network.addArc(node, sink, fleet.regionPoolAt(poolIndex).slotsForPlayers, 0) };
      slots.set(poolIndex, known);
    }
    return known.node;
  };
  const nodeOfOptions = new Map<string, number>();
  const sources = waiting.map(({ options }) => {
    const poolIndexes = indexesOfOptions(fleet, options);
    const key = [...poolIndexes].sort((a, b) => a - b).join();
    let node = nodeOfOptions.get(key);
    if (node === undefined) {
      nodeOfOptions.set(key, (node = network.addNode()));
      for (const poolIndex of poolIndexes) network.addArc(node, slotsIn(poolIndex), waiting.length, 0);
    }
    return node;
  });
  const sent = network.send(sources, sink, () => true);
  for (const [pool, { arc }] of slots) fleet.regionPoolAt(pool).slotsKeptForWaiting = network.flowOf(arc);
  return sent.filter(Boolean).length;
}
