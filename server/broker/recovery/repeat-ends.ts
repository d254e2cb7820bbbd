import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { CorePorts } from '../core-ports.js';
import { notifyAllOfChange } from '../messaging/session-events.js';
import type { RecentEnd } from '../store-access/recent-ends.js';

/**
 * Ends sessions again that this broker has ended, in a store that may have lost that: their hosts report them to the store as
 * running, and it would give them their slots.
 *
 * @param isRecovering whether the store was unreachable a moment ago; otherwise only sessions are repeated that the store did not
 *   know when they ended
 */
export async function repeatEnds(context: CorePorts, isRecovering: boolean): Promise<void> {
  const { store, recentEnds, brokerId } = context;
  const due = isRecovering ? recentEnds.all : recentEnds.uncertain;
  await Promise.all(
    groupByRegionPool(due).map(async ([regionPool, ends]) => {
      for (const { session, hostConnectionId } of await store.recordEnds(regionPool, ends, brokerId)) {
        notifyAllOfChange(context, regionPool, session, hostConnectionId);
      }
    }),
  );
}

function groupByRegionPool(ends: readonly RecentEnd[]): [RegionPool, RecentEnd[]][] {
  const groups = new Map<string, [RegionPool, RecentEnd[]]>();
  for (const end of ends) {
    const name = regionPoolName(end.regionPool);
    const group = groups.get(name) ?? [end.regionPool, []];
    group[1].push(end);
    groups.set(name, group);
  }
  return [...groups.values()];
}
