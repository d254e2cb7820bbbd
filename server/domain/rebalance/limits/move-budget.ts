import { DEFAULT_REBALANCE_LIMITS, type RebalanceLimits } from './rebalance-limits.js';

const HOUR_MS = 3_600_000;

/** Budget of live moves of one region, as a token bucket: one token is one live move. */
export interface MoveBudget {
  readonly tokens: number;
  /** When `tokens` was computed, in milliseconds since 1970 by the store's clock. */
  readonly atMs: number;
}

/** The budget of a broker that has just got the region's lease: `minBurstMoves` tokens. */
export function newMoveBudget(nowMs: number, limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS): MoveBudget {
  return { tokens: limits.minBurstMoves, atMs: nowMs };
}

/**
 * Adds the tokens earned since the last refill, at `movesPerSessionHour` per session. The bucket holds what
 * `budgetWindowMs` earns, or `minBurstMoves` if that is more. A clock that steps back adds nothing.
 *
 * @param sessions sessions of the region now
 */
export function refillBudget(
  budget: MoveBudget,
  nowMs: number,
  sessions: number,
  limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS,
): MoveBudget {
  const perMs = (limits.movesPerSessionHour * sessions) / HOUR_MS;
  const earned = perMs * Math.max(0, nowMs - budget.atMs);
  const capacity = Math.max(limits.minBurstMoves, perMs * limits.budgetWindowMs);
  return { tokens: Math.min(budget.tokens + earned, capacity), atMs: nowMs };
}

/** How many live moves a plan may contain: the whole tokens of the budget. */
export function allowanceOf(budget: MoveBudget): number {
  return Math.max(0, Math.floor(budget.tokens));
}

/** Takes the live moves of a plan out of the budget. */
export function chargeBudget(budget: MoveBudget, liveMoves: number): MoveBudget {
  return { ...budget, tokens: budget.tokens - liveMoves };
}
