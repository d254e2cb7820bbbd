import { HELD_STATES, SESSION_STATES, type SessionState } from '@duskline/protocol/vocabulary';
import {
  HOST_STATES,
  HOST_TRANSITIONS,
  nextHostState,
  acceptsSessions,
  type HostEvent,
  type HostState,
} from '@duskline/server/domain/host-state.js';
import {
  SESSION_TRANSITIONS,
  canTransition,
  isHeld,
  statesLeadingTo,
} from '@duskline/server/domain/session-state.js';
import { expect } from 'chai';

const HOST_EVENTS: readonly HostEvent[] = ['registered', 'heartbeat', 'late', 'gone'];

/** All states that can be reached from a state, including itself. */
function reachable<State>(from: State, next: (state: State) => readonly State[]): Set<State> {
  const seen = new Set([from]);
  for (const state of seen) for (const to of next(state)) seen.add(to);
  return seen;
}

describe('The states of a session', () => {
  const next = (state: SessionState): readonly SessionState[] => SESSION_TRANSITIONS[state];

  it('have a row each, and are all reachable', () => {
    expect(Object.keys(SESSION_TRANSITIONS)).to.have.members([...SESSION_STATES]);
    expect([...reachable<SessionState>('reserved', next)]).to.have.members([...SESSION_STATES]);
  });

  it('can always end, and never leave the end', () => {
    expect(SESSION_TRANSITIONS.ended).to.be.empty;
    for (const state of SESSION_STATES) expect(canTransition(state, 'ended')).to.be.true;
    for (const state of SESSION_STATES) expect(canTransition('ended', state)).to.equal(state === 'ended');
  });

  it('never return to reserved once the host holds the session', () => {
    for (const state of HELD_STATES) expect(reachable<SessionState>(state, next)).not.to.include('reserved');
  });

  it('allow a lost stream to reconnect, any number of times', () => {
    expect(canTransition('connected', 'disconnected')).to.be.true;
    expect(canTransition('disconnected', 'connected')).to.be.true;
  });

  it('allow a report to be repeated', () => {
    for (const state of SESSION_STATES) expect(canTransition(state, state)).to.be.true;
  });

  it('agree between the table and its inverse', () => {
    for (const to of SESSION_STATES) {
      const sources = statesLeadingTo(to);
      for (const from of SESSION_STATES) expect(sources.includes(from)).to.equal(canTransition(from, to));
    }
  });

  it('belong to the host exactly when a host lists them', () => {
    expect(SESSION_STATES.filter(isHeld)).to.deep.equal([...HELD_STATES]);
  });
});

describe('The states of a host', () => {
  const next = (state: HostState): HostState[] => HOST_EVENTS.map((event) => nextHostState(state, event));

  it('have an answer for every event, and are all reachable', () => {
    for (const state of HOST_STATES) {
      expect(HOST_TRANSITIONS[state]).to.have.all.keys(...HOST_EVENTS);
      for (const to of next(state)) expect(HOST_STATES).to.include(to);
    }
    expect([...reachable<HostState>('joining', next)]).to.have.members([...HOST_STATES]);
  });

  it('end when the host is lost, until it registers again', () => {
    const silent = HOST_EVENTS.filter((event) => event !== 'registered');
    for (const event of silent) expect(nextHostState('lost', event)).to.equal('lost');
    expect(nextHostState('lost', 'registered')).to.equal('joining');
  });

  it('accept sessions after a heartbeat only, and no longer when one is late', () => {
    expect(HOST_STATES.filter(acceptsSessions)).to.deep.equal(['ready']);
    for (const state of HOST_STATES) {
      for (const event of HOST_EVENTS) {
        if (acceptsSessions(nextHostState(state, event))) expect(event).to.equal('heartbeat');
      }
    }
  });

  it('return to ready after a late heartbeat', () => {
    expect(nextHostState(nextHostState('ready', 'late'), 'heartbeat')).to.equal('ready');
  });
});
