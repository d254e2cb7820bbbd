import { groupByRegionPool } from '../../domain/catalog.js';
import { notifyAllOfChange } from '../messaging/session-events.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';

/**
 * Records again the ends of sessions that this broker has ended, in a store that may have lost them. Otherwise the sessions would get
 * their slots back when their hosts report them as running.
 *
 * @param isRecovering whether the store was unreachable a moment ago: then all recent ends are recorded again, otherwise only those of
 *   sessions that the store did not know when they ended
 */
export async function repeatEnds(
  context: BrokerSettings & StoreAccess & Events,
  isRecovering: boolean,
): Promise<void> {
  const { store, recentEnds, brokerId } = context;
  const due = isRecovering ? recentEnds.all : recentEnds.uncertain;
  await Promise.all(
    groupByRegionPool(due, ({ regionPool }) => regionPool).map(async ([regionPool, ends]) => {
      for (const { session, hostConnectionId } of await store.recordEnds(regionPool, ends, brokerId)) {
        notifyAllOfChange(context, regionPool, session, hostConnectionId);
      }
    }),
  );
}
