import type { CreateCheck } from '../check.js';
import type { EventOf, HistoryEvent } from '../events.js';

interface MatchedSession {
  readonly matched: EventOf<'matched'>;
  /** The admission at the newest epoch. */
  claimed: HistoryEvent | undefined;
}

/**
 * S6: every session that a client was matched with exists at the end, or the client was notified of its end with a reason,
 * or, if no host had admitted the player, that the request waits again. Checked against the last quiet snapshot of the
 * fleet. A client that is not connected at that time cannot have been notified, and is not checked.
 */
export const checkLostSessions: CreateCheck = ({ slackMs }, report) => {
  const promised = new Map<string, MatchedSession>();
  const requests = new Map<string, string>();
  const connected = new Set<string>();
  let snapshot: EventOf<'fleet'> | undefined;
  /** Matched sessions that the last quiet snapshot does not contain. */
  let missing: EventOf<'matched'>[] = [];

  const forget = (sessionId: string): void => {
    promised.delete(sessionId);
    missing = missing.filter((matched) => matched.sessionId !== sessionId);
  };
  const handleQueuedAgain = (event: EventOf<'queued' | 'offered'>): void => {
    const sessionId = requests.get(`${event.player} ${event.requestId}`);
    if (sessionId !== undefined && promised.get(sessionId)?.claimed === undefined) forget(sessionId);
  };
  return {
    on: {
      queued: handleQueuedAgain,
      offered: handleQueuedAgain,
      connected: ({ player }) => void connected.add(player),
      disconnected: ({ player }) => void connected.delete(player),
      matched(event) {
        const known = promised.get(event.sessionId);
        const claimed = known?.matched.epoch === event.epoch ? known.claimed : undefined;
        promised.set(event.sessionId, { matched: event, claimed });
        requests.set(`${event.player} ${event.requestId}`, event.sessionId);
      },
      admitted(event) {
        const known = promised.get(event.sessionId);
        if (known !== undefined && known.matched.epoch <= event.epoch) known.claimed = event;
      },
      'session-ended'(event) {
        const known = promised.get(event.sessionId);
        if (known !== undefined && event.reason === 'reservation_expired' && known.claimed !== undefined) {
          const what = `${event.sessionId} ended as unclaimed although its host had admitted the player`;
          report(what, known.matched, known.claimed, event);
        }
        forget(event.sessionId);
      },
      refused(event) {
        const sessionId = requests.get(`${event.player} ${event.requestId}`);
        if (sessionId !== undefined && ['SESSION_OVER', 'CANCELLED'].includes(event.code)) forget(sessionId);
      },
      left: ({ sessionId }) => forget(sessionId),
      cancelled(event) {
        const sessionId = requests.get(`${event.player} ${event.requestId}`);
        if (sessionId !== undefined) forget(sessionId);
      },
      fleet(event) {
        if (!event.quiet) return;
        snapshot = event;
        const there = new Set(
          event.hosts.flatMap(({ sessions }) => sessions.map(({ sessionId }) => sessionId)),
        );
        missing = [...promised.values()]
          .map(({ matched }) => matched)
          .filter(({ sessionId, player, atMs }) => {
            return !there.has(sessionId) && connected.has(player) && atMs + slackMs <= event.atMs;
          });
      },
    },
    finish() {
      if (snapshot === undefined) return;
      for (const matched of missing) {
        const what = `${matched.player} was matched with ${matched.sessionId}, which does not exist any more`;
        report(`${what}, and was not notified of its end`, matched, snapshot);
      }
    },
  };
};
