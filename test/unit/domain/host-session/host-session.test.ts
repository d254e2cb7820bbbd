import {
  epochOf,
  hasAssignment,
  isUnanswered,
  isUnprepared,
  listedOf,
  ABSENT,
  type HostSession,
} from '@duskline/server/domain/host-session/host-session.js';
import { NEXT_PHASES } from '@duskline/server/domain/host-session/next-phases.js';
import { step } from '@duskline/server/domain/host-session/step.js';
import { expect } from 'chai';
import { allOutcomes, expectOfAll } from '../all-outcomes.js';
import { pageTransitions, tableTransitions } from '../transition-tables.js';
import { ALL_EVENTS } from './all-events.js';

const PAGE = 'docs/develop/host-session.md';

describe('A session as its host sees it, after every event in every state', () => {
  const outcomes = allOutcomes({
    initial: ABSENT,
    events: ALL_EVENTS,
    step,
    stateOf: ({ session }) => session,
  });

  it('has the phases that the table lists, and no other', () => {
    const observed = outcomes.flatMap(({ before, event, after }) => {
      const [from, to] = [before.phase.name, after.session.phase.name];
      return from === to ? [] : [`${from} ${event.type} ${to}`];
    });
    expect([...new Set(observed)].sort()).to.deep.equal(tableTransitions(NEXT_PHASES).sort());
    expect(pageTransitions(PAGE).sort()).to.deep.equal(tableTransitions(NEXT_PHASES).sort());
  });

  it('was sent each epoch once, and only higher ones', () => {
    expectOfAll(
      outcomes,
      ({ before, event, after }) =>
        'epoch' in event &&
        (event.epoch > epochOf(before) || isUnprepared(before, event.epoch)) &&
        epochOf(after.session) === event.epoch &&
        !isUnprepared(after.session, event.epoch),
      ({ after }) => after.effects.some(({ type }) => type === 'send_prepare'),
    );
  });

  it('gets a late `prepare` if and only if its host reported it before it was sent anything, and not when it connected', () => {
    expectOfAll(
      outcomes,
      ({ before, event }) => event.type === 'reported' && before.phase.name === 'absent',
      ({ before, event, after }) =>
        'epoch' in event && isUnprepared(after.session, event.epoch) && !isUnprepared(before, event.epoch),
    );
    expectOfAll(
      outcomes,
      ({ after }) => after.effects.some(({ type }) => type === 'send_prepare'),
      ({ before, event }) => event.type === 'assigned' && isUnprepared(before, event.epoch),
    );
  });

  it('is not changed at its present epoch by what is about an earlier one', () => {
    // A host that lists an earlier assignment than before has begun anew: its list is the truth.
    expectOfAll(
      outcomes,
      ({ before, after }) => epochOf(after.session) === epochOf(before),
      ({ before, event }) => 'epoch' in event && event.epoch < epochOf(before) && event.type !== 'listed',
    );
    expectOfAll(
      outcomes,
      ({ before, after }) => epochOf(after.session) === epochOf(before),
      ({ before, event }) =>
        'epoch' in event && event.epoch < epochOf(before) && before.phase.name !== 'held',
    );
  });

  it('gets `end` if and only if the host was sent the assignment or lists it, and then it is over', () => {
    expectOfAll(
      outcomes,
      ({ before, event, after }) => {
        const concerns =
          'epoch' in event && (epochOf(before) <= event.epoch || isListedUpTo(before, event.epoch));
        const isSent = after.effects.length === 1;
        return isSent === (before.phase.name !== 'absent' && concerns);
      },
      ({ event }) => event.type === 'ended',
    );
    expectOfAll(
      outcomes,
      ({ event, after }) => 'epoch' in event && !hasAssignment(after.session, event.epoch),
      ({ after }) => after.effects.some(({ type }) => type === 'send_end'),
    );
  });

  it('leaves an assignment that was sent only when it is admitted, ended or released', () => {
    expectOfAll(
      outcomes,
      ({ before, event, after }) => {
        const isAdmitted = listedOf(after.session)?.epoch === epochOf(before);
        const isOver = ['ended', 'host_ended', 'refused', 'moved_away', 'host_lost'].includes(event.type);
        return isAdmitted || isOver || epochOf(after.session) > epochOf(before);
      },
      ({ before, after }) =>
        before.phase.name !== 'held' &&
        before.phase.name !== 'absent' &&
        epochOf(after.session) !== epochOf(before),
    );
  });

  it('is unanswered after two heartbeats that list prepared sessions without it', () => {
    let { session } = step(ABSENT, { type: 'assigned', epoch: 1 });
    for (const expected of [false, true, true]) {
      ({ session } = step(session, { type: 'unlisted', prepared: 'none' }));
      expect(isUnanswered(session, 1)).to.equal(expected);
    }
    expect(isUnanswered(session, 2)).to.equal(false);
    ({ session } = step(session, { type: 'unlisted', prepared: 1 }));
    expect(isUnanswered(session, 1)).to.equal(false);
  });

  it('never counts as unanswered by a host whose heartbeats do not list prepared sessions', () => {
    let { session } = step(ABSENT, { type: 'assigned', epoch: 1 });
    for (let i = 0; i < 3; i += 1) ({ session } = step(session, { type: 'unlisted', prepared: undefined }));
    expect(isUnanswered(session, 1)).to.equal(false);
  });
});

function isListedUpTo(session: HostSession, epoch: number): boolean {
  const listed = listedOf(session);
  return listed !== null && listed.epoch <= epoch;
}
