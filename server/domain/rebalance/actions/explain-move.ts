import { regionPoolName } from '../../catalog.js';
import type { MoveAction } from './rebalance-actions.js';

/** Why a session is moved, in words for operators. */
export function explainMove({ sessionId, from, to, free, reason, forWaiting }: MoveAction): string {
  const what = free ? `Unclaimed session ${sessionId}` : `Session ${sessionId}`;
  const target = to.hostId === null ? regionPoolName(to.place) : `${regionPoolName(to.place)}/${to.hostId}`;
  const move = `${what} goes from ${regionPoolName(from.place)}/${from.hostId} to ${target}`;
  switch (reason.code) {
    case 'hot_host':
      return `${move}: its host is at ${Math.round(reason.load * 100)} % of what it can bear.`;
    case 'make_room': {
      const where = regionPoolName(reason.place);
      // Nobody is named but by session: players are not the operators' business.
      return `${move}: it makes room in ${where} for a player who waits (session ${forWaiting ?? 'unknown'}).`;
    }
    case 'drain':
      return `${move}: its host is being drained.`;
  }
}
