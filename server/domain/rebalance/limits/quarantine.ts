import { DEFAULT_REBALANCE_LIMITS, type RebalanceLimits } from './rebalance-limits.js';

/** The failed moves of one host. */
interface HostFailures {
  /** Failed moves in a row, with the host as source or as target. */
  readonly failures: number;
  /** Number of quarantines so far. */
  readonly quarantines: number;
  /** End of the current or last quarantine, in milliseconds; 0 if there was none. */
  readonly untilMs: number;
}

/** Hosts whose moves failed, by host key. */
export type Quarantine = ReadonlyMap<string, HostFailures>;

export const NO_QUARANTINE: Quarantine = new Map();

/**
 * Records the outcome of a move for one of its two hosts. `quarantineAfterFailures` failures in a row exclude the host from
 * all plans for `quarantineMs`, and for twice as long with each further quarantine. Outcomes during a quarantine belong to
 * moves that began before it, and are ignored.
 *
 * @param nowMs any clock in milliseconds, the same in all calls
 */
export function recordMoveOutcome(
  state: Quarantine,
  hostKey: string,
  succeeded: boolean,
  nowMs: number,
  limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS,
): Quarantine {
  if (isQuarantined(state, hostKey, nowMs)) return state;
  const next = new Map([...state].filter(([, record]) => !isForgotten(record, nowMs, limits)));
  const before = next.get(hostKey) ?? { failures: 0, quarantines: 0, untilMs: 0 };
  const failures = succeeded ? 0 : before.failures + 1;
  if (failures >= limits.quarantineAfterFailures) {
    const durationMs = Math.min(limits.quarantineMs * 2 ** before.quarantines, limits.quarantineMaxMs);
    next.set(hostKey, { failures: 0, quarantines: before.quarantines + 1, untilMs: nowMs + durationMs });
  } else if (failures === 0 && before.quarantines === 0) {
    next.delete(hostKey);
  } else {
    next.set(hostKey, { ...before, failures });
  }
  return next;
}

/** Whether the host is excluded from plans now. */
export function isQuarantined(state: Quarantine, hostKey: string, nowMs: number): boolean {
  return (state.get(hostKey)?.untilMs ?? 0) > nowMs;
}

/** A host that had no quarantine for `quarantineMaxMs` starts again with the shortest one. */
function isForgotten(record: HostFailures, nowMs: number, limits: RebalanceLimits): boolean {
  return record.quarantines > 0 && nowMs >= record.untilMs + limits.quarantineMaxMs;
}
