import type { BrokerTypes, PhaseName } from './client-session.js';
import type { SessionEvent } from './events.js';

/**
 * The phases to which an event can lead, by the phase before. An event that is not listed does not change the phase: it is
 * ignored, or changes other fields of the session. Tests compare this table with `step` and with `docs/develop/client-session.md`.
 */
export const NEXT_PHASES: Readonly<
  Record<PhaseName, Readonly<Partial<Record<SessionEvent<BrokerTypes>['type'], readonly PhaseName[]>>>>
> = {
  unmatched: {
    end_found: ['lapsed'],
    matched: ['reserved', 'claimed', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'away', 'over'],
  },
  reserved: {
    matched: ['claimed', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'away', 'over'],
    changed: ['claimed', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'over'],
    verified: ['claimed', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'over'],
    read: ['claimed', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'over'],
    end_ordered: ['ending'],
    disconnected: ['away'],
    moving: ['changing_hosts'],
  },
  claimed: {
    matched: ['reserved', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'away', 'over'],
    changed: ['reserved', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'over'],
    verified: ['reserved', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'over'],
    read: ['reserved', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'over'],
    end_ordered: ['ending'],
    disconnected: ['away'],
    moving: ['changing_hosts'],
  },
  changing_hosts: {
    matched: ['reserved', 'claimed', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'away', 'over'],
    changed: ['reserved', 'claimed', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'over'],
    verified: ['reserved', 'claimed', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'over'],
    end_ordered: ['ending'],
    disconnected: ['away'],
    move_cancelled: ['reserved', 'claimed'],
  },
  locating: {
    matched: ['reserved', 'claimed', 'resumed_elsewhere', 'replacing', 'lapsed', 'away', 'over'],
    changed: ['reserved', 'claimed', 'changing_hosts', 'resumed_elsewhere', 'replacing', 'lapsed', 'over'],
    verified: ['reserved', 'claimed', 'changing_hosts', 'resumed_elsewhere', 'replacing', 'lapsed', 'over'],
    end_ordered: ['ending'],
    disconnected: ['away'],
    located: ['reserved', 'claimed', 'changing_hosts', 'resumed_elsewhere', 'replacing', 'lapsed', 'over'],
  },
  resumed_elsewhere: {
    matched: ['reserved', 'claimed', 'locating', 'replacing', 'lapsed', 'away', 'over'],
    changed: ['reserved', 'claimed', 'locating', 'replacing', 'lapsed', 'over'],
    verified: ['reserved', 'claimed', 'locating', 'replacing', 'lapsed', 'over'],
    end_ordered: ['ending'],
    disconnected: ['over'],
    owner_found: ['reserved', 'claimed', 'over'],
  },
  ending: {
    matched: ['away', 'over'],
    changed: ['over'],
    verified: ['over'],
    end_answered: ['reserved', 'claimed', 'over'],
    disconnected: ['away'],
  },
  replacing: {
    matched: ['reserved', 'claimed', 'locating', 'resumed_elsewhere', 'lapsed', 'away', 'over'],
    replacement_refused: ['claimed', 'lapsed', 'away', 'over'],
    replacement_replaced: ['over'],
  },
  lapsed: {
    matched: ['reserved', 'claimed', 'locating', 'resumed_elsewhere', 'replacing', 'away', 'over'],
    changed: ['returning', 'over'],
    disconnected: ['over'],
  },
  returning: {
    end_found: ['lapsed'],
    matched: ['reserved', 'claimed', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'away', 'over'],
    changed: ['lapsed', 'over'],
    disconnected: ['away'],
    renewed: ['claimed', 'over'],
  },
  away: {
    end_found: ['lapsed'],
    matched: ['reserved', 'claimed', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'over'],
    changed: ['over'],
    disowned: ['over'],
  },
  over: {
    end_found: ['lapsed'],
    matched: ['reserved', 'claimed', 'locating', 'resumed_elsewhere', 'replacing', 'lapsed', 'away'],
  },
};
