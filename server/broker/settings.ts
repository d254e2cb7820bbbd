import type { Catalog } from '../domain/catalog.js';
import type { Limits } from '../domain/limits.js';
import type { RebalanceLimits } from '../domain/rebalance/limits/rebalance-limits.js';
import type { Tiers } from '../domain/tiers.js';
import type { BrokerIntervals } from './intervals.js';

/** Configuration of a broker. It does not change while the broker runs. */
export interface BrokerSettings {
  /** Short and without a dot: connection ids are `<brokerId>.<number>`. */
  readonly brokerId: string;
  readonly catalog: Catalog;
  readonly limits: Limits;
  readonly intervals: BrokerIntervals;
  readonly tiers: Tiers;
  /** Limits on what the rebalancer may move. */
  readonly rebalanceLimits: RebalanceLimits;
}
