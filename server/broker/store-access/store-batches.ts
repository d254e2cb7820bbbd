import type { RegionPool } from '../../domain/catalog.js';
import type {
  StateChangeOutcome,
  RequestEntry,
  RequestKey,
  RequestRecord,
  RecordRequestOutcome,
  EndedRequest,
  EndedSession,
  EnqueueOutcome,
  FleetStore,
  QueueStatus,
  RelayOutcome,
  SessionMessage,
  EndSessionRequest,
  EndSessionOutcome,
  Reservation,
  ReserveOutcome,
  SessionStateChange,
  NewQueueEntry,
  Withdrawal,
} from '../../store/fleet-store.js';
import type { Limits } from '../../domain/limits.js';
import type { ServerClock } from '../../runtime/runtime.js';
import type { FleetCache } from './fleet-cache.js';
import { createRegionPoolBatcher } from './region-pool-batcher.js';
import { createTickBatcher, createUnansweredBatcher, type AddToBatch } from './tick-batcher.js';

/** Frequent store operations. Callers pass one item; the store gets one call per region pool and turn of the event loop. */
export interface StoreBatches {
  recordRequest(entry: RequestEntry): Promise<RecordRequestOutcome>;
  findRequest(key: RequestKey): Promise<RequestRecord | null>;
  /**
   * Ends the live request of a player whose session has ended. If the store is unreachable, the player's next request finds that the
   * session has ended.
   */
  clearLiveRequest(ended: EndedRequest): void;
  reserve(regionPool: RegionPool, reservation: Reservation): Promise<ReserveOutcome>;
  updateSessionState(regionPool: RegionPool, change: SessionStateChange): Promise<StateChangeOutcome>;
  endSession(regionPool: RegionPool, request: EndSessionRequest): Promise<EndSessionOutcome>;
  enqueue(regionPool: RegionPool, entry: NewQueueEntry): Promise<EnqueueOutcome>;
  /** Position of one waiting request. Also records that its client is connected. */
  queueStatus(regionPool: RegionPool, sessionId: string): Promise<QueueStatus>;
  /** Takes a request out of the queue, and ends its assignments of an earlier epoch. Returns those that ended. */
  withdrawEntry(regionPool: RegionPool, withdrawal: Withdrawal): Promise<readonly EndedSession[]>;
  relayMessage(regionPool: RegionPool, message: SessionMessage): Promise<RelayOutcome>;
}

export function createStoreBatches(
  store: FleetStore,
  fleet: FleetCache,
  brokerId: string,
  { reservationMs, queueMaxLength }: Pick<Limits, 'reservationMs' | 'queueMaxLength'>,
  clock: Pick<ServerClock, 'runNextTurn'>,
): StoreBatches {
  const inTurn = <Item, Outcome>(
    run: (items: readonly Item[]) => Promise<readonly Outcome[]>,
  ): AddToBatch<Item, Outcome> => createTickBatcher(run, clock);
  const inTurnAndPool = <Item, Outcome>(
    run: (regionPool: RegionPool, items: readonly Item[]) => Promise<readonly Outcome[]>,
  ): ((regionPool: RegionPool, item: Item) => Promise<Outcome>) => createRegionPoolBatcher(run, clock);
  return {
    recordRequest: inTurn((entries) => store.recordRequests(entries)),
    findRequest: inTurn((keys) => store.findRequests(keys)),
    clearLiveRequest: createUnansweredBatcher((ended) => store.clearLiveRequests(ended), clock),
    reserve: inTurnAndPool(async (regionPool, reservations) => {
      const { outcomes, utilisation } = await store.reserve(
        regionPool,
        reservations,
        reservationMs,
        brokerId,
      );
      fleet.setUtilisation(regionPool, utilisation);
      return outcomes;
    }),
    updateSessionState: inTurnAndPool((regionPool, changes) =>
      store.updateSessionStates(regionPool, changes, brokerId),
    ),
    endSession: inTurnAndPool((regionPool, requests) => store.endSessions(regionPool, requests, brokerId)),
    relayMessage: inTurnAndPool((regionPool, messages) =>
      store.relayMessages(regionPool, messages, brokerId),
    ),
    enqueue: inTurnAndPool((regionPool, entries) =>
      store.enqueue(regionPool, entries, queueMaxLength, brokerId),
    ),
    queueStatus: inTurnAndPool(async (regionPool, sessionIds) => {
      const { entries, ...queue } = await store.getQueueStatus(regionPool, sessionIds, true);
      return entries.map((entry) => ({ ...queue, entries: [entry] }));
    }),
    withdrawEntry: inTurnAndPool(async (regionPool, withdrawals) => {
      const ended = await store.withdrawEntries(regionPool, withdrawals, brokerId);
      return withdrawals.map(({ sessionId }) =>
        ended.filter(({ session }) => session.sessionId === sessionId),
      );
    }),
  };
}
