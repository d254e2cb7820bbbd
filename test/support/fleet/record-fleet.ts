import type { RegionPool } from '@duskline/server/domain/catalog.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { hostName } from '@duskline/loadtest/history/events.js';
import type { Recorder } from '@duskline/loadtest/history/recorder.js';

/**
 * Takes a picture of the fleet as the store has it.
 *
 * @param quiet whether nothing is on its way: no faults, nobody comes or goes
 */
export async function recordFleet(
  { record }: Recorder,
  store: FleetStore,
  regionPools: readonly RegionPool[],
  quiet: boolean,
): Promise<void> {
  const hosts = await Promise.all(
    regionPools.map(async (regionPool) => {
      const known = await store.listHosts(regionPool);
      return Promise.all(
        known.map(async ({ hostId, state, slots, committed }) => {
          const sessions = await store.listHostSessions(regionPool, hostId);
          return {
            host: hostName(regionPool.region, regionPool.pool, hostId),
            ...regionPool,
            state,
            slots,
            committed,
            sessions: sessions.map(({ sessionId, epoch, state: held }) => ({
              sessionId,
              epoch,
              state: held,
            })),
          };
        }),
      );
    }),
  );
  record({ type: 'fleet', hosts: hosts.flat(), quiet });
}
