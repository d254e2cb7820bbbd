import type { CreateCheck } from '../check.js';
import { requestName, type EventOf, type HistoryEvent } from '../events.js';
import { createFaultTimes } from '../fault-times.js';

/**
 * L1: while there is no fault, every request is matched, queued with a position or refused within its deadline. A client
 * that lost its connection gets no answer before it repeats the request.
 */
export const checkAnswerDeadlines: CreateCheck = ({ answerWithinMs, recoverWithinMs }, report) => {
  const pending = new Map<string, EventOf<'requested'>>();
  const ofPlayer = new Map<string, Set<string>>();
  const faults = createFaultTimes(recoverWithinMs);

  const drop = (key: string, player: string): void => {
    pending.delete(key);
    const keys = ofPlayer.get(player);
    keys?.delete(key);
    if (keys?.size === 0) ofPlayer.delete(player);
  };
  const judge = (
    request: EventOf<'requested'>,
    untilMs: number,
    ...events: readonly HistoryEvent[]
  ): void => {
    const waitedMs = untilMs - faults.boundStartMs(request.atMs);
    if (waitedMs <= answerWithinMs) return;
    const how = events.length === 0 ? 'no answer' : 'its answer';
    report(
      `${request.player} had ${how} to ${request.requestId} after ${Math.round(waitedMs)} ms`,
      request,
      ...events,
    );
  };
  const answer = (event: EventOf<'matched' | 'queued' | 'offered' | 'refused'>): void => {
    const key = requestName(event);
    const request = pending.get(key);
    if (request === undefined) return;
    judge(request, event.atMs, event);
    drop(key, event.player);
  };
  const forget = (event: EventOf<'cancelled' | 'gave-up'>): void => drop(requestName(event), event.player);
  return {
    on: {
      ...faults.on,
      requested(event) {
        const key = requestName(event);
        // A repeat on the same connection gets no answer of its own: the deadline counts from the first.
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
      for (const request of pending.values()) judge(request, endAtMs);
    },
  };
};
