import type { CreateCheck } from '../check.js';
import type { EventOf } from '../events.js';

/** L6: at the end of the history every broker that was not killed is ready. */
export const checkBrokerReadiness: CreateCheck = (_, report) => {
  const last = new Map<string, EventOf<'broker-ready'>>();
  return {
    on: {
      'broker-ready': (event) => void last.set(event.broker, event),
      fault({ fault, target }) {
        if (fault === 'broker-killed') last.delete(target);
      },
    },
    finish() {
      for (const event of last.values()) {
        if (!event.ready) report(`${event.broker} is not ready at the end`, event);
      }
    },
  };
};
