import type { ClientToBroker, Matched, Moving } from '@duskline/protocol';
import type { SessionState } from '@duskline/protocol/vocabulary';
import { TypedEvents, type Clock, type Listener, type Logger } from '@duskline/sdk-runtime';
import type { DusklineError } from '../errors.js';
import { Deferred } from '../runtime/promises.js';
import { Assignment } from './assignment.js';
import { AnnouncedMove, type SessionMove } from './session-move.js';
import { stepSession, type SessionEffect, type SessionEvent, type SessionModel } from './session-machine.js';
import type { Session, SessionEnd, SessionEvents, SessionLimit } from './session.js';
import { SignalOutbox } from './signal-outbox.js';

/** What a session needs from its request and its client. */
export interface LiveSessionDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Without it the session ignores moves. */
  readonly onMove?: Listener<SessionMove> | undefined;
  /** Sends, if the player holds the session and the broker of this connection knows it. Returns whether it did. */
  readonly send: (message: ClientToBroker) => boolean;
  /** Whether the player wants to keep the session. */
  readonly hasSession: () => boolean;
  /** Implements `Session.end`. */
  readonly end: () => Promise<void>;
  /** The session has a host for which this client has no match. */
  readonly onFind: () => void;
  /** The broker says that the session has ended. */
  readonly onEnded: (reason: SessionEnd) => void;
}

/** How many signals of the host are kept until a listener is added. */
const MAX_BUFFERED_SIGNALS = 64;

/** The session object of the application: carries out what its machine decides. */
export class LiveSession extends Assignment implements Session {
  readonly end: () => Promise<void>;
  readonly signal: (data: string) => void;
  readonly #dependencies: LiveSessionDependencies;
  readonly #ended = new Deferred<SessionEnd>();
  readonly #events: TypedEvents<SessionEvents>;
  readonly #outbox: SignalOutbox;
  /** Aborts `onMove`, by epoch. */
  readonly #moves = new Map<number, AbortController>();
  #model: SessionModel;
  /** Signals received before the first listener: the host's first signal may arrive together with the match. */
  #bufferedSignals: string[] | undefined = [];

  constructor(match: Matched, dependencies: LiveSessionDependencies) {
    super(match);
    const { sessionId } = match;
    this.end = dependencies.end;
    this.signal = (data) => {
      if (dependencies.hasSession()) this.#outbox.push(data);
    };
    this.#dependencies = dependencies;
    this.#model = { state: 'reserved', match, moves: [] };
    this.#outbox = new SignalOutbox((data) => dependencies.send({ type: 'signal', sessionId, data }));
    this.#events = new TypedEvents((event, error) =>
      dependencies.logger.error({ event, error }, 'A listener of a session threw'),
    );
  }

  get state(): SessionState {
    return this.#model.state;
  }
  get ended(): Promise<SessionEnd> {
    return this.#ended.promise;
  }

  on<Name extends keyof SessionEvents>(event: Name, listener: Listener<SessionEvents[Name]>): () => void {
    const unsubscribe = this.#events.on(event, listener);
    if (event === 'signal') {
      const bufferedSignals = this.#bufferedSignals ?? [];
      this.#bufferedSignals = undefined;
      for (const data of bufferedSignals) this.#events.emit('signal', data);
    }
    return unsubscribe;
  }

  dispatch(event: SessionEvent): void {
    const { onMove, hasSession } = this.#dependencies;
    if (event.type === 'moving' && (onMove === undefined || !hasSession())) return;
    const { model, effects } = stepSession(this.#model, event);
    this.#model = model;
    this.reassign(model.match);
    for (const effect of effects) this.#run(effect);
  }

  notifyLimit(limit: SessionLimit): void {
    this.#events.emit('limit', limit);
  }

  notifySignal(data: string): void {
    if (this.#bufferedSignals === undefined) this.#events.emit('signal', data);
    else if (this.#bufferedSignals.length < MAX_BUFFERED_SIGNALS) this.#bufferedSignals.push(data);
  }

  notifySignalLost(error: DusklineError): void {
    this.#events.emit('signalLost', error);
  }

  #run(effect: SessionEffect): void {
    const { sessionId } = this;
    switch (effect.type) {
      case 'emitState':
        this.#events.emit('state', effect.state);
        return;
      case 'emitHost':
        this.#events.emit(effect.event, this.host);
        return;
      case 'emitEnded':
        this.#ended.resolve(effect.reason);
        this.#events.emit('ended', effect.reason);
        return;
      case 'clearSignals':
        this.#outbox.clear();
        return;
      case 'flushSignals':
        this.#outbox.flush();
        return;
      case 'callOnMove':
        void this.#callOnMove(effect.match);
        return;
      case 'abandon':
        this.#moves.get(effect.epoch)?.abort();
        return;
      case 'stay':
        this.#dependencies.send({ type: 'stay', sessionId, epoch: effect.epoch });
        return;
      case 'find':
        this.#dependencies.onFind();
        return;
      case 'finish':
        this.#dependencies.onEnded(effect.reason);
        return;
    }
  }

  async #callOnMove(match: Moving): Promise<void> {
    const { clock, logger, onMove } = this.#dependencies;
    const { epoch, claimWithinMs } = match;
    const controller = new AbortController();
    for (const earlier of this.#moves.keys()) if (earlier < this.epoch) this.#moves.delete(earlier);
    this.#moves.set(epoch, controller);
    const finish = (isAdmitted: boolean): void => {
      if (controller.signal.aborted) return;
      if (!isAdmitted) logger.warn({ epoch }, 'onMove did not reach the target host');
      this.dispatch({ type: 'moveFinished', epoch, isAdmitted });
    };
    const cancelTimer = clock.setTimer(() => finish(false), claimWithinMs);
    controller.signal.addEventListener('abort', cancelTimer);
    try {
      await onMove?.(new AnnouncedMove(match, controller.signal));
      finish(true);
    } catch {
      // The error is not logged: connection errors may contain the ticket.
      finish(false);
    }
    cancelTimer();
  }
}
