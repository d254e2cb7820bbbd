import { changeClosures, withdrawsOffers, type Closure } from '../../../domain/closure.js';
import { clearQueue, requeueOffer } from '../pool/offers.js';
import type { PoolState } from '../pool/pool-state.js';

/** Adds a closure to the region pool as a whole, or removes it. A closed one has no queue. */
export function changePoolClosures(
  pool: PoolState,
  closure: Closure,
  change: 'add' | 'remove',
  nowMs: number,
): void {
  pool.closures = changeClosures(pool.closures, closure, change);
  if (pool.closures.length > 0) clearQueue(pool, nowMs);
}

/** Adds a closure to a host, registered or not, or removes it. Its offers are withdrawn, unless it only became hot. */
export function changeHostClosures(
  pool: PoolState,
  hostId: string,
  closure: Closure,
  change: 'add' | 'remove',
  nowMs: number,
): void {
  const closures = changeClosures(pool.hostClosures.get(hostId) ?? [], closure, change);
  pool.setHostClosures(hostId, closures);
  const host = pool.hosts.get(hostId);
  if (host === undefined || change === 'remove' || !withdrawsOffers(closure)) return;
  for (const session of pool.listHostSessions(host)) {
    if (session.state === 'offered') requeueOffer(pool, session, nowMs);
  }
}
