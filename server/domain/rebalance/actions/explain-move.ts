import { regionPoolName } from '../../catalog.js';
import type { MoveAction } from './rebalance-actions.js';

/** One sentence for operators: which session moves, from where to where, and why. It names sessions, never players. */
export function explainMove({
  sessionId,
  from,
  to,
  isUnclaimed: free,
  reason,
  forWaiting,
}: MoveAction): string {
  const session = free ? `Unclaimed session ${sessionId}` : `Session ${sessionId}`;
  const destination =
    to.hostId === null ? regionPoolName(to.regionPool) : `${regionPoolName(to.regionPool)}/${to.hostId}`;
  const move = `${session} moves from ${regionPoolName(from.regionPool)}/${from.hostId} to ${destination}`;
  switch (reason.code) {
    case 'hot_host':
      return `${move}: the load of its host is ${Math.round(reason.load * 100)} %.`;
    case 'make_room':
      return `${move}: to free a slot in ${regionPoolName(reason.regionPool)} for waiting session ${forWaiting ?? 'unknown'}.`;
    case 'drain':
      return `${move}: its host is being drained.`;
  }
}
