import { NEXT_PHASES } from '@duskline/server/domain/play-request/next-phases.js';
import { expect } from 'chai';
import { createSeededRandom } from '../../../support/time/seeded-random.js';
import { randomChoice } from '../random-choice.js';
import { pageTransitions, tableTransitions } from '../transition-tables.js';
import { RandomBroker } from './random-broker.js';

const RUNS = 140_000;
const STEPS = 30;
const PAGE = 'docs/develop/play-request.md';
const COMMON = ['offer', 'accepted', 'polled'] as const;
const HAPPENINGS = ['cancelled', 'disconnected', 'replaced_by_other', 'missed', ...COMMON] as const;

/** Every change of the phase that happens in many random lives: `from event to`. */
function observedTransitions(): Set<string> {
  const random = createSeededRandom(1).number;
  const choose = randomChoice(random);
  const observed = new Set<string>();
  for (let run = 0; run < RUNS; run += 1) {
    const onConflict = choose(['fail', 'takeover', 'resume'] as const);
    const broker = new RandomBroker(choose, {
      onConflict,
      autoAccept: choose([false, false, false, true]),
      mayWait: choose([true, true, false]),
      ahead: choose([true, false]),
    });
    if (broker.request.whenFull === 'wait' && choose([true, false]))
      broker.startWaiting(choose([true, false]));
    for (let steps = 0; steps < STEPS && !broker.isClosed; steps += 1) {
      const kind = random();
      if (kind < 0.5) broker.answerOne();
      else broker.happen(choose(kind < 0.9 ? COMMON : HAPPENINGS));
    }
    for (const transition of broker.transitions) observed.add(transition.join(' '));
  }
  return observed;
}

describe('The table of phases and events', () => {
  it('has every change of the phase that happens, and no other', function () {
    this.timeout(30_000);
    expect([...observedTransitions()].sort()).to.deep.equal(tableTransitions(NEXT_PHASES).sort());
  });

  it(`equals the one in ${PAGE}`, () => {
    expect(pageTransitions(PAGE).sort()).to.deep.equal(tableTransitions(NEXT_PHASES).sort());
  });
});
