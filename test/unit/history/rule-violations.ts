import type { Rule } from '@duskline/loadtest/history/check.js';
import type { EventOf, EventType, FleetHost, HistoryEvent } from '@duskline/loadtest/history/events.js';
import { MODEL_BOUNDS } from './model-fleet.js';

/** Injects the violation of one rule into a valid history. */
export type RuleViolation = (history: readonly HistoryEvent[]) => HistoryEvent[];

/** The first session of every history: it was placed again once, and never ends. */
const FIRST = 's1';
/** A session with a failed move and then a successful one. */
const MOVED = 's3';
const { slackMs } = MODEL_BOUNDS;

type NamedFault = readonly [Rule, string, RuleViolation];

/**
 * A host admits a client with the ticket of an older epoch just after another one has admitted the newer epoch.
 *
 * @param endsAfterMs when the host ends that session again
 */
export function admitLate(history: readonly HistoryEvent[], endsAfterMs: number): HistoryEvent[] {
  const isFirst = ({ sessionId }: { readonly sessionId: string }): boolean => sessionId === FIRST;
  const older = find(history, 'admitted', (event) => isFirst(event) && event.epoch === 1);
  const newer = find(history, 'admitted', (event) => isFirst(event) && event.epoch === 2);
  const end = find(history, 'host-ended', isFirst);
  const roomy = replaceFirst(history, 'host-registered', (event) => ({ ...event, slots: 100 }));
  const atMs = Math.max(newer.atMs, end.atMs) + 1;
  const late = { ...older, atMs };
  // While a host cannot be reached, nobody can end its sessions.
  const reachable = roomy.filter(
    (event) => !((event.type === 'host-silent' || event.type === 'host-back') && event.host === older.host),
  );
  return add(reachable, late, { ...end, atMs: atMs + endsAfterMs });
}

const ALL: readonly NamedFault[] = [
  [
    'S1',
    'one epoch on two hosts',
    (history) => {
      const { type: _, ...at } = find(history, 'prepared', (event) => event.sessionId === FIRST);
      const elsewhere = { ...at, host: 'near/console-x/other' };
      return add(
        history,
        { ...elsewhere, type: 'prepared' },
        { ...elsewhere, type: 'host-ended', reason: 'operator', by: 'broker' },
      );
    },
  ],
  [
    'S1',
    'an epoch that falls',
    (history) => {
      const first = find(history, 'matched', ({ sessionId }) => sessionId === FIRST);
      const second = find(history, 'matched', ({ sessionId, epoch }) => sessionId === FIRST && epoch === 2);
      return add(history, { ...first, atMs: second.atMs + 1 });
    },
  ],
  [
    'S1',
    'an order to end a session of an older epoch that its host gets too late',
    (history) => {
      const end = find(history, 'host-ended', ({ sessionId }) => sessionId === FIRST);
      const roomy = replaceFirst(history, 'host-registered', (event) => ({ ...event, slots: 100 }));
      return add(
        roomy.filter((event) => event !== end),
        { ...end, atMs: lastMs(history) - 200 },
      );
    },
  ],
  [
    'S1',
    'a client that its former host admits after the new one, and keeps for too long',
    (history) => admitLate(history, 2 * MODEL_BOUNDS.handOverMs),
  ],
  [
    'S2',
    'more sessions than slots',
    (history) =>
      history.map((event) =>
        event.type === 'host-registered' && event.host.endsWith('h2') ? { ...event, slots: 0 } : event,
      ),
  ],
  [
    'S3',
    'a counter that drifted',
    (history) =>
      changeFleetSnapshots(history, (host, i) =>
        i === 0 ? { ...host, committed: host.committed + 1 } : host,
      ),
  ],
  [
    'S4',
    'a placement on a cordoned host',
    (history) => {
      const { host, atMs } = find(history, 'prepared', ({ epoch }) => epoch === 2);
      const order = { type: 'host-state', host } as const;
      return add(
        history,
        { ...order, state: 'cordoned', atMs: atMs - slackMs - 1 },
        { ...order, state: 'ready', atMs: atMs + 1 },
      );
    },
  ],
  [
    'S5',
    'a late release that ends the new assignment',
    (history) => {
      const { host, player } = find(history, 'admitted', ({ sessionId }) => sessionId === FIRST);
      const atMs = lastMs(history) - 200;
      const what = { sessionId: FIRST, reason: 'host_ended' } as const;
      return add(
        history,
        { ...what, type: 'host-ended', host, epoch: 1, by: 'host', atMs },
        { ...what, type: 'session-ended', player, epoch: 2, atMs: atMs + 1 },
      );
    },
  ],
  [
    'S6',
    'a session that disappears without a report',
    (history) => {
      const { host, sessionId, epoch } = find(history, 'admitted', (event) => {
        return event.sessionId === FIRST && event.epoch === 2;
      });
      const atMs = lastMs(history) - 150;
      const without = changeFleetSnapshots(history, (known) => {
        if (known.host !== host) return known;
        const sessions = known.sessions.filter((session) => session.sessionId !== sessionId);
        return { ...known, sessions, committed: known.committed - 1, slots: known.slots - 1 };
      });
      return add(without, {
        type: 'host-ended',
        host,
        sessionId,
        epoch,
        reason: 'operator',
        by: 'broker',
        atMs,
      });
    },
  ],
  [
    'S7',
    'a second session for one request',
    (history) => {
      const matched = find(history, 'matched');
      const other = { ...matched, sessionId: 'another' };
      return add(history, other, {
        type: 'left',
        player: matched.player,
        sessionId: 'another',
        atMs: matched.atMs,
      });
    },
  ],
  [
    'S8',
    'a region that the request does not allow',
    (history) => replaceFirst(history, 'requested', (event) => ({ ...event, rtt: { far: 20 } })),
  ],
  [
    'S8',
    'a region that the latency policy does not allow',
    (history) => {
      const far = replaceFirst(history, 'requested', (event) => ({ ...event, rtt: { near: 61 } }));
      const { player } = find(history, 'requested');
      return far.map((event) =>
        event.type === 'matched' && event.player === player ? { ...event, rttMs: 61 } : event,
      );
    },
  ],
  [
    'S8',
    'a match that names another round-trip time',
    (history) => replaceFirst(history, 'matched', (event) => ({ ...event, rttMs: event.rttMs! + 0.5 })),
  ],
  [
    'S9',
    'a host that is lost without a silence',
    (history) => {
      const atMs = lastMs(history) - 200;
      const host = 'near/console-x/h1';
      return add(
        history,
        { type: 'host-state', host, state: 'lost', atMs },
        { type: 'host-state', host, state: 'ready', atMs: atMs + 1 },
      );
    },
  ],
  [
    'L1',
    'a request without an answer',
    (history) => {
      const atMs = lastMs(history) - MODEL_BOUNDS.answerWithinMs - 1;
      const asked = { requestId: 'r', title: 'starfall', rtt: { near: 20 } };
      return add(history, { type: 'requested', player: 'nobody', ...asked, atMs });
    },
  ],
  [
    'L2',
    'a reservation that is held too long',
    (history) => {
      const over = find(history, 'session-ended', ({ reason }) => reason === 'reservation_expired');
      return add(
        history.filter((event) => event !== over),
        { ...over, atMs: lastMs(history) },
      );
    },
  ],
  [
    'L4',
    'a killed host that the store keeps',
    (history) => {
      const dead: FleetHost = {
        host: 'near/console-x/dead',
        region: 'near',
        pool: 'console-x',
        state: 'suspect',
        slots: 1,
        committed: 0,
        sessions: [],
      };
      return history.map((event) =>
        event.type === 'fleet' ? { ...event, hosts: [...event.hosts, dead] } : event,
      );
    },
  ],
  [
    'L5',
    'a player who waits while a slot is free',
    (history) => {
      const atMs = lastMs(history) - 500;
      const request = { player: 'nobody', requestId: 'r' };
      const wish = { title: 'starfall', rtt: { near: 20 } };
      const free: FleetHost = {
        host: 'near/console-x/free',
        region: 'near',
        pool: 'console-x',
        state: 'ready',
        slots: 1,
        committed: 0,
        sessions: [],
      };
      return add(
        history.map((event) =>
          event.type === 'fleet' ? { ...event, hosts: [...event.hosts, free] } : event,
        ),
        { type: 'connected', player: 'nobody', atMs },
        { type: 'requested', ...request, ...wish, atMs },
        { type: 'queued', ...request, position: 1, region: 'near', atMs: atMs + 5 },
      );
    },
  ],
  [
    'L6',
    'a broker that does not become ready again',
    (history) => add(history, { type: 'broker-ready', broker: 'b2', ready: false, atMs: lastMs(history) }),
  ],
  [
    'Q2',
    'a frame that is repeated after a failed move',
    (history) => {
      const resumed = find(history, 'resumed', ({ sessionId }) => sessionId === MOVED);
      const before = history
        .filter(({ type, atMs }) => type === 'frame-received' && atMs < resumed.atMs)
        .at(-1)!;
      return add(history, { ...before, atMs: resumed.atMs + 1 });
    },
  ],
  [
    'Q2',
    'a frame that is lost in a move',
    (history) => {
      const { atMs } = find(history, 'began', ({ sessionId }) => sessionId === MOVED);
      const lost = history.find((event) => event.type === 'frame-received' && event.atMs > atMs);
      return history.filter((event) => event !== lost);
    },
  ],
  [
    'Q2',
    'a host that sends frames of a session that has moved away',
    (history) => {
      const first = find(
        history,
        'frame-received',
        ({ sessionId, epoch }) => sessionId === MOVED && epoch === 1,
      );
      const { atMs } = find(
        history,
        'frame-received',
        ({ sessionId, epoch }) => sessionId === MOVED && epoch === 2,
      );
      return add(history, { ...first, count: 1_000, atMs: atMs + 1 });
    },
  ],
  [
    'Q2',
    'a session that starts on a host without its client',
    (history) => {
      const began = find(history, 'began', ({ sessionId }) => sessionId === MOVED);
      // The admission of the first move, which failed.
      const [, admitted] = history.filter(
        (event) => event.type === 'admitted' && event.host === began.host && event.sessionId === MOVED,
      );
      return add(
        history.filter((event) => event !== began),
        { ...began, atMs: admitted!.atMs - 1 },
      );
    },
  ],
  [
    'Q2',
    'a host that resumes a session that has moved away',
    (history) => {
      const began = find(history, 'began', ({ sessionId }) => sessionId === MOVED);
      const resumed = find(history, 'resumed', ({ sessionId }) => sessionId === MOVED);
      return add(history, { ...resumed, atMs: began.atMs + 1 });
    },
  ],
  [
    'Q3',
    'an offer out of order',
    (history) => {
      const atMs = lastMs(history) - 1_000;
      const wish = { title: 'drift', rtt: { near: 20 } };
      const [x, y] = [
        { player: 'x', requestId: 'r' },
        { player: 'y', requestId: 'r' },
      ];
      const turn = { type: 'offered', region: 'near', acceptWithinMs: 15_000 } as const;
      return add(
        history,
        { type: 'requested', ...x, ...wish, atMs },
        { type: 'queued', ...x, position: 1, region: 'near', atMs: atMs + 5 },
        { type: 'requested', ...y, ...wish, atMs: atMs + 200 },
        { type: 'queued', ...y, position: 2, region: 'near', atMs: atMs + 205 },
        { ...turn, ...y, atMs: atMs + 400 },
        { ...turn, ...x, atMs: atMs + 600 },
      );
    },
  ],
];

/** At least one violation of every rule. */
export function allRuleViolations(): readonly NamedFault[] {
  return ALL;
}

function find<T extends EventType>(
  history: readonly HistoryEvent[],
  type: T,
  fits: (event: EventOf<T>) => boolean = () => true,
): EventOf<T> {
  const found = history.find(
    (event): event is EventOf<T> => event.type === type && fits(event as EventOf<T>),
  );
  if (found === undefined) throw new Error(`the history has no such ${type}`);
  return found;
}

function lastMs(history: readonly HistoryEvent[]): number {
  return history.at(-1)?.atMs ?? 0;
}

/** Inserts events by their times, after events with the same time. */
function add(history: readonly HistoryEvent[], ...events: readonly HistoryEvent[]): HistoryEvent[] {
  return [...history, ...events].sort((a, b) => a.atMs - b.atMs);
}

function replaceFirst<T extends EventType>(
  history: readonly HistoryEvent[],
  type: T,
  change: (event: EventOf<T>) => HistoryEvent,
): HistoryEvent[] {
  const first = find(history, type);
  return history.map((event) => (event === first ? change(first) : event));
}

function changeFleetSnapshots(
  history: readonly HistoryEvent[],
  change: (host: FleetHost, index: number) => FleetHost,
): HistoryEvent[] {
  return history.map((event) =>
    event.type === 'fleet' ? { ...event, hosts: event.hosts.map(change) } : event,
  );
}
