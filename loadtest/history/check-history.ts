import {
  DEFAULT_BOUNDS,
  RULES,
  type Bounds,
  type Check,
  type CreateCheck,
  type Rule,
  type Violation,
} from './check.js';
import { checkAnswers } from './checks/answers.js';
import { checkAssignments } from './checks/assignments.js';
import { checkBarredHosts } from './checks/barred-hosts.js';
import { checkCounters } from './checks/counters.js';
import { checkDeadHosts } from './checks/dead-hosts.js';
import { checkLateReleases } from './checks/late-releases.js';
import { checkLostHosts } from './checks/lost-hosts.js';
import { checkMoves } from './checks/make-before-break.js';
import { checkPromises } from './checks/promises.js';
import { checkQueueOrder } from './checks/queue-order.js';
import { checkReadiness } from './checks/readiness.js';
import { checkRoom } from './checks/room.js';
import { checkSameAnswer } from './checks/same-answer.js';
import { checkSlots } from './checks/slots.js';
import { checkUnclaimed } from './checks/unclaimed.js';
import { checkWishes } from './checks/wishes.js';
import type { EventType, HistoryEvent } from './events.js';

const CHECKS: Readonly<Record<Rule, CreateCheck>> = {
  S1: checkAssignments,
  S2: checkSlots,
  S3: checkCounters,
  S4: checkBarredHosts,
  S5: checkLateReleases,
  S6: checkPromises,
  S7: checkSameAnswer,
  S8: checkWishes,
  S9: checkLostHosts,
  L1: checkAnswers,
  L2: checkUnclaimed,
  L4: checkDeadHosts,
  L5: checkRoom,
  L6: checkReadiness,
  Q2: checkMoves,
  Q3: checkQueueOrder,
};

/** More of one rule say nothing new, and would fill the memory of a run that went wrong. */
const MAX_VIOLATIONS_PER_RULE = 100;

/** Checks a history while it happens. */
export interface HistoryChecker {
  /** The next event. Times never fall. */
  see(event: HistoryEvent): void;
  /** The history is over. Call it once. */
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
    // Each handler stands under the type of the events it takes.
    for (const [type, handle] of Object.entries(check.on) as [EventType, (event: HistoryEvent) => void][]) {
      handlers.set(type, [...(handlers.get(type) ?? []), handle]);
    }
    return check;
  });
  let atMs = -Infinity;
  return {
    see(event) {
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
  for (const event of events) checker.see(event);
  return checker.finish();
}

/** Violations for people: what is wrong, and under each the events that prove it. */
export function explain(violations: readonly Violation[]): string {
  return violations
    .map(({ rule, message, events }) =>
      [`${rule}: ${message}`, ...events.map((event) => `    ${JSON.stringify(event)}`)].join('\n'),
    )
    .join('\n');
}
