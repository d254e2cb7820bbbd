import type { EndReason } from '@duskline/protocol/vocabulary';
import { nextHostState } from '../../../domain/host-state.js';
import {
  INBOX_KEPT_MS,
  type EndedSession,
  type RecountResult,
  type SilentHostMark,
  type SilentHostsReport,
} from '../../fleet-store.js';
import { countReadySlots, recountHost } from '../hosts/hosts.js';
import type { PoolState } from '../pool/pool-state.js';

export function expireSessions(
  place: PoolState,
  limit: number,
  nowMs: number,
  callerId: string,
): EndedSession[] {
  const endDue = (state: 'reserved' | 'arriving' | 'disconnected', reason: EndReason): EndedSession[] =>
    place.expiryLists[state]
      .expiredBy(nowMs, limit)
      .flatMap((sessionId) => place.sessions.get(sessionId) ?? [])
      .map((session) => place.endSession(session, reason, nowMs, callerId));
  return [
    ...endDue('reserved', 'reservation_expired'),
    ...endDue('arriving', 'move_failed'),
    ...endDue('disconnected', 'reconnect_expired'),
  ];
}

export function deleteEndedSessions(place: PoolState, limit: number, nowMs: number): number {
  const due = place.expiryLists.ended.expiredBy(nowMs, limit);
  for (const sessionId of due) place.deleteSession(sessionId);
  for (const [brokerId, { firstAtMs }] of place.changedSessions) {
    if (nowMs - firstAtMs > INBOX_KEPT_MS) place.changedSessions.delete(brokerId);
  }
  place.inboxes.deleteExpired(nowMs);
  return due.length;
}

export function findSilentHosts(
  place: PoolState,
  silentForMs: number,
  limit: number,
  nowMs: number,
): SilentHostsReport {
  const silent = [...place.hosts.values()]
    .filter((host) => nowMs - host.beatAtMs > silentForMs)
    .sort((a, b) => a.beatAtMs - b.beatAtMs || (a.hostId < b.hostId ? -1 : 1))
    .slice(0, limit)
    .map((host) => ({
      hostId: host.hostId,
      state: host.state,
      silentMs: nowMs - host.beatAtMs,
      missingForMs: host.missingAtMs === 0 ? null : nowMs - host.missingAtMs,
      beatAtMs: host.beatAtMs,
    }));
  return { hosts: place.hosts.size, silent };
}

export function markSilentHosts(
  place: PoolState,
  orders: readonly SilentHostMark[],
  nowMs: number,
  callerId: string,
): EndedSession[] {
  return orders.flatMap(({ hostId, beatAtMs, order }) => {
    const host = place.hosts.get(hostId);
    if (host?.beatAtMs !== beatAtMs) return [];
    switch (order) {
      case 'suspect':
        place.setState(host, nextHostState(host.state, 'late'));
        return [];
      case 'missing':
        if (host.missingAtMs === 0) host.missingAtMs = nowMs;
        return [];
      case 'lost':
        return host.missingAtMs === 0 ? [] : place.removeHost(host, 'host_lost', nowMs, callerId);
    }
  });
}

/** One call is a whole pass: the memory store has no other caller to keep waiting. */
export function recountHosts(place: PoolState): RecountResult {
  const repaired = [...place.hosts.values()]
    .filter((host) => recountHost(place, host))
    .map((host) => host.hostId);
  place.readySlots = countReadySlots(place);
  place.liveSessions = [...place.hosts.values()].reduce((sum, host) => sum + host.committed, 0);
  return { next: null, repaired: repaired.sort() };
}
