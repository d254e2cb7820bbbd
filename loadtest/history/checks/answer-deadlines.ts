import type { CreateCheck } from '../check.js';
import { requestName, type EventOf, type HistoryEvent } from '../events.js';
import { createFaultTimes } from '../fault-times.js';

/**
 * L1: once faults stop, every request is matched, queued with a position or refused within its deadline. A client
 * whose socket is lost waits for nothing until it asked again.
 */
export const checkAnswerDeadlines: CreateCheck = ({ answerWithinMs, recoverWithinMs }, report) => {
  const pending = new Map<string, EventOf<'asked'>>();
  const ofPlayer = new Map<string, Set<string>>();
  const faults = createFaultTimes(recoverWithinMs);

  const drop = (key: string, player: string): void => {
    pending.delete(key);
    const keys = ofPlayer.get(player);
    keys?.delete(key);
    if (keys?.size === 0) ofPlayer.delete(player);
  };
  const judge = (asked: EventOf<'asked'>, untilMs: number, ...events: readonly HistoryEvent[]): void => {
    const waitedMs = untilMs - faults.boundStartMs(asked.atMs);
    if (waitedMs <= answerWithinMs) return;
    const how = events.length === 0 ? 'no answer' : 'its answer';
    report(
      `${asked.player} had ${how} to ${asked.requestId} after ${Math.round(waitedMs)} ms`,
      asked,
      ...events,
    );
  };
  const answer = (event: EventOf<'matched' | 'queued' | 'offered' | 'refused'>): void => {
    const key = requestName(event);
    const asked = pending.get(key);
    if (asked === undefined) return;
    judge(asked, event.atMs, event);
    drop(key, event.player);
  };
  const forget = (event: EventOf<'cancelled' | 'gave-up'>): void => drop(requestName(event), event.player);
  return {
    on: {
      ...faults.on,
      asked(event) {
        const key = requestName(event);
        // A repeat on the same connection is not answered by itself: the first one counts.
        if (pending.has(key)) return;
        pending.set(key, event);
        ofPlayer.set(event.player, (ofPlayer.get(event.player) ?? new Set()).add(key));
      },
      matched: answer,
      queued: answer,
      offered: answer,
      refused: answer,
      cancelled: forget,
      'gave-up': forget,
      disconnected({ player }) {
        for (const key of [...(ofPlayer.get(player) ?? [])]) drop(key, player);
      },
    },
    finish(endAtMs) {
      for (const asked of pending.values()) judge(asked, endAtMs);
    },
  };
};
