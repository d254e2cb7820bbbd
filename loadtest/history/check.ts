import type { EventOf, EventType, HistoryEvent } from './events.js';

/** Names of the rules: S for safety, L for liveness, Q for quality of service. Each file in `checks/` describes one. */
export const RULES = [
  ...(['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8', 'S9'] as const),
  ...(['L1', 'L2', 'L4', 'L5', 'L6', 'Q2', 'Q3'] as const),
] as const;
export type Rule = (typeof RULES)[number];

/** A violation of a rule, and the events that prove it. */
export interface Violation {
  readonly rule: Rule;
  readonly message: string;
  readonly events: readonly HistoryEvent[];
}

/** Time limits of the fleet's configuration, and the tolerance of the observer. All in milliseconds. */
export interface Bounds {
  readonly heartbeatIntervalMs: number;
  readonly lostAfterMs: number;
  readonly sweepIntervalMs: number;
  readonly reservationMs: number;
  /** Longest time until a request is answered, while there is no fault. */
  readonly answerWithinMs: number;
  /** Longest time until everything works again after a fault. */
  readonly recoverWithinMs: number;
  /** Longest time until a killed host is removed from the store. */
  readonly goneWithinMs: number;
  /** Longest time until a connected host that holds an older assignment of a session gets `end`. */
  readonly handOverMs: number;
  /** Longest time from an event to its observation: sockets, busy processes, lost wake-ups. */
  readonly slackMs: number;
  /** Steps of the latency policy, by title. A title without a policy may be served by any region. */
  readonly latencyPolicies?: Readonly<
    Record<string, readonly { readonly afterMs: number; readonly maxRttMs: number }[]>
  >;
}

/** The defaults of a broker, with tolerances for a machine that is busy with tests. */
export const DEFAULT_BOUNDS: Bounds = {
  heartbeatIntervalMs: 2_000,
  lostAfterMs: 10_000,
  sweepIntervalMs: 1_000,
  reservationMs: 30_000,
  answerWithinMs: 5_000,
  recoverWithinMs: 10_000,
  goneWithinMs: 20_000,
  handOverMs: 5_000,
  slackMs: 1_000,
};

export type Report = (message: string, ...events: readonly HistoryEvent[]) => void;

/** Handles the events of a history in order, and reports violations of one rule. */
export interface Check {
  readonly on: { readonly [T in EventType]?: (event: EventOf<T>) => void };
  /** The history is over: reports what was still due. */
  finish?(endAtMs: number): void;
}

export type CreateCheck = (bounds: Bounds, report: Report) => Check;
