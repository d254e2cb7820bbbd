import type { CreateCheck } from '../check.js';
import type { EventOf } from '../events.js';
import { createFaultTimes } from '../fault-times.js';

/**
 * L2: the slot of an unclaimed reservation is free after its time and one sweep: no later snapshot of the fleet contains the
 * reservation, and its client is notified by then.
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
      'session-ended'(event) {
        const since = reserved.get(key(event));
        if (event.reason !== 'reservation_expired' || since === undefined) return;
        if (!isLate(since, event.atMs)) return;
        report(`the unclaimed reservation ${event.sessionId} ended too late`, since, event);
      },
      fleet(event) {
        for (const { host, sessions } of event.hosts) {
          for (const session of sessions) {
            const since = reserved.get(key(session));
            if (session.state !== 'reserved' || since === undefined || !isLate(since, event.atMs)) continue;
            report(
              `the unclaimed reservation ${session.sessionId} still holds a slot of ${host}`,
              since,
              event,
            );
          }
        }
      },
    },
  };
};
