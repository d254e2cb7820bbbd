import { regionPoolName } from '../../domain/catalog.js';
import type { MoveAction } from '../../domain/rebalance/actions/rebalance-actions.js';

/** Why a session moves, in words for its player: hosts and other players are not theirs to know. */
export function explainMoveToPlayer({ from, to, reason }: MoveAction): string {
  const where = regionPoolName(to.place);
  switch (reason.code) {
    case 'hot_host':
      return `${where}: relieves a host in ${from.place.region} that has too much to do.`;
    case 'make_room':
      return `${where}: makes room in ${regionPoolName(reason.place)} for a player who can be served nowhere else.`;
    case 'drain':
      return `${where}: the host in ${from.place.region} is being drained.`;
  }
}
