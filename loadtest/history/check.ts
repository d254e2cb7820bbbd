import type { EventOf, EventType, HistoryEvent } from './events.js';

/** What must hold, by its name in the design. */
export const RULES = [
  ...(['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8', 'S9'] as const),
  ...(['L1', 'L2', 'L4', 'L5', 'L6', 'Q2', 'Q3'] as const),
] as const;
export type Rule = (typeof RULES)[number];

/** Something that must not be, and the events that prove it. */
export interface Violation {
  readonly rule: Rule;
  readonly message: string;
  readonly events: readonly HistoryEvent[];
}

/** What the fleet was configured with, and how exactly an observer can time it. All in milliseconds. */
export interface Bounds {
  readonly heartbeatIntervalMs: number;
  readonly lostAfterMs: number;
  readonly sweepIntervalMs: number;
  readonly reservationMs: number;
  /** A request has its answer by then, once faults stop. */
  readonly answerWithinMs: number;
  /** Once faults stop, everything works again after so long. */
  readonly recoverWithinMs: number;
  /** A killed host has left the store after so long. */
  readonly goneWithinMs: number;
  /** A host that still holds an older assignment has been told by then, once it can be heard. */
  readonly handOverMs: number;
  /** From what happened to its being seen: sockets, processes, nudges that were lost. */
  readonly slackMs: number;
  /** Steps of the latency policy by title; without one, any region is near enough. */
  readonly latencyPolicies?: Readonly<
    Record<string, readonly { readonly afterMs: number; readonly maxRttMs: number }[]>
  >;
}

/** The defaults of a broker, and a machine that is busy with tests. */
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

/** Sees the events of a history one by one, in order, and reports what must not be. */
export interface Check {
  readonly on: { readonly [T in EventType]?: (event: EventOf<T>) => void };
  /** The history is over: what was to come did not. */
  finish?(endAtMs: number): void;
}

export type CreateCheck = (bounds: Bounds, report: Report) => Check;
