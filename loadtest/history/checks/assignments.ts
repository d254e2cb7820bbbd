import type { CreateCheck } from '../check.js';
import type { EventOf, HistoryEvent } from '../events.js';

interface Held {
  readonly epoch: number;
  readonly admitted: EventOf<'admitted'>;
  /** The admission on another host, at a newer epoch, that made this assignment outdated. */
  outdatedBy: EventOf<'admitted'> | undefined;
}

/**
 * S1: each epoch of a session has one host; no client or host sees the epochs of a session decrease; and a session runs on
 * two hosts only while the older host cannot be reached, or for the time that it takes to reach it. When a move failed, the
 * target host never held the session, so the epoch may be assigned to another host.
 */
export const checkAssignments: CreateCheck = ({ handOverMs }, report) => {
  const hosts = new Map<string, { readonly host: string; readonly event: HistoryEvent }>();
  const newest = new Map<string, { readonly epoch: number; readonly event: HistoryEvent }>();
  const running = new Map<string, Map<string, Held>>();
  /** Target hosts of moves that are not complete, by session and epoch. */
  const promised = new Map<string, string>();
  const silent = new Set<string>();
  const backAtMs = new Map<string, number>();

  const isAt = (host: string, sessionId: string, epoch: number, event: HistoryEvent): void => {
    const key = `${sessionId} ${epoch}`;
    const known = hosts.get(key);
    if (known === undefined) hosts.set(key, { host, event });
    else if (known.host !== host) {
      report(`epoch ${epoch} of ${sessionId} is on ${known.host} and on ${host}`, known.event, event);
    }
  };
  const sees = (who: string, sessionId: string, epoch: number, event: HistoryEvent): void => {
    const key = `${who} ${sessionId}`;
    const known = newest.get(key);
    if (known !== undefined && epoch < known.epoch) {
      report(`${who} saw ${sessionId} go back from epoch ${known.epoch} to ${epoch}`, known.event, event);
    } else if (known?.epoch !== epoch) newest.set(key, { epoch, event });
  };
  /** Checks an assignment when it ends, or at the end of the history. */
  const judge = (host: string, held: Held, endAtMs: number): void => {
    const { outdatedBy, admitted } = held;
    if (outdatedBy === undefined || silent.has(host)) return;
    const fromMs = Math.max(outdatedBy.atMs, backAtMs.get(host) ?? 0);
    if (endAtMs - fromMs <= handOverMs) return;
    const what = `${admitted.sessionId} ran on ${host} (epoch ${held.epoch}) and on ${outdatedBy.host}`;
    report(
      `${what} (epoch ${outdatedBy.epoch}) for ${Math.round(endAtMs - fromMs)} ms`,
      admitted,
      outdatedBy,
    );
  };
  /** A move failed: the assignment on the source host is not outdated by it. */
  const cancelMove = (host: string, sessionId: string, epoch: number): void => {
    const key = `${sessionId} ${epoch}`;
    if (promised.get(key) !== host) return;
    promised.delete(key);
    hosts.delete(key);
    for (const held of running.get(sessionId)?.values() ?? []) {
      if (held.outdatedBy?.epoch === epoch) held.outdatedBy = undefined;
    }
  };
  const end = (host: string, sessionId: string, atMs: number, epoch = Infinity): void => {
    const held = running.get(sessionId)?.get(host);
    if (held === undefined || held.epoch > epoch) return;
    judge(host, held, atMs);
    running.get(sessionId)?.delete(host);
    if (running.get(sessionId)?.size === 0) running.delete(sessionId);
  };

  return {
    on: {
      matched(event) {
        isAt(event.host, event.sessionId, event.epoch, event);
        sees(event.player, event.sessionId, event.epoch, event);
      },
      moving({ sessionId, epoch, host, ...event }) {
        promised.set(`${sessionId} ${epoch}`, host);
        isAt(host, sessionId, epoch, { sessionId, epoch, host, ...event });
      },
      began(event) {
        promised.delete(`${event.sessionId} ${event.epoch}`);
        isAt(event.host, event.sessionId, event.epoch, event);
        sees(event.host, event.sessionId, event.epoch, event);
      },
      prepared(event) {
        isAt(event.host, event.sessionId, event.epoch, event);
        sees(event.host, event.sessionId, event.epoch, event);
      },
      admitted(event) {
        const { host, sessionId, epoch } = event;
        isAt(host, sessionId, epoch, event);
        sees(host, sessionId, epoch, event);
        const all = running.get(sessionId) ?? new Map<string, Held>();
        running.set(sessionId, all);
        // A client may come with its older ticket while the order to end that assignment is on its way to the host.
        let outdatedBy: Held['outdatedBy'];
        for (const [other, held] of all) {
          if (other === host) continue;
          if (held.epoch < epoch) held.outdatedBy ??= event;
          else if (held.epoch > epoch) outdatedBy = held.admitted;
        }
        all.set(host, { epoch, admitted: event, outdatedBy });
      },
      'host-ended'({ host, sessionId, epoch, atMs }) {
        cancelMove(host, sessionId, epoch);
        end(host, sessionId, atMs, epoch);
      },
      'host-stopped'({ host, atMs }) {
        for (const [key, to] of promised) {
          const [sessionId = '', epoch] = key.split(' ');
          if (to === host) cancelMove(host, sessionId, Number(epoch));
        }
        for (const [sessionId, all] of running) if (all.has(host)) end(host, sessionId, atMs);
      },
      'host-silent': ({ host }) => void silent.add(host),
      'host-back'({ host, atMs }) {
        if (silent.delete(host)) backAtMs.set(host, atMs);
      },
    },
    finish(endAtMs) {
      for (const all of running.values()) for (const [host, held] of all) judge(host, held, endAtMs);
    },
  };
};
