import { regionPoolName } from '../../../domain/catalog.js';
import type { MoveAction } from '../../../domain/rebalance/actions/rebalance-actions.js';

/** Explains to a player why the session moves. Names no host and no other player, since these are not public. */
export function explainMoveToPlayer({ from, to, reason }: MoveAction): string {
  const where = regionPoolName(to.regionPool);
  switch (reason.code) {
    case 'hot_host':
      return `${where}: relieves a host in ${from.regionPool.region} that has too much to do.`;
    case 'make_room':
      return `${where}: makes room in ${regionPoolName(reason.regionPool)} for a player who can be served nowhere else.`;
    case 'drain':
      return `${where}: the host in ${from.regionPool.region} is being drained.`;
  }
}
