import {
  DEFAULT_BOUNDS,
  RULES,
  type Bounds,
  type Check,
  type CreateCheck,
  type Rule,
  type Violation,
} from './check.js';
import { checkAnswerDeadlines } from './checks/answer-deadlines.js';
import { checkAssignments } from './checks/assignments.js';
import { checkUnavailableHosts } from './checks/unavailable-hosts.js';
import { checkSlotCounters } from './checks/slot-counters.js';
import { checkKilledHosts } from './checks/killed-hosts.js';
import { checkStaleReleases } from './checks/stale-releases.js';
import { checkLostHosts } from './checks/lost-hosts.js';
import { checkMakeBeforeBreak } from './checks/make-before-break.js';
import { checkLostSessions } from './checks/lost-sessions.js';
import { checkQueueOrder } from './checks/queue-order.js';
import { checkBrokerReadiness } from './checks/broker-readiness.js';
import { checkFreeCapacity } from './checks/free-capacity.js';
import { checkIdempotentRequests } from './checks/idempotent-requests.js';
import { checkSlotLimits } from './checks/slot-limits.js';
import { checkUnclaimedReservations } from './checks/unclaimed-reservations.js';
import { checkRequestConstraints } from './checks/request-constraints.js';
import type { EventType, HistoryEvent } from './events.js';

const CHECKS: Readonly<Record<Rule, CreateCheck>> = {
  S1: checkAssignments,
  S2: checkSlotLimits,
  S3: checkSlotCounters,
  S4: checkUnavailableHosts,
  S5: checkStaleReleases,
  S6: checkLostSessions,
  S7: checkIdempotentRequests,
  S8: checkRequestConstraints,
  S9: checkLostHosts,
  L1: checkAnswerDeadlines,
  L2: checkUnclaimedReservations,
  L4: checkKilledHosts,
  L5: checkFreeCapacity,
  L6: checkBrokerReadiness,
  Q2: checkMakeBeforeBreak,
  Q3: checkQueueOrder,
};

/** Further violations of one rule are dropped: they add nothing, and would fill the memory of a run that went wrong. */
const MAX_VIOLATIONS_PER_RULE = 100;

/** Checks a history event by event. */
export interface HistoryChecker {
  /** Adds the next event. Times must not decrease. */
  addEvent(event: HistoryEvent): void;
  /** Ends the history. Call it once. */
  finish(): readonly Violation[];
}

export interface CheckOptions {
  readonly bounds?: Partial<Bounds>;
  /** Default: all. */
  readonly rules?: readonly Rule[];
}

export function createHistoryChecker({ bounds, rules = RULES }: CheckOptions = {}): HistoryChecker {
  const violations: Violation[] = [];
  const handlers = new Map<EventType, ((event: HistoryEvent) => void)[]>();
  const checks: Check[] = rules.map((rule) => {
    let found = 0;
    const check = CHECKS[rule]({ ...DEFAULT_BOUNDS, ...bounds }, (message, ...events) => {
      found += 1;
      if (found <= MAX_VIOLATIONS_PER_RULE) violations.push({ rule, message, events });
    });
    // The key of each handler is the type of the events that it handles.
    for (const [type, handle] of Object.entries(check.on) as [EventType, (event: HistoryEvent) => void][]) {
      handlers.set(type, [...(handlers.get(type) ?? []), handle]);
    }
    return check;
  });
  let atMs = -Infinity;
  return {
    addEvent(event) {
      atMs = event.atMs;
      const all = handlers.get(event.type);
      if (all !== undefined) for (const handle of all) handle(event);
    },
    finish() {
      for (const check of checks) check.finish?.(atMs);
      return violations;
    },
  };
}

/** Checks a whole history. */
export function checkHistory(
  events: Iterable<HistoryEvent>,
  options: CheckOptions = {},
): readonly Violation[] {
  const checker = createHistoryChecker(options);
  for (const event of events) checker.addEvent(event);
  return checker.finish();
}

/** Formats violations for people: the rule, what is wrong, and the events that prove it. */
export function describeViolations(violations: readonly Violation[]): string {
  return violations
    .map(({ rule, message, events }) =>
      [`${rule}: ${message}`, ...events.map((event) => `    ${JSON.stringify(event)}`)].join('\n'),
    )
    .join('\n');
}
