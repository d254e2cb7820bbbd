import { expect } from 'chai';

/** One step of a state machine. */
export interface Outcome<State, Event, After> {
  readonly before: State;
  readonly event: Event;
  readonly after: After;
}

/** A state machine, and the events that happen to it. */
interface Machine<State, Event, After> {
  readonly initial: State;
  readonly events: readonly Event[];
  readonly step: (before: State, event: Event) => After;
  /** The state in the result of a step. */
  readonly stateOf: (after: After) => State;
}

/** Every event in every state that can be reached, of which there have to be finitely many. */
export function allOutcomes<State, Event, After>({
  initial,
  events,
  step,
  stateOf,
}: Machine<State, Event, After>): Outcome<State, Event, After>[] {
  const seen = new Map([[JSON.stringify(initial), initial]]);
  const outcomes: Outcome<State, Event, After>[] = [];
  for (const before of seen.values()) {
    for (const event of events) {
      const after = step(before, event);
      outcomes.push({ before, event, after });
      seen.set(JSON.stringify(stateOf(after)), stateOf(after));
    }
  }
  return outcomes;
}

/** Expects that the rule holds for all outcomes that it is about, of which there are some. */
export function expectOfAll<O>(
  outcomes: readonly O[],
  rule: (outcome: O) => boolean,
  about: (outcome: O) => boolean,
): void {
  const concerned = outcomes.filter(about);
  expect(concerned).to.not.be.empty;
  expect(concerned.find((outcome) => !rule(outcome))).to.equal(undefined);
}
