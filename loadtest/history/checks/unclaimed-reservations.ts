import type { CreateCheck } from '../check.js';
import type { EventOf } from '../events.js';
import { createFaultTimes } from '../fault-times.js';

/**
 * L2: a reservation that nobody claims is free again after its time and one sweep: no picture of the fleet shows
 * it any longer, and its client is told no later.
 */
export const checkUnclaimedReservations: CreateCheck = (bounds, report) => {
  const { reservationMs, sweepIntervalMs, recoverWithinMs, slackMs } = bounds;
  const reserved = new Map<string, EventOf<'matched' | 'prepared'>>();
  const faults = createFaultTimes(recoverWithinMs);

  const key = ({ sessionId, epoch }: { sessionId: string; epoch: number }): string => `${sessionId} ${epoch}`;
  const note = (event: EventOf<'matched' | 'prepared'>): void => {
    if (!reserved.has(key(event))) reserved.set(key(event), event);
  };
  const isLate = (since: EventOf<'matched' | 'prepared'>, atMs: number): boolean =>
    atMs - faults.boundStartMs(since.atMs + reservationMs) > sweepIntervalMs + slackMs;
  return {
    on: {
      ...faults.on,
      matched: note,
      prepared: note,
      over(event) {
        const since = reserved.get(key(event));
        if (event.reason !== 'reservation_expired' || since === undefined) return;
        if (!isLate(since, event.atMs)) return;
        report(`${event.sessionId} was unclaimed, and held for too long`, since, event);
      },
      fleet(event) {
        for (const { host, sessions } of event.hosts) {
          for (const session of sessions) {
            const since = reserved.get(key(session));
            if (session.state !== 'reserved' || since === undefined || !isLate(since, event.atMs)) continue;
            report(`${session.sessionId} is unclaimed, and still holds a slot of ${host}`, since, event);
          }
        }
      },
    },
  };
};
