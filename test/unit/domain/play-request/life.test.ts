import type { PhaseName, Placed, PlayRequest } from '@duskline/server/domain/play-request/play-request.js';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Choose } from '../random-choice.js';
import { RandomBroker } from './random-broker.js';

const HAPPENINGS = [
  'cancelled',
  'accepted',
  'disconnected',
  'replaced_by_other',
  'offer',
  'polled',
  'missed',
] as const;
const PHASES: readonly PhaseName[] = [
  'recording',
  'locating',
  'inspecting',
  'replacing',
  'resuming',
  'starting',
  'placing',
  'describing',
  'waiting',
  'offered',
  'confirming',
  'leaving',
  'closed',
];
/** Steps after which a request that nothing disturbs any more has to be at rest. */
const MAX_STEPS = 200;

const setting = fc.record({
  mayWait: fc.boolean(),
  onConflict: fc.constantFrom('fail', 'takeover', 'resume'),
  autoAccept: fc.boolean(),
  ahead: fc.boolean(),
});
/** What happens between the answers of the store; `answer` is the answer to one open call. */
const script = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant('answer' as const) },
    { weight: 3, arbitrary: fc.constantFrom('offer' as const, 'accepted' as const, 'polled' as const) },
    { weight: 1, arbitrary: fc.constantFrom(...HAPPENINGS) },
  ),
  { maxLength: 40 },
);

function choiceOf(gen: fc.GeneratorValue): Choose {
  return (options) => options[gen(fc.nat, { max: options.length - 1 })]!;
}

/** Runs a script, then cancels, and answers calls until the request is at rest. */
function live(
  gen: fc.GeneratorValue,
  terms: Parameters<typeof build>[1],
  events: readonly string[],
  check: (request: PlayRequest<Placed>) => void = () => undefined,
): RandomBroker {
  const broker = build(gen, terms);
  for (const event of events) {
    if (event === 'answer') broker.answerOne();
    else broker.happen(event as (typeof HAPPENINGS)[number]);
    check(broker.request);
  }
  return broker;
}

function build(gen: fc.GeneratorValue, terms: ConstructorParameters<typeof RandomBroker>[1]): RandomBroker {
  return new RandomBroker(choiceOf(gen), terms);
}

function comeToRest(broker: RandomBroker): void {
  broker.happen('cancelled');
  for (let steps = 0; !broker.isClosed; steps += 1) {
    if (steps > MAX_STEPS)
      throw new Error(`The request does not come to rest in the phase ${broker.request.phase.name}.`);
    broker.answerOne();
  }
}

describe('The life of a play request', () => {
  it('ends in exactly one answer, unless its client left while it waited', () => {
    fc.assert(
      fc.property(fc.gen(), setting, script, (gen, terms, events) => {
        const broker = live(gen, terms, events);
        comeToRest(broker);
        expect(broker.answers).to.have.length(broker.isRemembered ? 0 : 1);
      }),
      { numRuns: 5_000 },
    );
  });

  it('leaves no slot and no queue position behind without an owner', () => {
    fc.assert(
      fc.property(fc.gen(), setting, script, (gen, terms, events) => {
        const broker = live(gen, terms, events);
        comeToRest(broker);
        const [answer] = broker.answers;
        // Another request or connection owns the slot or position, or the client finds it after its reconnect.
        if (broker.isRemembered || answer?.kind === 'replaced') return;
        if (answer?.kind === 'refused' && answer.code === 'CANCELLED') {
          expect([...broker.slots.keys()], 'slots').to.deep.equal([]);
          expect([...broker.queues.keys()], 'queues').to.deep.equal([]);
        }
        if (answer?.kind === 'matched' && !broker.isEndedElsewhere)
          expect([...broker.slots.values()]).to.include(answer.placed);
      }),
      { numRuns: 5_000 },
    );
  });

  it('answers a cancel in every phase before the answer is decided', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.gen(), setting, script, (gen, terms, events) => {
        const broker = live(gen, terms, events);
        comeToRest(broker);
        if (broker.cancelledIn === null) return;
        seen.add(broker.cancelledIn);
        expect(broker.answers).to.deep.equal([{ kind: 'refused', code: 'CANCELLED' }]);
      }),
      { numRuns: 12_000 },
    );
    const open = PHASES.filter((phase) => phase !== 'leaving' && phase !== 'closed');
    expect([...seen].sort()).to.deep.equal([...open].sort());
  });

  it('waits in a queue, or for an answer of the store', () => {
    fc.assert(
      fc.property(fc.gen(), setting, script, (gen, terms, events) => {
        const broker = live(gen, terms, events, (request) => {
          if (request.phase.name !== 'closed' && request.calls === 0)
            expect(request.queues).to.not.deep.equal([]);
        });
        comeToRest(broker);
      }),
      { numRuns: 5_000 },
    );
  });

  it('with `autoAccept`: never asks its client about an offer, and is never offered a slot without taking it', () => {
    fc.assert(
      fc.property(fc.gen(), setting, script, (gen, terms, events) => {
        const happenings = events.filter((event) => event !== 'accepted');
        const broker = live(gen, { ...terms, autoAccept: true }, happenings, ({ phase }) => {
          expect(phase.name).to.not.equal('offered');
        });
        comeToRest(broker);
        expect(broker.offerMessages).to.deep.equal([]);
      }),
      { numRuns: 5_000 },
    );
  });

  it('with `autoAccept`: takes the first offer that comes while it waits, and returns one of another region pool', () => {
    const terms = { mayWait: true, onConflict: 'fail', autoAccept: true, ahead: false } as const;
    fc.assert(
      fc.property(fc.gen(), (gen) => {
        const broker = build(gen, terms);
        broker.startWaiting(true);
        broker.happen('offer');
        const confirms = broker.open.filter(({ type }) => type === 'confirm');
        expect(confirms).to.have.length(1);
        broker.happen('offer');
        expect(broker.open.filter(({ type }) => type === 'confirm')).to.deep.equal(confirms);
      }),
    );
  });

  it('awaits no answer of the store twice, and ignores none', () => {
    fc.assert(
      fc.property(fc.gen(), setting, script, (gen, terms, events) => {
        const broker = live(gen, terms, events);
        expect(broker.request.calls).to.equal(broker.open.length);
        comeToRest(broker);
        expect(broker.request.calls).to.equal(0);
      }),
      { numRuns: 5_000 },
    );
  });
});
