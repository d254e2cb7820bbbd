import { BEGUN, isOver, type MoveEvent, type Phase } from '@duskline/server/domain/move/coordinated-move.js';
import { NEXT_COORDINATOR_PHASES } from '@duskline/server/domain/move/next-phases.js';
import { step } from '@duskline/server/domain/move/step-coordinator.js';
import { expect } from 'chai';
import { allOutcomes, expectOfAll } from '../all-outcomes.js';
import { pageTransitions, tableTransitions } from '../transition-tables.js';

const PAGE = 'docs/develop/move.md';
const target = { hostId: 'h2', hostConnectionId: 'b.1' };
const STEPS = ['checkpoint', 'restore', 'client'] as const;

const EVENTS: readonly MoveEvent[] = [
  { type: 'reserved', target },
  { type: 'not_reserved', reason: 'full' },
  ...STEPS.flatMap((step): MoveEvent[] => [
    { type: 'requested', step },
    { type: 'overdue', step },
    {
      type: 'request_failed',
      step,
      failure: { by: 'source', reason: 'not connected' },
      isSessionOver: false,
    },
    { type: 'request_failed', step, failure: { by: 'client', reason: 'it has ended' }, isSessionOver: true },
  ]),
  { type: 'replied', reply: { kind: 'checkpoint', reference: null } },
  { type: 'replied', reply: { kind: 'restored' } },
  { type: 'replied', reply: { kind: 'arrived' } },
  { type: 'replied', reply: { kind: 'refused', by: 'client', reason: 'declined' } },
  { type: 'slot_lost', reason: 'the slot is gone' },
  { type: 'cancel_answered', outcome: 'cancelled' },
  { type: 'cancel_answered', outcome: 'arrived' },
  { type: 'cancel_failed', reason: 'unreachable' },
];

function run(...events: MoveEvent[]): Phase {
  return events.reduce<Phase>((phase, event) => step(phase, event).phase, BEGUN);
}

describe('A move at its coordinator, after every event in every state', () => {
  const outcomes = allOutcomes({
    initial: BEGUN,
    events: EVENTS,
    step,
    stateOf: ({ phase }) => phase,
  });

  it('has the phases that the table lists, and no other', () => {
    const observed = outcomes.flatMap(({ before, event, after }) =>
      before.name === after.phase.name ? [] : [`${before.name} ${event.type} ${after.phase.name}`],
    );
    const listed = tableTransitions(NEXT_COORDINATOR_PHASES).sort();
    expect([...new Set(observed)].sort()).to.deep.equal(listed);
    expect(pageTransitions(PAGE, 'The coordinator').sort()).to.deep.equal(listed);
  });

  it('is over once: nothing changes a move that has moved, stayed or ended', () => {
    expectOfAll(
      outcomes,
      ({ before, after }) => after.phase === before && after.effects.length === 0,
      ({ before }) => isOver(before),
    );
  });

  it('has failed only after the store gave its slot up, or could not reserve one or be reached', () => {
    expectOfAll(
      outcomes,
      ({ event }) => ['not_reserved', 'cancel_answered', 'cancel_failed'].includes(event.type),
      ({ before, after }) => !isOver(before) && isOver(after.phase) && after.phase.name !== 'moved',
    );
  });

  it('asks the store once to give the slot up, in each way to fail', () => {
    expectOfAll(
      outcomes,
      ({ before, after }) =>
        before.name !== 'cancelling' && after.effects.filter(({ type }) => type === 'cancel').length === 1,
      ({ before, after }) => before.name !== 'cancelling' && after.phase.name === 'cancelling',
    );
    expectOfAll(
      outcomes,
      ({ after }) => after.effects.length === 0,
      ({ before }) => before.name === 'cancelling',
    );
  });

  it('has moved when the client has arrived, whatever else is missing', () => {
    expectOfAll(
      outcomes,
      ({ after }) => after.phase.name === 'moved',
      ({ before, event }) =>
        event.type === 'replied' &&
        event.reply.kind === 'arrived' &&
        !isOver(before) &&
        before.name !== 'reserving',
    );
  });

  it('blames the party that gave the slot up, if it says so after the slot was lost', () => {
    const lost: MoveEvent = { type: 'slot_lost', reason: 'the slot is gone' };
    const reserved: MoveEvent = { type: 'reserved', target };
    const declined: MoveEvent = {
      type: 'replied',
      reply: { kind: 'refused', by: 'client', reason: 'declined' },
    };
    const cancelled: MoveEvent = { type: 'cancel_answered', outcome: 'cancelled' };
    expect(run(reserved, lost, cancelled)).to.deep.include({
      name: 'stayed',
      failure: { by: 'target', reason: 'the slot is gone' },
    });
    expect(run(lost, reserved, declined, cancelled)).to.deep.nested.include({
      name: 'stayed',
      'failure.by': 'client',
    });
    expect(run(reserved, declined, lost, cancelled)).to.deep.nested.include({
      name: 'stayed',
      'failure.by': 'client',
    });
  });
});
