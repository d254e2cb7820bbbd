import type { CreateCheck } from '../check.js';
import type { EventOf } from '../events.js';
import { createFaultTimes } from '../fault-times.js';

/** L4: within the bound, the store removes the record and the sessions of a killed host: no later snapshot contains it. */
export const checkKilledHosts: CreateCheck = ({ goneWithinMs, recoverWithinMs }, report) => {
  const killed = new Map<string, EventOf<'host-stopped'>>();
  const faults = createFaultTimes(recoverWithinMs);
  return {
    on: {
      ...faults.on,
      'host-registered': ({ host }) => void killed.delete(host),
      'host-stopped'(event) {
        if (event.how === 'killed') killed.set(event.host, event);
      },
      fleet(event) {
        for (const { host, state, committed } of event.hosts) {
          const death = killed.get(host);
          if (death === undefined || (state === 'lost' && committed === 0)) continue;
          if (event.atMs - faults.boundStartMs(death.atMs) <= goneWithinMs) continue;
          report(`${host} was killed, and is still ${state} with ${committed} slots taken`, death, event);
        }
      },
    },
  };
};
