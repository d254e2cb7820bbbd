import { Type, type Static } from 'typebox';
import {
  DEFAULT_REBALANCE_LIMITS,
  type RebalanceLimits,
} from '../../domain/rebalance/limits/rebalance-limits.js';

const { hotAbove, moveCap, movesPerSessionHour, maxMovesPerHost, cooldownMs } = DEFAULT_REBALANCE_LIMITS;

/** Schema of section `rebalance`. */
export const RebalanceSection = Type.Object(
  {
    enabled: Type.Optional(Type.Boolean({ default: true })),
    hotAbove: Type.Optional(Type.Number({ minimum: 0.5, maximum: 10, default: hotAbove })),
    moveCap: Type.Optional(Type.Number({ minimum: 0.1, maximum: 1, default: moveCap })),
    movesPerSessionHour: Type.Optional(
      Type.Number({ minimum: 0, maximum: 60, default: movesPerSessionHour }),
    ),
    maxMovesPerHost: Type.Optional(Type.Integer({ minimum: 1, maximum: 64, default: maxMovesPerHost })),
    cooldownMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400_000, default: cooldownMs })),
  },
  { additionalProperties: false },
);
export type RebalanceSection = Static<typeof RebalanceSection>;

/** Whether a broker rebalances, and within which limits. */
export interface RebalanceConfig {
  readonly enabled: boolean;
  readonly limits: RebalanceLimits;
}

/** Fills in the defaults of a valid section. */
export function buildRebalance({ enabled = true, ...changes }: RebalanceSection = {}): RebalanceConfig {
  return { enabled, limits: { ...DEFAULT_REBALANCE_LIMITS, ...changes } };
}
