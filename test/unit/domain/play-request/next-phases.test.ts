import { NEXT_PHASES } from '@duskline/server/domain/play-request/next-phases.js';
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { ROOT } from '../../documents/markdown.js';
import { RandomBroker, type Choose } from './random-broker.js';

const RUNS = 80_000;
const STEPS = 30;
const PAGE = 'docs/develop/play-request.md';
const COMMON = ['offer', 'accepted', 'polled'] as const;
const HAPPENINGS = ['cancelled', 'disconnected', 'replaced_by_other', 'missed', ...COMMON] as const;

/** Pseudo-random numbers from 0 to 1 (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Every change of the phase that happens in many random lives: `from event to`. */
function observedTransitions(): Set<string> {
  const random = randomNumbers(1);
  const choose: Choose = (options) => options[Math.floor(random() * options.length)]!;
  const observed = new Set<string>();
  for (let run = 0; run < RUNS; run += 1) {
    const onConflict = choose(['fail', 'takeover', 'resume'] as const);
    const broker = new RandomBroker(choose, {
      onConflict,
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

function tableTransitions(): string[] {
  return Object.entries(NEXT_PHASES).flatMap(([from, events]) =>
    Object.entries(events).flatMap(([event, phases]) => phases.map((to) => `${from} ${event} ${to}`)),
  );
}

/** The rows of the page's table: phase, event, next phases. */
function pageTransitions(): string[] {
  const text = readFileSync(ROOT + PAGE, 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` \| `(\w+)` \| (.+) \|$/gm)];
  return rows.flatMap(([, from, event, phases]) =>
    [...phases!.matchAll(/`(\w+)`/g)].map(([, to]) => `${from} ${event} ${to}`),
  );
}

describe('The table of phases and events', () => {
  it('has every change of the phase that happens, and no other', function () {
    this.timeout(30_000);
    expect([...observedTransitions()].sort()).to.deep.equal(tableTransitions().sort());
  });

  it(`equals the one in ${PAGE}`, () => {
    expect(pageTransitions().sort()).to.deep.equal(tableTransitions().sort());
  });
});
