import { DEFAULT_REBALANCE_LIMITS, type RebalanceLimits } from './rebalance-limits.js';

/** What is remembered of a host with which moves failed. */
interface HostFailures {
  /** Failed moves in a row, as source or as target. */
  readonly failures: number;
  /** How often it was quarantined. */
  readonly times: number;
  /** Until when it is, or was; 0: never. */
  readonly untilMs: number;
}

/** Hosts with which moves failed, by host key. */
export type Quarantine = ReadonlyMap<string, HostFailures>;

export const NO_QUARANTINE: Quarantine = new Map();

/**
 * Notes how a move ended for one of its two hosts. `quarantineAfter` failures in a row, with no success between them,
 * take the host out of all plans for `quarantineMs`, and for twice as long each time that happens again. What ends
 * while it is quarantined began before, and counts for nothing.
 */
export function recordMoveOutcome(
  state: Quarantine,
  hostKey: string,
  ok: boolean,
  nowMs: number,
  limits: RebalanceLimits = DEFAULT_REBALANCE_LIMITS,
): Quarantine {
  if (isQuarantined(state, hostKey, nowMs)) return state;
  const next = new Map([...state].filter(([, record]) => !isForgotten(record, nowMs, limits)));
  const before = next.get(hostKey) ?? { failures: 0, times: 0, untilMs: 0 };
  const failures = ok ? 0 : before.failures + 1;
  if (failures >= limits.quarantineAfter) {
    const times = before.times + 1;
    const lastsMs = Math.min(limits.quarantineMs * 2 ** (times - 1), limits.quarantineMaxMs);
    next.set(hostKey, { failures: 0, times, untilMs: nowMs + lastsMs });
  } else if (failures === 0 && before.times === 0) {
    next.delete(hostKey);
  } else {
    next.set(hostKey, { ...before, failures });
  }
  return next;
}

/** Whether plans leave the host alone. */
export function isQuarantined(state: Quarantine, hostKey: string, nowMs: number): boolean {
  return (state.get(hostKey)?.untilMs ?? 0) > nowMs;
}

/** A host that kept out of trouble for as long as quarantine can last begins anew. */
function isForgotten(record: HostFailures, nowMs: number, limits: RebalanceLimits): boolean {
  return record.times > 0 && nowMs >= record.untilMs + limits.quarantineMaxMs;
}
