import type { FleetSnapshot } from './fleet-snapshot.js';
import type { RebalanceLimits } from '../limits/rebalance-limits.js';

/** Why nothing is planned at all. */
export type PlanBlocker =
  | { readonly code: 'store_in_doubt' }
  | {
      readonly code: 'hosts_unwell';
      readonly region: string;
      readonly suspect: number;
      readonly hosts: number;
    };

/**
 * Nothing is moved by a picture that is likely wrong: while the store may not know what lives, or when so many hosts of
 * a region are late that the fault is more likely on this side (livekit/livekit#4663: a Redis outage made every healthy
 * node look dead at once). Hosts that are really gone leave the picture when they are lost.
 */
export function findPlanBlocker(picture: FleetSnapshot, limits: RebalanceLimits): PlanBlocker | null {
  if (picture.storeIsRecovering) return { code: 'store_in_doubt' };
  const regions = new Map<string, { hosts: number; suspect: number }>();
  for (const { place, state } of picture.hosts) {
    let count = regions.get(place.region);
    if (count === undefined) regions.set(place.region, (count = { hosts: 0, suspect: 0 }));
    count.hosts += 1;
    if (state === 'suspect' || state === 'lost') count.suspect += 1;
  }
  for (const [region, { hosts, suspect }] of regions) {
    if (hosts >= limits.unwellMinHosts && suspect >= hosts * limits.unwellShare) {
      return { code: 'hosts_unwell', region, suspect, hosts };
    }
  }
  return null;
}

/** The same in words, for operators. */
export function explainPlanBlocker(standstill: PlanBlocker): string {
  switch (standstill.code) {
    case 'store_in_doubt':
      return 'Nothing is moved: the store was away, and may not know yet what lives.';
    case 'hosts_unwell':
      return `Nothing is moved: ${standstill.suspect} of ${standstill.hosts} hosts in ${standstill.region} are late at once.`;
  }
}
