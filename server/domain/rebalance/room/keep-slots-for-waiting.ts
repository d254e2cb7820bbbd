import { FlowNetwork } from './flow-network.js';
import type { WaitingPlayer } from '../snapshot/fleet-snapshot.js';
import { indexesOfOptions, type PlannedFleet } from '../snapshot/planned-fleet.js';

/**
 * Keeps free slots for the waiting players that they can serve: the store gives them away by itself, before a move could
 * take them. The largest matching of players with places that have slots; no move may use what it needs.
 *
 * @returns how many players that are
 */
export function keepSlotsForWaiting(fleet: PlannedFleet, waiting: readonly WaitingPlayer[]): number {
  const network = new FlowNetwork();
  const sink = network.addNode();
  const slots = new Map<number, { readonly node: number; readonly arc: number }>();
  const slotsIn = (place: number): number => {
    let known = slots.get(place);
    if (known === undefined) {
      const node = network.addNode();
      known = { node, arc: network.addArc(node, sink, fleet.regionPoolAt(place).slotsForPlayers, 0) };
      slots.set(place, known);
    }
    return known.node;
  };
  const alike = new Map<string, number>();
  const sources = waiting.map(({ options }) => {
    const places = indexesOfOptions(fleet, options);
    const key = [...places].sort((a, b) => a - b).join();
    let node = alike.get(key);
    if (node === undefined) {
      alike.set(key, (node = network.addNode()));
      for (const place of places) network.addArc(node, slotsIn(place), waiting.length, 0);
    }
    return node;
  });
  const sent = network.send(sources, sink, () => true);
  for (const [place, { arc }] of slots) fleet.regionPoolAt(place).slotsKeptForWaiting = network.flowOf(arc);
  return sent.filter(Boolean).length;
}
