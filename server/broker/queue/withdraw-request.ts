import type { RegionPool } from '../../domain/catalog.js';
import type { Withdrawal } from '../../store/fleet-store.js';
import type { Events } from '../messaging/broker-events.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import type { Reporting } from '../reporting.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';

/**
 * Withdraws a request from region pools: its queue positions and offers, and its sessions of an older epoch. Reports the sessions that
 * ended to their clients and hosts.
 */
export async function withdrawRequest(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  regionPools: readonly RegionPool[],
  withdrawal: Withdrawal,
): Promise<void> {
  await Promise.all(
    regionPools.map(async (regionPool) => {
      const ended = await context.batches.withdrawEntry(regionPool, withdrawal);
      notifyAllOfEnd(context, regionPool, ended);
    }),
  );
}
