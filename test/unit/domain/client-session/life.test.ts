import { expect } from 'chai';
import fc from 'fast-check';
import type { Choose } from '../random-choice.js';
import { HAPPENINGS, RandomBroker } from './random-broker.js';

const script = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('matched' as const, 'changed' as const) },
    { weight: 4, arbitrary: fc.constantFrom('answer' as const, 'late' as const) },
    { weight: 5, arbitrary: fc.constantFrom(...HAPPENINGS) },
  ),
  { maxLength: 40 },
);
type Step = typeof script extends fc.Arbitrary<readonly (infer Item)[]> ? Item : never;

/** Enough answers for a session that nothing disturbs: a search on the target host ends with the time of the move. */
const MAX_ANSWERS = 200;

function choiceOf(gen: fc.GeneratorValue): Choose {
  return (options) => options[gen(fc.nat, { max: options.length - 1 })]!;
}

function live(gen: fc.GeneratorValue, steps: readonly Step[]): RandomBroker {
  const broker = new RandomBroker(choiceOf(gen));
  broker.happen('matched');
  for (const next of steps) {
    if (next === 'answer') broker.answerOne();
    else if (next === 'late') broker.answerLate();
    else broker.happen(next);
  }
  return broker;
}

describe('The life of a session as its client sees it', () => {
  // `RandomBroker` checks after each step what the client has, that each order has one answer, and that a phase waits for a call.
  it('ends for its client once for each time that it began, whatever happens in whichever order', () => {
    fc.assert(
      fc.property(fc.gen(), script, (gen, steps) => {
        const broker = live(gen, steps);
        const isHeld = broker.clientHasIt ? 1 : 0;
        // A client that disconnects, or gets the session again, is told of no end.
        expect(broker.ends).to.be.at.most(broker.begins - isHeld);
      }),
      { numRuns: 4_000 },
    );
  });

  it('comes to rest when its calls are answered, with an answer to each order', () => {
    fc.assert(
      fc.property(fc.gen(), script, (gen, steps) => {
        const broker = live(gen, steps);
        for (let i = 0; i < MAX_ANSWERS && broker.open.length > 0; i += 1) broker.answerOne();
        expect(broker.open).to.deep.equal([]);
        expect([...broker.unanswered]).to.deep.equal([]);
        expect(broker.phase).to.not.be.oneOf(['locating', 'resumed_elsewhere', 'ending']);
      }),
      { numRuns: 3_000 },
    );
  });

  it('is not placed again once its client has ended it', () => {
    fc.assert(
      fc.property(fc.gen(), script, (gen, steps) => {
        const broker = live(gen, steps);
        if (broker.phase === 'over' || broker.phase === 'unmatched') return;
        broker.happen('end_ordered');
        const { replacements } = broker;
        const reports = ['changed', 'changed', 'verified', 'changed'] as const;
        for (const report of reports) if (broker.phase === 'ending') broker.happen(report);
        expect(broker.replacements).to.equal(replacements);
      }),
      { numRuns: 3_000 },
    );
  });
});
