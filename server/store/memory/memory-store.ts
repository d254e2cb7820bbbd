import { toStoreMs } from '../../domain/store-time.js';
import type { RegionPool } from '../../domain/catalog.js';
import { DEFAULT_BACK_OFF } from '../../domain/host-failures.js';
import type { ServerClock } from '../../runtime/runtime.js';
import { systemClock } from '../../runtime/system-runtime.js';
import type { FleetStore } from '../fleet-store.js';
import { DEFAULT_OFFER_MS, DEFAULT_RESUME_WINDOW_MS, type StoreOptions } from '../store-options.js';
import { createMemoryDrains } from './drains/drains.js';
import { createMemoryHosts } from './hosts/hosts.js';
import { createMemoryInbox } from './inbox/inbox.js';
import { createMemoryLeases } from './leases/leases.js';
import { createMemoryMoves } from './moves/moves.js';
import type { PoolState } from './pool/pool-state.js';
import { RegionPools } from './pool/region-pools.js';
import { createMemoryQueue } from './queue/queue.js';
import type { PlayerRequests } from './requests/player-requests.js';
import { RequestRecords } from './requests/request-records.js';
import { createMemoryRequests } from './requests/requests.js';
import { createMemorySessions } from './sessions/sessions.js';

export interface MemoryStoreOptions extends StoreOptions {
  /** The store's time is its wall time. The system's clock when absent. */
  readonly clock?: Pick<ServerClock, 'wallMs' | 'runNextTurn'>;
}

export interface MemoryStore extends FleetStore {
  /** The state of one region pool: for the model test, which compares it with Redis. */
  poolState(regionPool: RegionPool): PoolState;
  /** The requests of one player, for the same test. */
  playerRequests(playerId: string): PlayerRequests;
}

/**
 * A store in this process: the embedded default, the simulator's store, and the model that the Redis store is tested
 * against. Brokers share it only within one process. Nothing survives a restart.
 */
export function createMemoryStore(options: MemoryStoreOptions): MemoryStore {
  const { clock = systemClock } = options;
  const now = (): number => clock.wallMs();
  const rules = {
    now,
    suspectAfterMs: options.suspectAfterMs,
    offerMs: options.offerMs ?? DEFAULT_OFFER_MS,
    resumeWindowMs: options.resumeWindowMs ?? DEFAULT_RESUME_WINDOW_MS,
    backOff: options.backOff ?? DEFAULT_BACK_OFF,
  };
  const pools = new RegionPools(rules, (callback) => clock.runNextTurn(callback));
  const drains = createMemoryDrains(() => toStoreMs(now()));
  const requests = new RequestRecords();
  return {
    kind: 'memory',
    ...createMemoryRequests(now, requests),
    ...createMemoryHosts(pools, drains),
    ...createMemorySessions(pools),
    ...createMemoryQueue(pools),
    ...createMemoryMoves(pools),
    ...drains,
    ...createMemoryInbox(pools),
    ...createMemoryLeases(pools),
    poolState: (regionPool) => pools.get(regionPool),
    playerRequests: (playerId) => requests.peek(playerId),
    getTimeMs: async () => toStoreMs(now()),
    ping: async () => undefined,
    // It lives and dies with the process of its brokers.
    getMemoryId: async () => 'process',
    close: async () => pools.wakeUpListeners.clear(),
  };
}
