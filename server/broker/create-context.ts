import { DEFAULT_REBALANCE_LIMITS } from '../domain/rebalance/limits/rebalance-limits.js';
import type { Runtime } from '../runtime/runtime.js';
import type { BrokerOptions } from './broker.js';
import { ConnectLimiter } from './connections/connect-limiter.js';
import { ConnectionDirectory } from './connections/connections.js';
import { ClientSessionDirectory } from './connections/client-session-directory.js';
import { ExpiringRecords } from './expiring-records.js';
import type { Connections } from './connections/ports.js';
import type { Credentials } from './credentials.js';
import { DEFAULT_INTERVALS } from './intervals.js';
import { createLimitedLog } from './limited-log.js';
import { createBrokerEvents, type Events } from './messaging/broker-events.js';
import { createClientSessionRunner } from './messaging/client-session-runner.js';
import { ActiveMoves, type ActiveMovesPort } from './moves/active-moves.js';
import type { Reporting } from './reporting.js';
import { ActiveRequests } from './requests/active-request.js';
import { PlayerHandovers } from './requests/player-handovers.js';
import type { Requests } from './requests/ports.js';
import type { EarlierWait } from './requests/earlier-wait.js';
import { createSessionNaming } from './sessions/new-session-id.js';
import type { BrokerSettings } from './settings.js';
import { FleetCache } from './store-access/fleet-cache.js';
import { RecentEnds } from './store-access/recent-ends.js';
import { RepeatedCalls } from './store-access/repeated-calls.js';
import type { StoreAccess } from './store-access/ports.js';
import { createStoreBatches } from './store-access/store-batches.js';
import { StoreClock } from './store-access/store-clock.js';
import { StoreHealth } from './store-access/store-health.js';

/** How many `hello` messages, and `play` messages of resuming clients, start in one turn of the event loop: 1 to 2 ms of work. */
const CONNECTS_PER_TURN = 4;

/** How long an attempt whose calls failed is remembered: longer than most outages of a store. */
const FAILED_ATTEMPT_KEPT_MS = 600_000;

/** All ports of a broker. Only the composition of the broker uses this type; a use case names the ports that it needs. */
export type BrokerContext = BrokerSettings &
  Runtime &
  StoreAccess &
  Connections &
  Requests &
  Credentials &
  Events &
  ActiveMovesPort &
  Reporting;

/** @param brokerId short and without a dot: connection ids are `<brokerId>.<number>` */
export function createContext(options: BrokerOptions, brokerId: string): BrokerContext {
  const { catalog, limits, tiers, store, tickets, iceServers, observer, log, clock, random } = options;
  const intervals = { ...DEFAULT_INTERVALS, ...options.intervals };
  const fleet = new FleetCache(store, catalog);
  const storeHealth = new StoreHealth(limits.heartbeatIntervalMs, intervals.minRebuildMs, clock);
  const ports = {
    brokerId,
    clock,
    random,
    catalog,
    limits,
    intervals,
    tiers,
    rebalanceLimits: options.rebalanceLimits ?? DEFAULT_REBALANCE_LIMITS,
    store,
    batches: createStoreBatches(store, fleet, brokerId, limits, clock),
    storeClock: new StoreClock(store, clock),
    storeHealth,
    repeatedCalls: new RepeatedCalls(storeHealth, clock, limits),
    recentEnds: new RecentEnds(clock),
    fleet,
    connections: new ConnectionDirectory(),
    clientSessions: new ClientSessionDirectory(limits.resumeWindowMs, clock),
    connectLimiter: new ConnectLimiter(CONNECTS_PER_TURN, clock),
    ...createSessionNaming({ clock, random }),
    activeRequests: new ActiveRequests(),
    earlierWaits: new ExpiringRecords<EarlierWait>(limits.queueGraceMs, clock),
    failedAttempts: new ExpiringRecords<{ readonly sessionId: string }>(FAILED_ATTEMPT_KEPT_MS, clock),
    handovers: new PlayerHandovers(),
    tickets,
    iceServers,
    events: createBrokerEvents(),
    activeMoves: new ActiveMoves(),
    observer,
    log,
    limitedLog: createLimitedLog(log, clock),
  };
  return { ...ports, sessionRunner: createClientSessionRunner(ports) };
}
