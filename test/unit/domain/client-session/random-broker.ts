import {
  isLinked,
  newClientSession,
  pendingMoveOf,
  type Assignment,
  type BrokerTypes,
  type ClientSession,
  type PhaseName,
  type SessionChange,
} from '@duskline/server/domain/client-session/client-session.js';
import type { SessionCall, SessionEffect } from '@duskline/server/domain/client-session/effects.js';
import type { LocateResult, SessionEvent } from '@duskline/server/domain/client-session/events.js';
import { step } from '@duskline/server/domain/client-session/step.js';
import { toStoreMs } from '@duskline/server/domain/store-time.js';
import type { Choose } from '../random-choice.js';

export interface TestTypes extends BrokerTypes {
  readonly assignment: Assignment;
  /** The epoch that the message names. */
  readonly message: number;
  /** The number of the order. */
  readonly order: number;
}

type Session = ClientSession<TestTypes>;
type Effect = SessionEffect<TestTypes>;
type Call = SessionCall<TestTypes>;
type Event = SessionEvent<TestTypes>;

const NEAR = { region: 'near', pool: 'main' };
const HOSTS = ['h1', 'h2', 'h3', 'h4'];
const MOVE_MS = 10;
const GRACE_MS = 5;

/** What happens to a session without being the answer to a call. */
export const HAPPENINGS = [
  'matched',
  'changed',
  'end_ordered',
  'disconnected',
  'moving',
  'move_cancelled',
  'endpoint_changed',
  'verified',
  'disowned',
  'end_found',
  'replacement_refused',
  'replacement_replaced',
] as const;
export type Happening = (typeof HAPPENINGS)[number];

/** A violation of what a client may be told. */
class Violation extends Error {}

/**
 * A broker that carries out the effects of one session, with a store and hosts that report and answer anything, in any order. It
 * remembers what the client of the session knows.
 */
export class RandomBroker {
  session: Session = newClientSession();
  /** Calls that are not answered yet. */
  readonly open: Call[] = [];
  /** Answers to calls that are not awaited any more. */
  readonly transitions: (readonly [PhaseName, Event['type'], PhaseName])[] = [];
  /** The client has the session: it was matched, and not told that it ended or belongs to another connection. */
  clientHasIt = false;
  /** How often a client was told of an end, and how often it got the session. */
  ends = 0;
  begins = 0;
  readonly unanswered = new Set<number>();
  replacements = 0;
  #orders = 0;
  #epoch = 1;
  #nowMs = 0;

  constructor(private readonly choose: Choose) {}

  get phase(): PhaseName {
    return this.session.phase.name;
  }

  /** Something happens, with values that may be old, present or new. */
  happen(type: Happening): void {
    switch (type) {
      case 'matched':
        this.#match();
        return;
      case 'changed':
        this.dispatch({ type, change: this.#change(), nowMs: this.#nowMs });
        return;
      case 'end_ordered':
        this.#orders += 1;
        this.unanswered.add(this.#orders);
        this.dispatch({ type, order: this.#orders });
        return;
      case 'disconnected':
        this.clientHasIt = false;
        this.dispatch({ type });
        return;
      case 'moving': {
        const assignment = this.#assignment((this.#epoch += 1));
        const untilMs = this.#nowMs + MOVE_MS;
        const move = { assignment, coordinatorBrokerId: 'b2', untilMs, overAtMs: untilMs + GRACE_MS };
        const fromEpoch = this.choose([this.#knownEpoch, this.#knownEpoch, this.#anyEpoch()]);
        this.dispatch({ type, move, fromEpoch, message: assignment.epoch });
        return;
      }
      case 'move_cancelled':
        this.dispatch({ type, epoch: this.#moveEpoch() });
        return;
      case 'endpoint_changed':
        this.dispatch({ type, epoch: this.#anyEpoch(), message: this.#epoch });
        return;
      case 'verified':
        this.dispatch({
          type,
          asOf: this.#revision(),
          change: this.choose([null, null, this.#change()]),
          mayBeReported: this.choose([false, false, true]),
          nowMs: this.#nowMs,
        });
        return;
      case 'disowned':
        this.dispatch({ type });
        return;
      case 'end_found':
        // Of a session that a connection has, the broker tells the end itself.
        if (isLinked(this.session.phase) || this.phase === 'replacing') return;
        this.begins += 1;
        this.clientHasIt = true;
        this.dispatch({
          type,
          assignment: this.#assignment(this.#anyEpoch()),
          reason: this.choose(['host_lost', 'reservation_expired']),
        });
        return;
      case 'replacement_refused':
        this.dispatch({ type, reason: this.choose(['host_lost', 'client_left', 'reservation_expired']) });
        return;
      case 'replacement_replaced': {
        const isTakeover = this.choose([true, false]);
        // The request that places the session again sends `replaced`.
        if (this.phase === 'replacing' && !isTakeover) this.#end();
        this.dispatch({ type, isTakeover });
      }
    }
  }

  /** Answers one open call, whichever is chosen. */
  answerOne(): void {
    if (this.open.length === 0) return;
    const call = this.choose(this.open);
    this.open.splice(this.open.indexOf(call), 1);
    this.dispatch(this.#resultOf(call));
  }

  /** The answer to a call that is not awaited any more. */
  answerLate(): void {
    const { calls, phase } = this.session;
    const isAwaited = 'call' in phase;
    const call = this.choose([0, isAwaited ? calls - 1 : calls]);
    const asOf = this.session.revision - 1;
    const { type } = this.choose([
      { type: 'locate' },
      { type: 'end' },
      { type: 'find_owner' },
      { type: 'read' },
    ] as const);
    const before = this.session;
    const { session, effects } = step(before, this.#answerTo(type, call, asOf));
    if (session !== before || effects.length > 0)
      throw new Violation(`A late answer to ${type} had an effect.`);
  }

  dispatch(event: Event): void {
    this.#nowMs += this.choose([0, 1, 4]);
    const before = this.session.phase.name;
    const { session, effects } = step(this.session, event);
    this.session = session;
    for (const effect of effects) this.#carryOut(effect, event);
    if (session.phase.name !== before) this.transitions.push([before, event.type, session.phase.name]);
    this.#check();
  }

  /** What holds after each step. */
  #check(): void {
    const { phase } = this.session;
    const hasIt = isLinked(phase) || (phase.name === 'replacing' && this.clientHasIt);
    if (this.clientHasIt !== hasIt)
      throw new Violation(
        `In ${phase.name} the client ${this.clientHasIt ? 'still has' : 'has not'} the session.`,
      );
    if ('call' in phase && !this.open.some((call) => 'call' in call && call.call === phase.call))
      throw new Violation(`${phase.name} waits for no call.`);
    const waiting = phase.name === 'ending' ? phase.orders : [];
    if ([...this.unanswered].join() !== waiting.join())
      throw new Violation(`In ${phase.name} the orders ${[...this.unanswered].join()} have no answer.`);
  }

  #carryOut(effect: Effect, event: Event): void {
    switch (effect.type) {
      case 'link':
        this.clientHasIt = true;
        this.begins += 1;
        return;
      case 'tell':
        if (effect.state !== 'ended') {
          // A host has kept a session whose client was told of its end.
          if (!this.clientHasIt) this.begins += 1;
          this.clientHasIt = true;
          return;
        }
        this.#end();
        return;
      case 'send_replaced':
        this.#end();
        return;
      case 'answer_order':
        if (!this.unanswered.delete(effect.order)) throw new Violation('An order was answered twice.');
        return;
      case 'cancel_replacement':
        this.unanswered.delete(effect.order);
        return;
      case 'replace':
        if (this.unanswered.size > 0)
          throw new Violation('A session that its client ended was placed again.');
        this.replacements += 1;
        return;
      case 'locate':
      case 'find_owner':
      case 'end':
      case 'read':
      case 'renew':
        this.open.push(effect);
        return;
      case 'send':
        if (event.type !== 'matched' && !this.clientHasIt)
          throw new Violation('A message about a session went to a client that has not got it.');
        return;
      case 'clear_live':
      case 'refuse_move':
    }
  }

  #end(): void {
    // The client of a session that is being placed again may have disconnected.
    if (!this.clientHasIt) return;
    this.clientHasIt = false;
    this.ends += 1;
  }

  #match(): void {
    const epoch = this.choose([this.#epoch, (this.#epoch += 1)]);
    const isConnected = this.choose([true, true, true, false]);
    const hadIt = this.clientHasIt;
    const isOtherClient = !hadIt || this.choose([false, false, true]);
    // A client that disconnected before its match has lost its other sessions before.
    if (!isConnected && hadIt && !isOtherClient) return;
    if (!isConnected || (isOtherClient && this.phase === 'replacing')) this.clientHasIt = false;
    if (!isConnected && isLinked(this.session.phase)) this.clientHasIt = true;
    const earlier = this.choose([null, null, this.#change()]);
    const assignment = this.#assignment(epoch);
    this.dispatch({ type: 'matched', assignment, message: epoch, isConnected, isOtherClient, earlier });
  }

  #assignment(epoch: number): Assignment {
    const request = {
      requestId: this.choose(['r1', 'r2']),
      onHostLost: this.choose(['replace', 'replace', 'replace', 'end'] as const),
      canMove: this.choose([true, false]),
      wait: this.choose([true, false]),
    };
    return {
      regionPool: NEAR,
      hostId: this.choose(HOSTS),
      epoch,
      request,
      reservedUntilMs: this.#nowMs + 10,
    };
  }

  #change(): SessionChange {
    const state = this.choose([
      ...(['reserved', 'active', 'connected', 'disconnected', 'moving'] as const),
      ...(['ended', 'ended', 'ended'] as const),
    ]);
    const reason = this.choose([
      'host_lost',
      'host_lost',
      'superseded',
      'reservation_expired',
      'idle',
    ] as const);
    return {
      regionPool: NEAR,
      epoch: this.choose([this.#knownEpoch, this.#knownEpoch, this.#moveEpoch(), this.#anyEpoch()]),
      state,
      reason: state === 'ended' ? reason : null,
      hostId: this.choose(['', ...HOSTS]),
      reservedAtMs: toStoreMs(1),
      owner: this.choose(['this', 'this', 'this', 'this', 'unknown', 'other'] as const),
      hasMoved: this.choose([true, false]),
    };
  }

  get #knownEpoch(): number {
    const { phase } = this.session;
    return 'held' in phase ? phase.held.epoch : this.#epoch;
  }

  #anyEpoch(): number {
    return this.choose([1, this.#epoch, this.#epoch + 1]);
  }

  #moveEpoch(): number {
    return pendingMoveOf(this.session)?.assignment.epoch ?? this.#anyEpoch();
  }

  #revision(): number {
    const { revision } = this.session;
    return this.choose([revision, revision, revision, revision - 1]);
  }

  #resultOf(call: Call): Event {
    return this.#answerTo(call.type, 'call' in call ? call.call : 0, 'asOf' in call ? call.asOf : 0);
  }

  #answerTo(type: Call['type'], call: number, asOf: number): Event {
    const nowMs = this.#nowMs;
    switch (type) {
      case 'locate':
        return { type: 'located', call, result: this.#location(), nowMs };
      case 'find_owner':
        return { type: 'owner_found', call, byRequestId: this.choose(['r2', null]) };
      case 'end':
        return {
          type: 'end_answered',
          call,
          result: this.choose([
            { kind: 'ended', reason: 'client_left' },
            { kind: 'ended', reason: 'idle' },
            { kind: 'failed', code: 'UNAVAILABLE' },
            { kind: 'failed', code: 'STALE_EPOCH' },
          ] as const),
        };
      case 'renew':
        return { type: 'renewed', call, isLive: this.choose([true, true, false]) };
      case 'read':
        return { type: 'read', asOf, change: this.choose([null, this.#change()]), nowMs };
    }
  }

  #location(): LocateResult<TestTypes> {
    const epoch = (this.#epoch += 1);
    return this.choose([
      () => ({ kind: 'at_target', change: { ...this.#change(), epoch: this.#moveEpoch() } }) as const,
      () => {
        const assignment = this.#assignment(epoch);
        return {
          kind: 'elsewhere',
          assignment,
          change: { ...this.#change(), epoch },
          message: epoch,
        } as const;
      },
      () => ({ kind: 'nowhere' }) as const,
      () => ({ kind: 'failed' }) as const,
    ])();
  }
}
