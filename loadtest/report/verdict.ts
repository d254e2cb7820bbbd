import { createHistoryChecker, type HistoryChecker } from '../history/check-history.js';
import { RULES, type Bounds, type Rule, type Violation } from '../history/check.js';
import type { HistoryEvent } from '../history/events.js';

/** Violations that the history of a run contains. A correct run has none. */
export interface Verdict {
  /** A slot or a session that two players had at the same time, or a request that led to two sessions. */
  readonly overbooked: number;
  /** Sessions that disappeared without notice to their player. */
  readonly lost: number;
  /** Slots that a queue assigned out of the order of arrival. */
  readonly outOfOrder: number;
  /** Violations of other rules. */
  readonly other: number;
  /** Whether all requests and sessions had settled at the end. Otherwise lost sessions may have been missed. */
  readonly settled: boolean;
  readonly events: number;
  /** The first few violations, with their events. */
  readonly examples: readonly string[];
}

type Group = 'overbooked' | 'lost' | 'outOfOrder' | 'other';

/**
 * Rules that need snapshots of the store, and rules about deadlines: under more load than a fleet can serve answers are
 * late, and the report contains their times.
 */
const NOT_JUDGED: readonly string[] = ['S3', 'S4', 'S5', 'L1', 'L2', 'L4', 'L5', 'L6'];

const GROUPS: Readonly<Partial<Record<string, Group>>> = {
  S1: 'overbooked',
  S2: 'overbooked',
  S7: 'overbooked',
  S6: 'lost',
  S9: 'lost',
  Q3: 'outOfOrder',
};

const MAX_EXAMPLES = 10;

export const JUDGED_RULES: readonly Rule[] = RULES.filter((rule) => !NOT_JUDGED.includes(rule));

interface Source {
  events: HistoryEvent[];
  next: number;
  untilMs: number;
}

/** Merges the events of several threads into one history in the order of time, and checks it. */
export class VerdictBuilder {
  readonly #checker: HistoryChecker;
  /** For each source: its events that are not checked yet, and the time up to which its events are complete. */
  readonly #sources: Source[];
  #seen = 0;

  constructor(sources: number, bounds: Partial<Bounds>) {
    this.#checker = createHistoryChecker({ bounds, rules: JUDGED_RULES });
    this.#sources = Array.from({ length: sources }, () => ({ events: [], next: 0, untilMs: -Infinity }));
  }

  /** @param untilMs the source adds no events from before this time any more */
  addEvents(source: number, events: readonly HistoryEvent[], untilMs: number): void {
    const known = this.#sources[source];
    if (known === undefined) throw new RangeError(`The history has no source ${source}.`);
    known.events.push(...events);
    known.untilMs = untilMs;
    this.#checkEventsUntil(Math.min(...this.#sources.map((other) => other.untilMs)));
  }

  finish(settled: boolean, vanished: number): Verdict {
    this.#checkEventsUntil(Infinity);
    const violations = this.#checker.finish();
    const counts: Record<Group, number> = { overbooked: 0, lost: vanished, outOfOrder: 0, other: 0 };
    for (const { rule } of violations) counts[GROUPS[rule] ?? 'other'] += 1;
    return {
      ...counts,
      settled,
      events: this.#seen,
      examples: violations.slice(0, MAX_EXAMPLES).map(describe),
    };
  }

  #checkEventsUntil(untilMs: number): void {
    for (;;) {
      let first: Source | undefined;
      let atMs = Infinity;
      for (const source of this.#sources) {
        const event = source.events[source.next];
        if (event !== undefined && event.atMs < atMs) {
          first = source;
          atMs = event.atMs;
        }
      }
      const event = first?.events[first.next];
      if (first === undefined || event === undefined || atMs > untilMs) break;
      first.next += 1;
      this.#seen += 1;
      this.#checker.addEvent(event);
    }
    for (const source of this.#sources) {
      source.events.splice(0, source.next);
      source.next = 0;
    }
  }
}

function describe({ rule, message, events }: Violation): string {
  const proof = events.slice(0, 3).map((event) => JSON.stringify(event));
  return [`${rule}: ${message}`, ...proof].join('\n    ');
}
