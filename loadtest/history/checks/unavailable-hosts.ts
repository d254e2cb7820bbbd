import type { CreateCheck } from '../check.js';
import type { EventOf, KnownHostState } from '../events.js';

const UNAVAILABLE_STATES: readonly KnownHostState[] = [
  'suspect',
  'lost',
  'cordoned',
  'draining',
  'standby',
  'lent',
];

/**
 * S4: a host that is closed to new sessions gets none, from the time when the store has that state. Messages about slots
 * that were reserved just before may arrive within `slackMs`.
 */
export const checkUnavailableHosts: CreateCheck = ({ slackMs }, report) => {
  const closed = new Map<string, EventOf<'host-state'>>();
  const placed = new Set<string>();

  const place = (event: EventOf<'matched' | 'prepared'>): void => {
    const key = `${event.sessionId} ${event.epoch}`;
    if (placed.has(key)) return;
    placed.add(key);
    const order = closed.get(event.host);
    if (order === undefined || event.atMs <= order.atMs + slackMs) return;
    report(`${event.host} got ${event.sessionId} while it was ${order.state}`, order, event);
  };
  return {
    on: {
      'host-state'(event) {
        if (!UNAVAILABLE_STATES.includes(event.state)) closed.delete(event.host);
        else if (!closed.has(event.host)) closed.set(event.host, event);
      },
      // Registration clears `suspect` and `lost`. Orders of operators stay in force.
      'host-registered'({ host }) {
        if (['suspect', 'lost'].includes(closed.get(host)?.state ?? '')) closed.delete(host);
      },
      // The slot of a session that moves was reserved earlier: a later match that names the target host is no placement.
      moving: ({ sessionId, epoch }) => void placed.add(`${sessionId} ${epoch}`),
      began: ({ sessionId, epoch }) => void placed.add(`${sessionId} ${epoch}`),
      matched: place,
      prepared: place,
    },
  };
};
