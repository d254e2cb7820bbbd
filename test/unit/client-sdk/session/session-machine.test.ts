import {
  stepSession,
  type SessionEffect,
  type SessionEvent,
  type SessionModel,
} from '@duskline/client/internal/session/session-machine';
import type { Moving, SessionChanged } from '@duskline/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { SESSION_ID, aMatch } from '../scripted-broker.js';

const REQUEST_ID = 'request-1';
const START: SessionModel = { state: 'reserved', match: aMatch(REQUEST_ID), moves: [] };

const epochs = fc.integer({ min: 1, max: 5 });

const matched = epochs.map((epoch): SessionEvent => ({ ...aMatch(REQUEST_ID), epoch }));
const moving = epochs.map((epoch): Moving => ({ ...aMatch(REQUEST_ID), type: 'moving', epoch }));
const session = fc
  .record({
    epoch: epochs,
    state: fc.constantFrom(
      'reserved',
      'active',
      'connected',
      'disconnected',
      'moving',
      'ended',
      'of a later version',
    ),
  })
  .map(
    ({ epoch, state }) =>
      ({ type: 'session', sessionId: SESSION_ID, epoch, state }) as unknown as SessionChanged,
  );
const finished = fc
  .record({ epoch: epochs, isAdmitted: fc.boolean() })
  .map(({ epoch, isAdmitted }): SessionEvent => ({ type: 'moveFinished', epoch, isAdmitted }));
const over = fc.constantFrom<SessionEvent>({ type: 'ended', reason: 'idle' }, { type: 'closed' });

const anyEvents = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: matched },
    { weight: 3, arbitrary: moving },
    { weight: 6, arbitrary: session },
    { weight: 3, arbitrary: finished },
    { weight: 1, arbitrary: over },
  ),
  { maxLength: 30 },
);

/** One event, with the model before and after it. */
interface Step {
  readonly event: SessionEvent;
  readonly before: SessionModel;
  readonly after: SessionModel;
  readonly effects: readonly SessionEffect[];
}

function run(events: readonly SessionEvent[]): Step[] {
  let before = START;
  return events.map((event) => {
    const { model: after, effects } = stepSession(before, event);
    const step = { event, before, after, effects };
    before = after;
    return step;
  });
}

function expectAlways(check: (step: Step) => void): void {
  const property = fc.property(anyEvents, (events) => run(events).forEach(check));
  fc.assert(property, { numRuns: 3_000 });
}

const count = (effects: readonly SessionEffect[], type: SessionEffect['type']): number =>
  effects.filter((effect) => effect.type === type).length;

describe('The machine of a session, as its client sees it', () => {
  it('never goes back to a lower epoch', () => {
    expectAlways(({ before, after }) => expect(after.match.epoch).to.be.at.least(before.match.epoch));
  });

  it('changes nothing once the session has ended, and reports its end once', () => {
    expectAlways(({ before, after, effects }) => {
      if (before.state === 'ended') expect({ after, effects }).to.deep.equal({ after: before, effects: [] });
      expect(count(effects, 'emitEnded')).to.equal(
        Number(after.state === 'ended' && before.state !== 'ended'),
      );
    });
  });

  it('reports each change of the state, and only those that the application knows', () => {
    expectAlways(({ before, after, effects }) => {
      const states = effects.flatMap((effect) => (effect.type === 'emitState' ? [effect.state] : []));
      expect(states).to.have.length.at.most(1);
      for (const state of states) expect(state).to.equal(after.state);
      expect(after.state).to.be.oneOf(['reserved', 'active', 'connected', 'disconnected', 'moving', 'ended']);
      if (after.state !== before.state && !['reserved', 'ended'].includes(after.state))
        expect(states).to.deep.equal([after.state]);
    });
  });

  it('reports each new host once: when it is known, or when the application has finished going there', () => {
    expectAlways(({ before, after, effects, event }) => {
      const isNew = after.match.epoch > before.match.epoch;
      const isFollowed = after.moves.some(({ match }) => match.epoch === after.match.epoch);
      const wasFollowed = before.moves.some(({ match }) => match.epoch === before.match.epoch);
      const expected =
        isNew && !isFollowed
          ? 1
          : event.type === 'moveFinished' && wasFollowed && !isFollowed && !isNew
            ? 1
            : 0;
      expect(count(effects, 'emitHost')).to.equal(expected);
    });
  });

  it('drops the signals that wait for a host when another one takes its place', () => {
    expectAlways(({ before, after, effects }) =>
      expect(count(effects, 'clearSignals')).to.equal(Number(after.match.epoch > before.match.epoch)),
    );
  });

  it('follows one move at a time, and none again that it still follows', () => {
    expectAlways(({ before, after, effects }) => {
      expect(after.moves.filter(({ match }) => match.epoch > after.match.epoch)).to.have.length.at.most(1);
      for (const effect of effects) {
        if (effect.type !== 'callOnMove') continue;
        const { epoch } = effect.match;
        expect(epoch).to.be.above(
          Math.max(before.match.epoch, ...before.moves.map(({ match }) => match.epoch)),
        );
      }
    });
  });

  it('aborts a move or lets it finish, and keeps none of a session that is over', () => {
    expectAlways(({ before, after, effects, event }) => {
      const aborted = effects.flatMap((effect) => (effect.type === 'abandon' ? [effect.epoch] : []));
      const running = before.moves.filter(({ result }) => result === 'running');
      for (const { match } of running) {
        const isKept = after.moves.some((move) => move.match.epoch === match.epoch);
        const isFinished = event.type === 'moveFinished' && event.isAdmitted && event.epoch === match.epoch;
        expect(isKept || isFinished || aborted.includes(match.epoch)).to.equal(true);
      }
      if (after.state === 'ended') expect(after.moves).to.deep.equal([]);
    });
  });

  it('stays only for a move that failed, and repeats this on each connection until the move is decided', () => {
    expectAlways(({ before, after, effects, event }) => {
      const stays = effects.flatMap((effect) => (effect.type === 'stay' ? [effect.epoch] : []));
      const failed = after.moves.filter(({ result }) => result === 'failed').map(({ match }) => match.epoch);
      if (event.type === 'matched' && before.state !== 'ended') expect(stays).to.deep.equal(failed);
      else if (event.type !== 'moveFinished') expect(stays).to.deep.equal([]);
      for (const epoch of stays) expect(failed).to.include(epoch);
    });
  });

  it('asks for the match of a host that it does not know', () => {
    const [{ effects } = { effects: [] }] = run([
      { type: 'session', sessionId: SESSION_ID, epoch: 2, state: 'active' },
    ]);
    expect(effects).to.deep.equal([{ type: 'find' }]);
  });
});
