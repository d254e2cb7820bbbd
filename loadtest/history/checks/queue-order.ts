import type { CreateCheck } from '../check.js';
import { requestName, type EventOf } from '../events.js';

interface Waiting {
  readonly asked: EventOf<'asked'>;
  readonly queued: EventOf<'queued'>;
  readonly regions: Set<string>;
}

interface Turn {
  readonly atMs: number;
  /** Of all turns so far, that of the request that was made last. */
  readonly latest: { readonly asked: EventOf<'asked'>; readonly event: EventOf<'offered' | 'matched'> };
}

/**
 * Q3: among requests of one region, tier and title, turns come in the order of arrival. A request arrived between
 * its `play` and its first `queued`, so only those are compared that surely came one after the other; and only
 * those whose client was there all the time, and waits for its first turn.
 */
export const checkQueueOrder: CreateCheck = ({ slackMs }, report) => {
  const asked = new Map<string, EventOf<'asked'>>();
  const waiting = new Map<string, Waiting>();
  const ofPlayer = new Map<string, Set<string>>();
  const turns = new Map<string, Turn[]>();

  const groupOf = (region: string, { tier = '', title, pools = [] }: EventOf<'asked'>): string =>
    [region, tier, title, ...pools].join('|');
  const drop = (key: string, player: string): Waiting | undefined => {
    const known = waiting.get(key);
    waiting.delete(key);
    const keys = ofPlayer.get(player);
    keys?.delete(key);
    if (keys?.size === 0) ofPlayer.delete(player);
    return known;
  };
  /** Its turn came, or the history ends without it: nobody who came later had theirs before. */
  const judge = ({ asked: request, queued, regions }: Waiting, atMs: number): void => {
    for (const region of regions) {
      const earlier = lastBefore(turns.get(groupOf(region, request)) ?? [], atMs - slackMs);
      if (earlier === undefined) continue;
      const { asked: other, event } = earlier.latest;
      if (other.atMs <= queued.atMs + slackMs) continue;
      const what = `${other.player} came after ${request.player} in ${region}`;
      report(`${what} and had the turn before`, queued, other, event);
      return;
    }
  };
  const takeTurn = (event: EventOf<'offered' | 'matched'>): void => {
    const key = requestName(event);
    const request = asked.get(key);
    if (request === undefined) return;
    // Its later answers are repeats.
    asked.delete(key);
    const known = drop(key, event.player);
    if (known !== undefined) judge(known, event.atMs);
    const group = groupOf(event.region, request);
    const list = turns.get(group) ?? [];
    turns.set(group, list);
    const latest = list.at(-1)?.latest;
    const own = { asked: request, event };
    list.push({
      atMs: event.atMs,
      latest: latest === undefined || request.atMs > latest.asked.atMs ? own : latest,
    });
  };
  const forget = (event: EventOf<'refused' | 'cancelled' | 'gave-up'>): void => {
    const key = requestName(event);
    asked.delete(key);
    drop(key, event.player);
  };
  const started = new Set<string>();
  return {
    on: {
      asked(event) {
        const key = requestName(event);
        if (started.has(key)) return;
        started.add(key);
        asked.set(key, event);
      },
      queued(event) {
        const key = requestName(event);
        const request = asked.get(key);
        if (request === undefined) return;
        const known = waiting.get(key);
        if (known !== undefined) known.regions.add(event.region);
        else {
          waiting.set(key, { asked: request, queued: event, regions: new Set([event.region]) });
          ofPlayer.set(event.player, (ofPlayer.get(event.player) ?? new Set()).add(key));
        }
      },
      offered: takeTurn,
      matched: takeTurn,
      refused(event) {
        forget(event);
        started.delete(requestName(event));
      },
      cancelled: forget,
      'gave-up': forget,
      disconnected({ player }) {
        for (const key of [...(ofPlayer.get(player) ?? [])]) {
          asked.delete(key);
          drop(key, player);
        }
      },
    },
    finish(endAtMs) {
      for (const known of waiting.values()) judge(known, endAtMs);
    },
  };
};

/** The last turn before that moment; turns are in the order of time. */
function lastBefore(turns: readonly Turn[], beforeMs: number): Turn | undefined {
  let low = 0;
  let high = turns.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (turns[middle]!.atMs < beforeMs) low = middle + 1;
    else high = middle;
  }
  return turns[low - 1];
}
