import type { CreateCheck } from '../check.js';
import type { EventOf, HistoryEvent } from '../events.js';
import { createFaultTimes } from '../fault-times.js';

/**
 * S9 (and the second half of L4): a host is declared lost, and its sessions end with `host_lost`, only after it was silent
 * for `lostAfterMs`. While Redis is unavailable no heartbeat can be stored: that counts as silence of all hosts.
 */
export const checkLostHosts: CreateCheck = ({ lostAfterMs, heartbeatIntervalMs, slackMs }, report) => {
  const silentSince = new Map<string, HistoryEvent>();
  const heardAtMs = new Map<string, number>();
  const runs = new Map<string, EventOf<'admitted'>>();
  const stopped = new Set<string>();
  const faults = createFaultTimes(0);

  /** Whether the host had been silent for long enough, allowing for one heartbeat and the observer's tolerance. */
  const mayBeLost = (host: string, atMs: number): boolean => {
    if (stopped.has(host)) return true;
    if (faults.boundStartMs(0) === Infinity || atMs - faults.lastRedisFaultMs < lostAfterMs + slackMs)
      return true;
    const since = silentSince.get(host)?.atMs;
    const heard = Math.max(heardAtMs.get(host) ?? -Infinity, (since ?? atMs) - heartbeatIntervalMs);
    return atMs - heard >= lostAfterMs - slackMs && since !== undefined;
  };
  const judge = (host: string, event: HistoryEvent, what: string): void => {
    if (mayBeLost(host, event.atMs)) return;
    const silence = silentSince.get(host);
    const how = silence === undefined ? 'it was never silent' : 'its silence was too short';
    report(`${what}, but ${how}`, ...(silence === undefined ? [] : [silence]), event);
  };
  return {
    on: {
      ...faults.on,
      'host-registered': ({ host }) => void stopped.delete(host),
      'host-silent'(event) {
        if (!silentSince.has(event.host)) silentSince.set(event.host, event);
      },
      'host-back': ({ host }) => void silentSince.delete(host),
      'host-stopped'(event) {
        stopped.add(event.host);
        silentSince.delete(event.host);
      },
      heartbeat: ({ host, atMs }) => void heardAtMs.set(host, atMs),
      admitted: (event) => void runs.set(event.sessionId, event),
      'host-ended'({ host, sessionId }) {
        if (runs.get(sessionId)?.host === host) runs.delete(sessionId);
      },
      'host-state'(event) {
        if (event.state === 'lost') judge(event.host, event, `${event.host} was declared lost`);
      },
      'session-ended'(event) {
        const run = runs.get(event.sessionId);
        if (event.reason !== 'host_lost' || run?.epoch !== event.epoch) return;
        judge(run.host, event, `${event.sessionId} ended with host_lost`);
      },
    },
  };
};
