import type { CreateCheck } from '../check.js';
import type { EventOf, HistoryEvent } from '../events.js';

interface MatchedSession {
  readonly matched: EventOf<'matched'>;
  /** Of the newest epoch. */
  claimed: HistoryEvent | undefined;
}

/**
 * S6: what a client was told it has is there in the end, or the client was told that and why it ended, or that the
 * request waits again, if no host had let the player in. Judged by
 * the last quiet picture of the fleet, and by the reasons given. A client that is not connected by then cannot have
 * been told.
 */
export const checkLostSessions: CreateCheck = ({ slackMs }, report) => {
  const promised = new Map<string, MatchedSession>();
  const requests = new Map<string, string>();
  const connected = new Set<string>();
  let picture: EventOf<'fleet'> | undefined;
  /** Players and promises as they were when the picture was taken. */
  let missing: EventOf<'matched'>[] = [];

  const keep = (sessionId: string): void => {
    promised.delete(sessionId);
    missing = missing.filter((matched) => matched.sessionId !== sessionId);
  };
  const waitsAgain = (event: EventOf<'queued' | 'offered'>): void => {
    const sessionId = requests.get(`${event.player} ${event.requestId}`);
    if (sessionId !== undefined && promised.get(sessionId)?.claimed === undefined) keep(sessionId);
  };
  return {
    on: {
      queued: waitsAgain,
      offered: waitsAgain,
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
      over(event) {
        const known = promised.get(event.sessionId);
        if (known !== undefined && event.reason === 'reservation_expired' && known.claimed !== undefined) {
          const what = `${event.sessionId} is over as unclaimed, and its host had admitted it`;
          report(what, known.matched, known.claimed, event);
        }
        keep(event.sessionId);
      },
      refused(event) {
        const sessionId = requests.get(`${event.player} ${event.requestId}`);
        if (sessionId !== undefined && ['SESSION_OVER', 'CANCELLED'].includes(event.code)) keep(sessionId);
      },
      left: ({ sessionId }) => keep(sessionId),
      cancelled(event) {
        const sessionId = requests.get(`${event.player} ${event.requestId}`);
        if (sessionId !== undefined) keep(sessionId);
      },
      fleet(event) {
        if (!event.quiet) return;
        picture = event;
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
      if (picture === undefined) return;
      for (const matched of missing) {
        const what = `${matched.player} was given ${matched.sessionId}, which is gone`;
        report(`${what}, and nobody said that it ended`, matched, picture);
      }
    },
  };
};
