import type { PoolOverview } from '../contracts/hosts.js';
import type { SweepLimits, SweepStep } from '../contracts/leases.js';
import type { PoolState } from './pool-state.js';

export function getPoolOverview(
  { liveSessions, readySlots, hosts, waitingQueue: line, changedSessions: mail, inboxes: letters }: PoolState,
  brokerId: string,
): PoolOverview {
  return {
    utilisation: { sessions: liveSessions, slots: readySlots },
    hosts: hosts.size,
    waiting: line.length,
    hasInboxItems: mail.has(brokerId) || letters.hasMessages(brokerId),
  };
}

/** Which steps of a sweep have something to do. */
export function findDueSweeps(
  place: PoolState,
  { silentForMs, queueGraceMs }: SweepLimits,
  nowMs: number,
): SweepStep[] {
  const {
    expiryLists: dues,
    waitingQueue: line,
    changedSessions: mail,
    inboxes: letters,
    hosts,
    freedRate,
  } = place;
  const isDue = (state: keyof PoolState['expiryLists']): boolean =>
    dues[state].expiredBy(nowMs, 1).length > 0;
  freedRate.measure(nowMs);
  const steps: SweepStep[] = [];
  // Whoever waits is served by the way, should a slot be free that nobody was offered.
  if (isDue('reserved') || isDue('arriving') || isDue('disconnected') || line.length > 0)
    steps.push('sessions');
  if (isDue('ended') || mail.size > 0 || !letters.isEmpty) steps.push('records');
  if (isDue('offered')) steps.push('offers');
  if (line.unattendedSince(nowMs - queueGraceMs).next().done !== true) steps.push('queue');
  if ([...hosts.values()].some(({ beatAtMs }) => nowMs - beatAtMs > silentForMs)) steps.push('silent');
  return steps;
}
