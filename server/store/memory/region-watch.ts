import type { PlaceView, SweepStep, SweepTimes } from '../region-watch.js';
import type { PlaceState } from './place-state.js';

export function viewPlace(
  { liveSessions, readySlots, hosts, line, mail, letters }: PlaceState,
  brokerId: string,
): PlaceView {
  return {
    utilisation: { sessions: liveSessions, slots: readySlots },
    hosts: hosts.size,
    waiting: line.length,
    hasMail: mail.has(brokerId) || letters.has(brokerId),
  };
}

/** Which steps of a sweep have something to do. */
export function findDue(
  place: PlaceState,
  { silentForMs, queueGraceMs }: SweepTimes,
  nowMs: number,
): SweepStep[] {
  const { dues, line, mail, letters, hosts, freedRate } = place;
  const isDue = (state: keyof PlaceState['dues']): boolean => dues[state].dueBy(nowMs, 1).length > 0;
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
