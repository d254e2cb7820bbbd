import type { EndReason } from '@duskline/protocol/vocabulary';
import { nextHostState } from '../../domain/host-state.js';
import {
  MAIL_KEPT_MS,
  type EndedSession,
  type Recount,
  type SilenceOrder,
  type SilenceReport,
} from '../fleet-store.js';
import { countReadySlots, recountHost } from './hosts.js';
import type { PlaceState } from './place-state.js';

export function expireSessions(
  place: PlaceState,
  limit: number,
  nowMs: number,
  callerId: string,
): EndedSession[] {
  const endDue = (state: 'reserved' | 'arriving' | 'disconnected', reason: EndReason): EndedSession[] =>
    place.dues[state]
      .dueBy(nowMs, limit)
      .flatMap((sessionId) => place.sessions.get(sessionId) ?? [])
      .map((session) => place.end(session, reason, nowMs, callerId));
  return [
    ...endDue('reserved', 'reservation_expired'),
    ...endDue('arriving', 'move_failed'),
    ...endDue('disconnected', 'reconnect_expired'),
  ];
}

export function forgetEnded(place: PlaceState, limit: number, nowMs: number): number {
  const due = place.dues.ended.dueBy(nowMs, limit);
  for (const sessionId of due) place.forgetSession(sessionId);
  for (const [brokerId, { firstAtMs }] of place.mail) {
    if (nowMs - firstAtMs > MAIL_KEPT_MS) place.mail.delete(brokerId);
  }
  place.letters.forget(nowMs);
  return due.length;
}

export function findSilent(
  place: PlaceState,
  silentForMs: number,
  limit: number,
  nowMs: number,
): SilenceReport {
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

export function orderSilent(
  place: PlaceState,
  orders: readonly SilenceOrder[],
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
export function recount(place: PlaceState): Recount {
  const repaired = [...place.hosts.values()]
    .filter((host) => recountHost(place, host))
    .map((host) => host.hostId);
  place.readySlots = countReadySlots(place);
  place.liveSessions = [...place.hosts.values()].reduce((sum, host) => sum + host.committed, 0);
  return { next: null, repaired: repaired.sort() };
}
