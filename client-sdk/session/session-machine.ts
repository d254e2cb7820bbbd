import type { Matched, Moving, SessionChanged } from '@duskline/protocol';
import type { EndReason, HeldState, SessionState } from '@duskline/protocol/vocabulary';
import type { Match } from './assignment.js';

/** A move that the application was asked to follow. It completes when the session reaches the epoch of its match. */
interface Move {
  readonly match: Moving;
  /** `running`: `onMove` has not finished. `failed`: the broker has to learn that the session stays. */
  readonly result: 'running' | 'admitted' | 'failed';
}

/** A session as its client sees it. */
export interface SessionModel {
  readonly state: SessionState;
  readonly match: Match;
  /** In the order of their epochs; those at the epoch of the session are complete, and their `onMove` still runs. */
  readonly moves: readonly Move[];
}

interface MoveFinished {
  readonly type: 'moveFinished';
  readonly epoch: number;
  readonly isAdmitted: boolean;
}

/** What can happen to a session. */
export type SessionEvent =
  /** The broker repeated the match, after a reconnect or because the session has another host. */
  | Matched
  | Moving
  | SessionChanged
  /** `onMove` finished, or its time is over. */
  | MoveFinished
  /** The request knows that the session has ended. */
  | { readonly type: 'ended'; readonly reason: EndReason }
  /** The client closes. */
  | { readonly type: 'closed' };

/** What the client has to do. */
export type SessionEffect =
  | { readonly type: 'emitState'; readonly state: HeldState }
  | { readonly type: 'emitHost'; readonly event: 'replaced' | 'moved' }
  | { readonly type: 'emitEnded'; readonly reason: EndReason }
  | { readonly type: 'clearSignals' | 'flushSignals' }
  /** Call `onMove`. `moveFinished` follows. */
  | { readonly type: 'callOnMove'; readonly match: Moving }
  /** Abort the signal of `onMove`: its result no longer matters. */
  | { readonly type: 'abandon'; readonly epoch: number }
  | { readonly type: 'stay'; readonly epoch: number }
  /** The session has a host for which this client has no match. */
  | { readonly type: 'find' }
  /** The broker says that the session has ended. `ended` follows. */
  | { readonly type: 'finish'; readonly reason: EndReason };

/** The session after an event, and the effects in their order. */
export interface SessionStep {
  readonly model: SessionModel;
  readonly effects: readonly SessionEffect[];
}

/** What `session` can report of a live session. A newer version of the protocol may have more, which are ignored. */
const REPORTED_STATES: readonly SessionState[] = ['active', 'connected', 'disconnected', 'moving'];

/** The machine of a session. It ignores events of a session that has ended. */
export function stepSession(model: SessionModel, event: SessionEvent): SessionStep {
  const effects: SessionEffect[] = [];
  return { model: model.state === 'ended' ? model : handle(model, event, effects), effects };
}

/** Returns the next model, and adds to the effects. */
function handle(model: SessionModel, event: SessionEvent, effects: SessionEffect[]): SessionModel {
  switch (event.type) {
    case 'matched': {
      const next = assign(model, event, effects);
      effects.push({ type: 'flushSignals' });
      // The broker may not have received `stay`.
      for (const { match, result } of next.moves)
        if (result === 'failed') effects.push({ type: 'stay', epoch: match.epoch });
      return next;
    }
    case 'moving': {
      const { match, moves } = model;
      if (event.epoch <= Math.max(match.epoch, ...moves.map((move) => move.match.epoch))) return model;
      const kept = dropMoves(moves, (epoch) => epoch > match.epoch, effects);
      effects.push({ type: 'callOnMove', match: event });
      return { ...model, moves: [...kept, { match: event, result: 'running' }] };
    }
    case 'session':
      return report(model, event, effects);
    case 'moveFinished':
      return finishMove(model, event, effects);
    case 'ended':
    case 'closed': {
      const moves = dropMoves(model.moves, () => true, effects);
      if (event.type === 'closed') return { ...model, moves };
      effects.push({ type: 'emitEnded', reason: event.reason });
      return { ...model, moves, state: 'ended' };
    }
  }
}

/** The broker reports a state of the session. */
function report(
  model: SessionModel,
  { epoch, state, reason }: SessionChanged,
  effects: SessionEffect[],
): SessionModel {
  if (epoch < model.match.epoch) return model;
  if (state === 'ended') {
    effects.push({ type: 'finish', reason: reason ?? 'error' });
    return model;
  }
  let next = model;
  if (epoch > model.match.epoch) {
    const move = model.moves.find(({ match }) => match.epoch === epoch);
    if (move === undefined) {
      effects.push({ type: 'find' });
      return { ...model, moves: dropMoves(model.moves, (moveEpoch) => moveEpoch < epoch, effects) };
    }
    next = assign(model, move.match, effects);
  } else if (state !== 'moving') {
    // The session stays on its host, so that moves to another one are cancelled.
    next = { ...model, moves: dropMoves(model.moves, (moveEpoch) => moveEpoch > epoch, effects) };
  }
  if (state === next.state || state === 'reserved' || !REPORTED_STATES.includes(state)) return next;
  effects.push({ type: 'emitState', state });
  return { ...next, state };
}

/** The session has this match: the one that it had, on another connection, or one with a higher epoch. */
function assign(model: SessionModel, match: Match, effects: SessionEffect[]): SessionModel {
  const { state } = model;
  const { epoch, host } = model.match;
  if (match.epoch < epoch) return model;
  if (match.epoch === epoch) {
    const isAway = state === 'reserved' || state === 'disconnected';
    if (isAway && match.host.endpoint !== host.endpoint)
      effects.push({ type: 'emitHost', event: 'replaced' });
    return { ...model, match };
  }
  const moves = dropMoves(model.moves, (moveEpoch) => moveEpoch < match.epoch, effects);
  const move = moves.find((other) => other.match.epoch === match.epoch);
  // Signals that were meant for one host must not reach its successor.
  effects.push({ type: 'clearSignals' });
  // The target host reports to the broker first, so `onMove` may still be running.
  const isRunning = move?.result === 'running';
  if (!isRunning) effects.push(emitHost(move?.result === 'admitted'));
  return { state: 'reserved', match, moves: moves.filter((other) => other !== move || isRunning) };
}

function finishMove(
  model: SessionModel,
  { epoch, isAdmitted }: MoveFinished,
  effects: SessionEffect[],
): SessionModel {
  const move = model.moves.find(({ match, result }) => match.epoch === epoch && result === 'running');
  if (move === undefined) return model;
  const others = model.moves.filter((other) => other !== move);
  if (!isAdmitted) effects.push({ type: 'abandon', epoch });
  if (epoch === model.match.epoch) {
    effects.push(emitHost(isAdmitted));
    return { ...model, moves: others };
  }
  if (!isAdmitted) effects.push({ type: 'stay', epoch });
  return { ...model, moves: [...others, { ...move, result: isAdmitted ? 'admitted' : 'failed' }] };
}

/** Aborts the moves to the given epochs, and returns the others. */
function dropMoves(
  moves: readonly Move[],
  isDropped: (epoch: number) => boolean,
  effects: SessionEffect[],
): readonly Move[] {
  return moves.filter(({ match: { epoch } }) => {
    if (isDropped(epoch)) effects.push({ type: 'abandon', epoch });
    return !isDropped(epoch);
  });
}

function emitHost(isAdmitted: boolean): SessionEffect {
  return { type: 'emitHost', event: isAdmitted ? 'moved' : 'replaced' };
}
