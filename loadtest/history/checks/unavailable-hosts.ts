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
 * S4: nothing new on a host that takes nothing, from the moment the store knows. What was reserved just before may
 * still be on its way to who sees it.
 */
export const checkUnavailableHosts: CreateCheck = ({ slackMs }, report) => {
  const barred = new Map<string, EventOf<'host-state'>>();
  const placed = new Set<string>();

  const place = (event: EventOf<'matched' | 'prepared'>): void => {
    const key = `${event.sessionId} ${event.epoch}`;
    if (placed.has(key)) return;
    placed.add(key);
    const order = barred.get(event.host);
    if (order === undefined || event.atMs <= order.atMs + slackMs) return;
    report(`${event.host} got ${event.sessionId} while it was ${order.state}`, order, event);
  };
  return {
    on: {
      'host-state'(event) {
        if (!UNAVAILABLE_STATES.includes(event.state)) barred.delete(event.host);
        else if (!barred.has(event.host)) barred.set(event.host, event);
      },
      // Whoever comes anew is judged anew; an operator's order holds on.
      'host-registered'({ host }) {
        if (['suspect', 'lost'].includes(barred.get(host)?.state ?? '')) barred.delete(host);
      },
      // A session that moves got its slot a while ago; a match that names the new host later is none of its own.
      moving: ({ sessionId, epoch }) => void placed.add(`${sessionId} ${epoch}`),
      began: ({ sessionId, epoch }) => void placed.add(`${sessionId} ${epoch}`),
      matched: place,
      prepared: place,
    },
  };
};
