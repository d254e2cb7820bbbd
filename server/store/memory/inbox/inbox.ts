import type { InboxStore, RelayOutcome, SessionMessage } from '../../contracts/inbox.js';
import type { PoolState } from '../pool/pool-state.js';
import type { RegionPools } from '../pool/region-pools.js';

/** Inboxes in memory, and wake-ups within the process. */
export function createMemoryInbox(pools: RegionPools): InboxStore {
  return {
    relayMessages: async (regionPool, messages, callerId) => {
      const pool = pools.get(regionPool);
      const nowMs = pools.now();
      return messages.map((message) => relayMessage(pool, message, nowMs, callerId));
    },

    takeMessages: async (regionPool, brokerId) => pools.get(regionPool).inboxes.takeAll(brokerId),

    takeChangedSessions: async (regionPool, brokerId) => {
      const pool = pools.get(regionPool);
      const sessionIds = [...(pool.changedSessions.get(brokerId)?.sessionIds ?? [])];
      pool.changedSessions.delete(brokerId);
      return sessionIds.flatMap((sessionId) => pool.sessions.get(sessionId) ?? []);
    },

    sendControlMessage: async (regionPool, brokerId, body) =>
      pools.get(regionPool).inboxes.add(brokerId, { kind: 'control', body }, pools.now()),

    sendWakeUp: (brokerId, regionPool) => pools.sendWakeUp(brokerId, regionPool),

    onWakeUp: async (brokerId, listener) => {
      pools.wakeUpListeners.set(brokerId, listener);
    },
  };
}

function relayMessage(
  pool: PoolState,
  { sessionId, epoch, fromHostId, body }: SessionMessage,
  nowMs: number,
  callerId: string,
): RelayOutcome {
  const known = pool.sessions.get(sessionId);
  if (known === undefined) return { kind: 'unknown' };
  const { hostId, clientBrokerId } = known;
  if (known.epoch !== epoch) return { kind: 'stale' };
  if (fromHostId !== null && fromHostId !== hostId) return { kind: 'unknown' };
  if (known.state === 'ended') return { kind: 'over', reason: known.reason ?? 'error' };
  const brokerId = fromHostId === null ? (pool.hosts.get(hostId)?.brokerId ?? '') : clientBrokerId;
  if (brokerId === '') return { kind: 'disconnected' };
  if (brokerId === callerId) return { kind: 'local', hostId };
  const toHostId = fromHostId === null ? hostId : null;
  const message = { kind: 'relayed', sessionId, epoch, toHostId, body } as const;
  return pool.inboxes.add(brokerId, message, nowMs) ? { kind: 'forwarded', brokerId } : { kind: 'overflow' };
}
