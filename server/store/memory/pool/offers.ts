import type { SessionRecord } from '../../contracts/session-record.js';
import type { PoolState } from './pool-state.js';
import { assignSlot, chooseHost, countSpareSlots } from './slot-allocation.js';
import type { MemoryQueueEntry } from './waiting-queue.js';

/**
 * Offers free slots to the queue, its head first, until there are no more slots or no more entries. Every call that may
 * free a slot or make a host ready ends with this. So between calls no entry waits while a slot is free, except slots that are
 * kept for lost sessions, and no later entry overtakes it.
 */
export function offerFreeSlots(pool: PoolState, nowMs: number): void {
  let spare: number | undefined;
  for (;;) {
    const head = pool.waitingQueue.head();
    const host = head === undefined ? undefined : chooseHost(pool, nowMs);
    if (head === undefined || host === undefined) return;
    const known = pool.sessions.get(head.sessionId);
    if (known !== undefined && known.state !== 'ended') {
      // A host reported meanwhile that it runs this session.
      pool.waitingQueue.delete(head.sessionId);
      continue;
    }
    spare ??= countSpareSlots(pool, pool.waitingQueue.length, nowMs);
    if (spare === 0) return;
    spare -= 1;
    pool.waitingQueue.removeFromQueue(head.sessionId);
    assignSlot(pool, host, head, 'offered', nowMs, nowMs + pool.rules.offerMs);
    notifyOfferChange(pool, head);
  }
}

/** Withdraws an offer: frees the slot and deletes the session. Its entry, which is returned, does not wait yet. */
export function withdrawOffer(
  pool: PoolState,
  offered: SessionRecord,
  nowMs: number,
): MemoryQueueEntry | undefined {
  pool.releaseSlot(offered, nowMs, '');
  pool.deleteSession(offered.sessionId);
  return pool.waitingQueue.get(offered.sessionId);
}

/** Withdraws an offer whose host is no longer available. The entry waits again at its old position. */
export function requeueOffer(pool: PoolState, offered: SessionRecord, nowMs: number): void {
  const entry = withdrawOffer(pool, offered, nowMs);
  if (entry === undefined) return;
  pool.waitingQueue.add(entry);
  notifyOfferChange(pool, entry);
}

/** Empties the queue and withdraws all offers. */
export function clearQueue(pool: PoolState, nowMs: number): void {
  for (const entry of pool.waitingQueue.listAll()) {
    const session = pool.sessions.get(entry.sessionId);
    if (session?.state === 'offered') withdrawOffer(pool, session, nowMs);
    pool.waitingQueue.delete(entry.sessionId);
    notifyOfferChange(pool, entry);
  }
}

/**
 * Notifies the broker of an entry that an offer to it was made or withdrawn. The calling broker too: its call was about
 * something else.
 */
export function notifyOfferChange(pool: PoolState, { clientBrokerId, sessionId }: MemoryQueueEntry): void {
  if (clientBrokerId === '') return;
  pool.addChangedSession(clientBrokerId, sessionId, '');
  pool.sendWakeUp(clientBrokerId);
}
