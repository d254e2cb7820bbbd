import { digestSessions } from '../../../domain/session-digest.js';
import type { RecountResult } from '../../contracts/hosts.js';
import { countedSlots, type MemoryHost } from '../pool/memory-host.js';
import type { PoolState } from '../pool/pool-state.js';
import { forgetOldFailures } from './host-failures.js';

/** Recounts all hosts in one call, and forgets old failures: no other caller waits for the memory store. */
export function recountHosts(pool: PoolState, nowMs: number): RecountResult {
  forgetOldFailures(pool, nowMs);
  const hosts = [...pool.hosts.values()];
  const repaired = hosts.filter((host) => recountHost(pool, host)).map(({ hostId }) => hostId);
  pool.readySlots = hosts.reduce((sum, host) => sum + countedSlots(host), 0);
  pool.liveSessions = hosts.reduce((sum, { committed }) => sum + committed, 0);
  return { next: null, repaired: repaired.sort() };
}

/** Sets a host's counter, digest and position among free hosts by its sessions. Returns whether the first two changed. */
export function recountHost(pool: PoolState, host: MemoryHost): boolean {
  const sessions = host.sessions.map(({ record }) => record);
  const digest = digestSessions(sessions);
  const wrong = host.committed !== sessions.length || host.digest !== digest;
  host.committed = sessions.length;
  host.digest = digest;
  pool.updateFreeOrder(host);
  return wrong;
}
