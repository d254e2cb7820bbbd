import type { CreateCheck } from '../check.js';
import { requestName, type EventOf } from '../events.js';

/** S8: the matched region is allowed by the request and by the latency policy at that time, and the answer names its rank. */
export const checkRequestConstraints: CreateCheck = ({ latencyPolicies = {}, slackMs }, report) => {
  const requests = new Map<string, EventOf<'requested'>>();
  return {
    on: {
      requested(event) {
        const key = requestName(event);
        if (!requests.has(key)) requests.set(key, event);
      },
      matched(event) {
        const request = requests.get(requestName(event));
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
        if (measuredMs === null) {
          if (rttMs !== undefined)
            report(`${region} was not measured, and the answer says ${rttMs}`, request, event);
          return;
        }
        // For moves, brokers store the round-trip times of a session to other regions in whole milliseconds.
        const isCorrect = rttMs === measuredMs || (event.epoch > 1 && rttMs === Math.round(measuredMs));
        if (!isCorrect) {
          report(`${region} is ${measuredMs} ms away, and the answer says ${rttMs}`, request, event);
        }
        // A later match of the session may be a move, for which other latency limits hold.
        if (event.epoch > 1) return;
        const waitedMs = event.atMs - request.atMs + slackMs;
        const steps = latencyPolicies[request.title]?.filter(({ afterMs }) => afterMs <= waitedMs);
        const maxRttMs = steps?.at(-1)?.maxRttMs;
        if (maxRttMs !== undefined && measuredMs > maxRttMs) {
          report(
            `${region} is ${measuredMs} ms away, and the policy allows ${maxRttMs} ms at that time`,
            request,
            event,
          );
        }
      },
    },
  };
};
