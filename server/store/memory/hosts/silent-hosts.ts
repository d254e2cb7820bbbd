import { toStoreMs, toUnixMs } from '../../../domain/store-time.js';
import type { EndReason } from '@duskline/protocol/vocabulary';
import { nextHostState } from '../../../domain/host-state.js';
import type { SilentHostMark, SilentHostsReport } from '../../contracts/hosts.js';
import type { EndedSession } from '../../contracts/session-record.js';
import type { MemoryHost } from '../pool/memory-host.js';
import { requeueOffer } from '../pool/offers.js';
import type { PoolState } from '../pool/pool-state.js';

export function findSilentHosts(
  pool: PoolState,
  silentForMs: number,
  limit: number,
  nowMs: number,
): SilentHostsReport {
  const silent = [...pool.hosts.values()]
    .filter((host) => nowMs - host.heartbeatAtMs > silentForMs)
    .sort((a, b) => a.heartbeatAtMs - b.heartbeatAtMs || (a.hostId < b.hostId ? -1 : 1))
    .slice(0, limit)
    .map((host) => ({
      hostId: host.hostId,
      state: host.state,
      silentMs: nowMs - host.heartbeatAtMs,
      missingForMs: host.missingAtMs === 0 ? null : nowMs - host.missingAtMs,
      heartbeatAtMs: toStoreMs(host.heartbeatAtMs),
    }));
  return { hosts: pool.hosts.size, silent };
}

export function markSilentHosts(
  pool: PoolState,
  marks: readonly SilentHostMark[],
  nowMs: number,
  callerId: string,
): EndedSession[] {
  return marks.flatMap(({ hostId, heartbeatAtMs, order }) => {
    const host = pool.hosts.get(hostId);
    if (host?.heartbeatAtMs !== toUnixMs(heartbeatAtMs)) return [];
    switch (order) {
      case 'suspect':
        pool.setState(host, nextHostState(host.state, 'late'));
        return [];
      case 'missing':
        if (host.missingAtMs === 0) host.missingAtMs = nowMs;
        return [];
      case 'lost':
        return host.missingAtMs === 0 ? [] : endHostSessions(pool, host, 'host_lost', nowMs, callerId);
    }
  });
}

/**
 * Ends all sessions of a host and forgets it. Entries with an offer on it wait again. The freed-slot rate does not count
 * its slots: they are gone, so no waiting entry will get one.
 */
export function endHostSessions(
  pool: PoolState,
  host: MemoryHost,
  reason: EndReason,
  nowMs: number,
  callerId: string,
): EndedSession[] {
  const ended: EndedSession[] = [];
  const freedBefore = pool.freedRate.freed;
  for (const session of pool.listHostSessions(host)) {
    if (session.state === 'offered') requeueOffer(pool, session, nowMs);
    else {
      const why = session.state === 'reserved' ? 'host_lost' : reason;
      ended.push(pool.endSession(session, why, nowMs, callerId));
    }
  }
  pool.freedRate.freed = freedBefore;
  pool.deleteHost(host);
  return ended;
}
