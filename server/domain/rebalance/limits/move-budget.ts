import { DEFAULT_REBALANCE_LIMITS, type RebalanceLimits } from './rebalance-limits.js';

const HOUR_MS = 3_600_000;

/** A token bucket: one token is one live move. */
export interface MoveBudget {
  readonly tokens: number;
  readonly atMs: number;
}

/** What a loop begins with: the floor, so that a new holder of the lease is neither helpless nor lavish. */
export function newMoveBudget(nowMs: number, limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS): MoveBudget {
  return { tokens: limits.budgetFloor, atMs: nowMs };
}

/**
 * What has come in since: `movesPerSessionHour` for every session there is now, and no more saved up than comes in
 * during `budgetSavedMs`, or `budgetFloor` where that is more. A clock that steps back brings nothing in.
 */
export function refillBudget(
  budget: MoveBudget,
  nowMs: number,
  sessions: number,
  limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS,
): MoveBudget {
  const perMs = (limits.movesPerSessionHour * sessions) / HOUR_MS;
  const earned = perMs * Math.max(0, nowMs - budget.atMs);
  const most = Math.max(limits.budgetFloor, perMs * limits.budgetSavedMs);
  return { tokens: Math.min(budget.tokens + earned, most), atMs: nowMs };
}

/** How many live moves a round may begin. */
export function allowanceOf(budget: MoveBudget): number {
  return Math.max(0, Math.floor(budget.tokens));
}

export function chargeBudget(budget: MoveBudget, liveMoves: number): MoveBudget {
  return { ...budget, tokens: budget.tokens - liveMoves };
}
