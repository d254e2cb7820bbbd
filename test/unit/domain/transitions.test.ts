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

/** Everything that can be reached from a state, itself included. */
function reachable<State>(from: State, next: (state: State) => readonly State[]): Set<State> {
  const seen = new Set([from]);
  for (const state of seen) for (const to of next(state)) seen.add(to);
  return seen;
}

describe('The life of a session', () => {
  const next = (state: SessionState): readonly SessionState[] => SESSION_TRANSITIONS[state];

  it('has a row for every state, and reaches every state', () => {
    expect(Object.keys(SESSION_TRANSITIONS)).to.have.members([...SESSION_STATES]);
    expect([...reachable<SessionState>('reserved', next)]).to.have.members([...SESSION_STATES]);
  });

  it('ends for good, and can end from everywhere', () => {
    expect(SESSION_TRANSITIONS.ended).to.be.empty;
    for (const state of SESSION_STATES) expect(canTransition(state, 'ended')).to.be.true;
    for (const state of SESSION_STATES) expect(canTransition('ended', state)).to.equal(state === 'ended');
  });

  it('never goes back to reserved once the host holds it', () => {
    for (const state of HELD_STATES) expect(reachable<SessionState>(state, next)).not.to.include('reserved');
  });

  it('lets a lost stream come back, as often as it is lost', () => {
    expect(canTransition('connected', 'disconnected')).to.be.true;
    expect(canTransition('disconnected', 'connected')).to.be.true;
  });

  it('allows a report to repeat itself', () => {
    for (const state of SESSION_STATES) expect(canTransition(state, state)).to.be.true;
  });

  it('has one answer in both directions', () => {
    for (const to of SESSION_STATES) {
      const sources = statesLeadingTo(to);
      for (const from of SESSION_STATES) expect(sources.includes(from)).to.equal(canTransition(from, to));
    }
  });

  it('is the host’s in the states in which a host lists it', () => {
    expect(SESSION_STATES.filter(isHeld)).to.deep.equal([...HELD_STATES]);
  });
});

describe('The life of a host', () => {
  const next = (state: HostState): HostState[] => HOST_EVENTS.map((event) => nextHostState(state, event));

  it('has an answer for every event in every state, and reaches every state', () => {
    for (const state of HOST_STATES) {
      expect(HOST_TRANSITIONS[state]).to.have.all.keys(...HOST_EVENTS);
      for (const to of next(state)) expect(HOST_STATES).to.include(to);
    }
    expect([...reachable<HostState>('joining', next)]).to.have.members([...HOST_STATES]);
  });

  it('is over when the host is lost, until it registers again', () => {
    const silent = HOST_EVENTS.filter((event) => event !== 'registered');
    for (const event of silent) expect(nextHostState('lost', event)).to.equal('lost');
    expect(nextHostState('lost', 'registered')).to.equal('joining');
  });

  it('takes sessions after a heartbeat only, and no more when one is late', () => {
    expect(HOST_STATES.filter(acceptsSessions)).to.deep.equal(['ready']);
    for (const state of HOST_STATES) {
      for (const event of HOST_EVENTS) {
        if (acceptsSessions(nextHostState(state, event))) expect(event).to.equal('heartbeat');
      }
    }
  });

  it('forgives a late heartbeat', () => {
    expect(nextHostState(nextHostState('ready', 'late'), 'heartbeat')).to.equal('ready');
  });
});
