import type { CreateCheck } from '../check.js';
import { requestName, type EventOf } from '../events.js';

interface Waiting {
  readonly request: EventOf<'requested'>;
  readonly queued: EventOf<'queued'>;
  readonly regions: Set<string>;
}

/** An offer or match for a request of a queue. */
interface ServedRequest {
  readonly atMs: number;
  /** Among all requests served so far, the one that was made last. */
  readonly latest: { readonly request: EventOf<'requested'>; readonly event: EventOf<'offered' | 'matched'> };
}

/**
 * Q3: requests of one region, tier and title are served in the order of arrival. A request arrived at some time between its
 * `play` and its first `queued`, so two requests are compared only if these intervals do not overlap. Requests whose client
 * disconnected, and requests that were served before, are not compared.
 *
 * An offer was made when its time for acceptance began, which may be long before its client receives it: its broker may be paused.
 */
export const checkQueueOrder: CreateCheck = ({ slackMs }, report) => {
  const requests = new Map<string, EventOf<'requested'>>();
  const waiting = new Map<string, Waiting>();
  const ofPlayer = new Map<string, Set<string>>();
  const served = new Map<string, ServedRequest[]>();

  /** The longest time to accept an offer: that of an offer which was received at once. */
  let longestOfferMs = 0;

  const madeAtMs = (event: EventOf<'offered' | 'matched'>): number => {
    if (event.type !== 'offered') return event.atMs;
    longestOfferMs = Math.max(longestOfferMs, event.acceptWithinMs);
    return event.atMs - (longestOfferMs - event.acceptWithinMs);
  };
  const groupOf = (region: string, { tier = '', title, pools = [] }: EventOf<'requested'>): string =>
    [region, tier, title, ...pools].join('|');
  const drop = (key: string, player: string): Waiting | undefined => {
    const known = waiting.get(key);
    waiting.delete(key);
    const keys = ofPlayer.get(player);
    keys?.delete(key);
    if (keys?.size === 0) ofPlayer.delete(player);
    return known;
  };
  /** Checks a request when it is served, or at the end of the history: no later request may have been served before. */
  const judge = ({ request, queued, regions }: Waiting, atMs: number): void => {
    for (const region of regions) {
      const earlier = lastBefore(served.get(groupOf(region, request)) ?? [], atMs - slackMs);
      if (earlier === undefined) continue;
      const { request: other, event } = earlier.latest;
      if (other.atMs <= queued.atMs + slackMs) continue;
      const what = `${other.player} arrived after ${request.player} in the queue of ${region}`;
      report(`${what}, and was served first`, queued, other, event);
      return;
    }
  };
  const handleServed = (event: EventOf<'offered' | 'matched'>): void => {
    const key = requestName(event);
    const request = requests.get(key);
    if (request === undefined) return;
    // Later answers to this request are repeats.
    requests.delete(key);
    const known = drop(key, event.player);
    const servedAtMs = madeAtMs(event);
    if (known !== undefined) judge(known, servedAtMs);
    const group = groupOf(event.region, request);
    const list = served.get(group) ?? [];
    served.set(group, list);
    const latest = list.at(-1)?.latest;
    const own = { request, event };
    list.push({
      atMs: event.atMs,
      latest: latest === undefined || request.atMs > latest.request.atMs ? own : latest,
    });
  };
  const forget = (event: EventOf<'refused' | 'cancelled' | 'gave-up'>): void => {
    const key = requestName(event);
    requests.delete(key);
    drop(key, event.player);
  };
  const started = new Set<string>();
  return {
    on: {
      requested(event) {
        const key = requestName(event);
        if (started.has(key)) return;
        started.add(key);
        requests.set(key, event);
      },
      queued(event) {
        const key = requestName(event);
        const request = requests.get(key);
        if (request === undefined) return;
        const known = waiting.get(key);
        if (known !== undefined) known.regions.add(event.region);
        else {
          waiting.set(key, { request, queued: event, regions: new Set([event.region]) });
          ofPlayer.set(event.player, (ofPlayer.get(event.player) ?? new Set()).add(key));
        }
      },
      offered: handleServed,
      matched: handleServed,
      refused(event) {
        forget(event);
        started.delete(requestName(event));
      },
      cancelled: forget,
      'gave-up': forget,
      disconnected({ player }) {
        for (const key of [...(ofPlayer.get(player) ?? [])]) {
          requests.delete(key);
          drop(key, player);
        }
      },
    },
    finish(endAtMs) {
      for (const known of waiting.values()) judge(known, endAtMs);
    },
  };
};

/** The last turn before a time. Turns are in the order of time. */
function lastBefore(served: readonly ServedRequest[], beforeMs: number): ServedRequest | undefined {
  let low = 0;
  let high = served.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (served[middle]!.atMs < beforeMs) low = middle + 1;
    else high = middle;
  }
  return served[low - 1];
}
