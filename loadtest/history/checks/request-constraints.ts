import type { CreateCheck } from '../check.js';
import { requestName, type EventOf } from '../events.js';

/** S8: the region is one that the request allows and near enough by then, and the answer says which rank it is. */
export const checkRequestConstraints: CreateCheck = ({ latencyPolicies = {}, slackMs }, report) => {
  const asked = new Map<string, EventOf<'asked'>>();
  return {
    on: {
      asked(event) {
        const key = requestName(event);
        if (!asked.has(key)) asked.set(key, event);
      },
      matched(event) {
        const request = asked.get(requestName(event));
        if (request === undefined) return;
        const { region, pool, rank, candidates, rttMs } = event;
        if (!Number.isInteger(rank) || rank < 1 || rank > candidates) {
          report(`rank ${rank} of ${candidates} candidates`, request, event);
        }
        const measuredMs = request.rtt[region];
        if (measuredMs === undefined) {
          report(`${event.player} got ${region}, which the request does not allow`, request, event);
          return;
        }
        if (request.pools?.includes(pool) === false) {
          report(`${event.player} got ${pool}, which does not suit the request`, request, event);
        }
        // Brokers keep in whole milliseconds how far the other places are, for sessions that may move there.
        const isTold = rttMs === measuredMs || (event.epoch > 1 && rttMs === Math.round(measuredMs));
        if (!isTold) {
          report(`${region} is ${measuredMs} ms away, and the answer says ${rttMs}`, request, event);
        }
        // A later match of the session may be a move, which has longer to find a place.
        if (event.epoch > 1) return;
        const waitedMs = event.atMs - request.atMs + slackMs;
        const steps = latencyPolicies[request.title]?.filter(({ afterMs }) => afterMs <= waitedMs);
        const maxRttMs = steps?.at(-1)?.maxRttMs;
        if (maxRttMs !== undefined && measuredMs > maxRttMs) {
          report(`${region} is ${measuredMs} ms away, and ${maxRttMs} is the most by then`, request, event);
        }
      },
    },
  };
};
