import { DusklineError } from '@duskline/client/node';
import { step, type PlayEffect, type PlayEvent } from '@duskline/client/internal/play/play-machine';
import {
  INITIAL_STATE,
  NEXT_PHASES,
  hasSession,
  isLeaving,
  isPending,
  isUnsent,
  type PlayPhase,
  type PlayState,
} from '@duskline/client/internal/play/play-state';
import type { ErrorCode } from '@duskline/protocol/codes';
import { expect } from 'chai';
import fc from 'fast-check';
import { OTHER_SESSION_ID, SESSION_ID, aMatch } from '../scripted-broker.js';

const REQUEST_ID = 'request-1';

/** Errors of each kind that a broker can send about a request or a session. */
const ERROR_CODES: readonly ErrorCode[] = [
  ...(['UNAVAILABLE', 'INTERNAL', 'NO_CAPACITY', 'REGION_CLOSED', 'UNKNOWN_TITLE', 'NO_OFFER'] as const),
  ...([
    'CANCELLED',
    'TIMED_OUT',
    'SESSION_OVER',
    'SESSION_EXISTS',
    'UNKNOWN_SESSION',
    'STALE_EPOCH',
  ] as const),
  ...(['PEER_AWAY', 'TOO_MANY_SIGNALS', 'NO_MOVE'] as const),
];
const RETRYABLE: readonly ErrorCode[] = [
  'UNAVAILABLE',
  'INTERNAL',
  'NO_CAPACITY',
  'REGION_CLOSED',
  'PEER_AWAY',
  'TOO_MANY_SIGNALS',
];

function anError(code: ErrorCode, about: object = { requestId: REQUEST_ID }, isInTime = false): PlayEvent {
  const error = new DusklineError(code, 'No.', RETRYABLE.includes(code), about);
  return { type: 'error', error, retryInMs: 700, isInTime };
}

const CLOSED = new DusklineError('CLIENT_CLOSED', 'The client is closed.', false);
const ABORTED = new DusklineError('ABORTED', 'The operation was aborted.', false);

const BY_BROKER: readonly PlayEvent[] = [
  { type: 'queued', requestId: REQUEST_ID, position: 3, region: 'dublin' },
  { type: 'offer', requestId: REQUEST_ID, region: 'dublin', acceptWithinMs: 15_000 },
  aMatch(REQUEST_ID),
  { ...aMatch(REQUEST_ID), sessionId: OTHER_SESSION_ID },
  { type: 'replaced', requestId: REQUEST_ID, byRequestId: 'request-2' },
  { type: 'ended', reason: 'idle' },
  { type: 'find' },
  ...ERROR_CODES.flatMap((code) => [
    anError(code),
    anError(code, undefined, true),
    anError(code, { sessionId: SESSION_ID }),
    anError(code, { requestId: REQUEST_ID, sessionId: OTHER_SESSION_ID }),
  ]),
];

const BY_APPLICATION: readonly PlayEvent[] = [
  { type: 'accept' },
  { type: 'cancel', error: ABORTED },
  { type: 'end' },
  { type: 'close', error: CLOSED },
];

const BY_CONNECTION: readonly PlayEvent[] = [
  { type: 'ready' },
  { type: 'disconnected' },
  { type: 'timeout' },
];

const ALL_EVENTS = [...BY_BROKER, ...BY_APPLICATION, ...BY_CONNECTION];

/** Whether the world around the machine can cause an event in this state. */
function isPossible({ contact, sessionId, ...state }: PlayState, event: PlayEvent): boolean {
  const full = { ...state, contact };
  if (event.type === 'ready') return isUnsent(full);
  if (event.type === 'timeout') return needsTimer(full);
  if (event.type === 'ended' || event.type === 'find') return sessionId !== undefined;
  if (event.type === 'end') return sessionId !== undefined;
  if (event.type === 'accept') return state.phase === 'offered';
  return !(BY_BROKER.includes(event) && contact === 'unsent');
}

/** A state in which only a timer goes on, if the broker is silent. */
function needsTimer(state: PlayState): boolean {
  const awaitsAnswer = state.contact === 'sent' || state.contact === 'answered';
  return state.phase !== 'over' && (state.contact === 'paused' || (isLeaving(state) && awaitsAnswer));
}

/** Every state that some order of events leads to, with what was sent on the way to it. */
function reachableStates(): PlayState[] {
  const found = new Map([[JSON.stringify(INITIAL_STATE), INITIAL_STATE]]);
  for (const state of found.values()) {
    for (const event of ALL_EVENTS.filter((candidate) => isPossible(state, candidate))) {
      const { state: next } = step(state, event);
      found.set(JSON.stringify(next), next);
    }
  }
  return [...found.values()];
}

/** The state and all effects after several events. */
function play(events: readonly PlayEvent[], from: PlayState = INITIAL_STATE): ReturnType<typeof step> {
  const effects: PlayEffect[] = [];
  let state = from;
  for (const event of events) {
    const next = step(state, event);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects };
}

function name({ phase, contact }: PlayState): string {
  return `${phase}, ${contact}`;
}

describe('The machine of a play request', () => {
  const states = reachableStates();

  it('reaches every phase of its table, and takes no other steps', () => {
    const taken = new Map<PlayPhase, Set<PlayPhase>>();
    for (const state of states) {
      for (const event of ALL_EVENTS.filter((candidate) => isPossible(state, candidate))) {
        const { phase } = step(state, event).state;
        if (phase !== state.phase) taken.set(state.phase, (taken.get(state.phase) ?? new Set()).add(phase));
      }
    }
    for (const [phase, next] of Object.entries(NEXT_PHASES)) {
      const others = next.filter((other) => other !== phase);
      expect([...(taken.get(phase as PlayPhase) ?? [])], phase).to.have.members(others);
    }
  });

  it('never depends on a timer that does not run', () => {
    for (const state of states) {
      for (const event of ALL_EVENTS.filter((candidate) => isPossible(state, candidate))) {
        const { state: next, effects } = step(state, event);
        const isSet = effects.some(({ type }) => type === 'wait') || (next === state && needsTimer(state));
        if (needsTimer(next)) expect(isSet, `${name(state)}: ${event.type}`).to.equal(true);
      }
    }
  });

  it('answers a cancel in every phase: it is rejected at once, sent until it is confirmed, and then over', () => {
    for (const state of states.filter((candidate) => isPending(candidate))) {
      const cancelled = play([{ type: 'cancel', error: ABORTED }], state);
      expect(cancelled.effects, name(state)).to.deep.equal([{ type: 'reject', error: ABORTED }]);
      if (state.contact === 'unsent') {
        expect(cancelled.state.phase).to.equal('over');
        continue;
      }
      for (const lost of [
        [],
        [{ type: 'disconnected' }],
        [{ type: 'timeout' }],
        [anError('UNAVAILABLE'), { type: 'timeout' }],
      ] as PlayEvent[][]) {
        const again = play([{ type: 'ready' }, ...lost, { type: 'ready' }], cancelled.state);
        const sent = again.effects.filter(({ type }) => type === 'send');
        expect(sent).to.deep.equal(Array(lost.length === 0 ? 1 : 2).fill({ type: 'send', what: 'cancel' }));
        expect(step(again.state, anError('CANCELLED')).state.phase).to.equal('over');
      }
    }
  });

  it('takes only CANCELLED for the answer to a cancel', () => {
    const cancelling = play([{ type: 'ready' }, { type: 'cancel', error: ABORTED }, { type: 'ready' }]).state;
    for (const event of BY_BROKER) {
      const isAnswer = event.type === 'error' && event.error.code === 'CANCELLED';
      expect(step(cancelling, event).state.phase === 'over').to.equal(isAnswer);
    }
  });

  it('sends end() on every connection until a broker confirms it, once that broker knows the session', () => {
    for (const state of states.filter((candidate) => hasSession(candidate))) {
      const lost = play([{ type: 'end' }, { type: 'disconnected' }, { type: 'ready' }], state);
      expect(lost.state, name(state)).to.deep.include({ phase: 'ending' });
      const { sessionId } = state;
      for (const answer of [{ ...aMatch(REQUEST_ID), sessionId: sessionId! }, ...BY_BROKER.slice(0, 2)]) {
        const known = step({ ...lost.state, contact: 'sent' }, answer);
        expect(known.effects, name(state)).to.deep.include({ type: 'end', sessionId });
        const over = step(known.state, { type: 'ended', reason: 'client_left' });
        expect(over.state.phase).to.equal('over');
      }
    }
  });

  it('sends `end` and `accept` only to a broker that has reported the session or the offer on this connection', () => {
    for (const state of states) {
      for (const event of ALL_EVENTS.filter((candidate) => isPossible(state, candidate))) {
        const { state: next, effects } = step(state, event);
        const needsContact = effects.some(
          (effect) => (effect.type === 'end' && event.type !== 'matched') || isSent(effect, 'accept'),
        );
        if (needsContact) expect(next.contact, `${name(state)}: ${event.type}`).to.equal('answered');
      }
    }
  });

  it('cancels what a broker may have reserved when it gives up after UNAVAILABLE or INTERNAL', () => {
    for (const code of ['UNAVAILABLE', 'INTERNAL'] as const) {
      const refused = play([{ type: 'ready' }, anError(code)]);
      expect(refused.state).to.deep.equal({ phase: 'cancelling', contact: 'lost' });
      expect(refused.effects.map(({ type }) => type)).to.deep.equal(['send', 'reject']);
    }
  });

  it('ends a waiting request that is refused, also with an error that may pass', () => {
    for (const code of ['REGION_CLOSED', 'NO_CAPACITY', 'TIMED_OUT'] as const) {
      const refused = play([{ type: 'ready' }, BY_BROKER[0]!, anError(code)]);
      expect(refused.state.phase).to.equal('over');
      expect(refused.effects.map(({ type }) => type)).to.include('reject');
    }
  });

  it('gives each request exactly one outcome, for any order of events', () => {
    const events = fc.array(fc.constantFrom(...ALL_EVENTS), { maxLength: 40 });
    fc.assert(
      fc.property(events, (sequence) => {
        let state: PlayState = INITIAL_STATE;
        const effects: PlayEffect[] = [];
        for (const event of [...sequence, { type: 'close', error: CLOSED } as const]) {
          if (!isPossible(state, event)) continue;
          const next = step(state, event);
          state = next.state;
          effects.push(...next.effects);
          expect(countOutcomes(effects)).to.equal(isPending(state) ? 0 : 1);
        }
        expect(state.phase).to.equal('over');
        expect(effects.filter(({ type }) => type === 'finish')).to.have.length.at.most(1);
      }),
      { numRuns: 2_000 },
    );
  });

  it('sends one message for each connection, pause or command, and one `accept` for each offer', () => {
    const events = fc.array(fc.constantFrom(...ALL_EVENTS), { maxLength: 40 });
    fc.assert(
      fc.property(events, (sequence) => {
        let state: PlayState = INITIAL_STATE;
        let mayAccept = 0;
        for (const event of sequence) {
          if (!isPossible(state, event)) continue;
          if (event.type === 'offer') mayAccept = 1;
          if (event.type === 'disconnected') mayAccept = 0;
          const { state: next, effects } = step(state, event);
          const sent = effects.filter(({ type }) => type === 'send' || type === 'end');
          expect(sent).to.have.length.at.most(1 + Number(event.type === 'matched'));
          if (sent.some((effect) => isSent(effect, 'accept'))) mayAccept -= 1;
          expect(mayAccept).to.be.at.least(0);
          const repeatsPhase = sent.some((effect) => isSent(effect, 'play') || isSent(effect, 'lookup'));
          if (repeatsPhase) expect(event.type).to.equal('ready');
          state = next;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

function isSent(effect: PlayEffect, what: string): boolean {
  return effect.type === 'send' && effect.what === what;
}

function countOutcomes(effects: readonly PlayEffect[]): number {
  return effects.filter(({ type }) => type === 'resolve' || type === 'reject').length;
}
