import { NEXT_PHASES } from '@duskline/server/domain/client-session/next-phases.js';
import { expect } from 'chai';
import { createSeededRandom } from '../../../support/time/seeded-random.js';
import { pageTransitions, tableTransitions } from '../transition-tables.js';
import { randomChoice } from '../random-choice.js';
import { HAPPENINGS, RandomBroker } from './random-broker.js';

const RUNS = 40_000;
const STEPS = 25;
const PAGE = 'docs/develop/client-session.md';
const COMMON = ['matched', 'changed', 'changed', 'moving'] as const;

/** Every change of the phase that happens in many random lives: `from event to`. */
function observedTransitions(): string[] {
  const random = createSeededRandom(1).number;
  const choose = randomChoice(random);
  const observed = new Set<string>();
  for (let run = 0; run < RUNS; run += 1) {
    const broker = new RandomBroker(choose);
    broker.happen(random() < 0.9 ? 'matched' : 'end_found');
    for (let steps = 0; steps < STEPS; steps += 1) {
      const kind = random();
      if (kind < 0.35) broker.happen(choose(COMMON));
      else if (kind < 0.6) broker.answerOne();
      else broker.happen(choose(HAPPENINGS));
    }
    for (const transition of broker.transitions) observed.add(transition.join(' '));
  }
  return [...observed].sort();
}

describe('The table of phases and events of a client session', () => {
  it('has every change of the phase that happens, and no other', function () {
    this.timeout(30_000);
    expect(observedTransitions()).to.deep.equal(tableTransitions(NEXT_PHASES).sort());
  });

  it(`equals the one in ${PAGE}`, () => {
    expect(pageTransitions(PAGE).sort()).to.deep.equal(tableTransitions(NEXT_PHASES).sort());
  });
});
