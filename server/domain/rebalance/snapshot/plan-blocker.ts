import type { RebalanceLimits } from '../limits/rebalance-limits.js';
import type { FleetSnapshot } from './fleet-snapshot.js';

/** Why nothing is planned at all. */
export type PlanBlocker =
  | { readonly code: 'store_recovering' }
  | {
      readonly code: 'many_hosts_suspect';
      readonly region: string;
      readonly suspect: number;
      readonly hosts: number;
    };

/**
 * Nothing is moved while the snapshot is probably wrong: the store is recovering and may not know all sessions, or so many
 * hosts of a region are suspect at once that a fault of the broker or its network is more likely (livekit/livekit#4663: a
 * Redis outage made every healthy node look dead at once). Hosts that really failed leave the snapshot once they are lost.
 *
 * @returns `null` if a plan may be made
 */
export function findPlanBlocker(snapshot: FleetSnapshot, limits: RebalanceLimits): PlanBlocker | null {
  if (snapshot.storeIsRecovering) return { code: 'store_recovering' };
  const regions = new Map<string, { hosts: number; suspect: number }>();
  for (const { regionPool, state } of snapshot.hosts) {
    let count = regions.get(regionPool.region);
    if (count === undefined) regions.set(regionPool.region, (count = { hosts: 0, suspect: 0 }));
    count.hosts += 1;
    if (state === 'suspect' || state === 'lost') count.suspect += 1;
  }
  for (const [region, { hosts, suspect }] of regions) {
    if (hosts >= limits.suspectMinHosts && suspect >= hosts * limits.suspectShareLimit) {
      return { code: 'many_hosts_suspect', region, suspect, hosts };
    }
  }
  return null;
}

/** One sentence for operators. */
export function explainPlanBlocker(blocker: PlanBlocker): string {
  switch (blocker.code) {
    case 'store_recovering':
      return 'Nothing is moved: the store was unreachable and may not know all running sessions yet.';
    case 'many_hosts_suspect':
      return (
        `Nothing is moved: ${blocker.suspect} of ${blocker.hosts} hosts in ${blocker.region} are suspect at once. ` +
        'Check the network between these hosts and the brokers.'
      );
  }
}
