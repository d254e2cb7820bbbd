import type { Limit, Matched } from '@duskline/protocol';
import { Assignment, type Match } from './assignment.js';
import type { DusklineError } from '../errors.js';
import type { EndReason, HeldState, SessionState } from '@duskline/protocol/vocabulary';
import type { Logger } from '@duskline/sdk-runtime';
import { TypedEvents, type Listener } from '@duskline/sdk-runtime';
import { Deferred } from '../runtime/promises.js';

export interface SessionEvents {
  /** The host told the broker, and the broker told us. States passed while the socket was away are skipped. */
  state: HeldState;
  /**
   * The host or the slot was lost, or the session moved without you, and it has another host, at a new epoch: connect
   * there, with the new ticket.
   */
  replaced: Matched['host'];
  /** The session moved to another host, and `onMove` has resolved: the old one ends its stream now. */
  moved: Matched['host'];
  /** A limit draws near, or no longer does. */
  limit: SessionLimit;
  /** The host says something. What it said before the first listener was there is kept for that one. */
  signal: string;
  /** A signal did not reach the host: `PEER_AWAY`, `TOO_MANY_SIGNALS`, ... It is not sent again. */
  signalLost: DusklineError;
  ended: EndReason;
}

/** When the session will be ended, in milliseconds since 1970 by the broker's clock; `null`: no longer. */
export type SessionLimit = Pick<Limit, 'kind' | 'endsAtMs'>;

/**
 * One player's use of one slot. Connect to `host.endpoint` and show the `ticket`, within `claimWithinMs` of
 * the match. The stream does not pass through the broker: it goes on while the client is away from it.
 */
export interface Session {
  readonly requestId: string;
  readonly sessionId: string;
  /** Rises by one each time the session gets another host. */
  readonly epoch: number;
  readonly title: string;
  readonly region: string;
  readonly pool: string;
  /** Where to connect for the stream. */
  readonly host: Matched['host'];
  /** Admits one client to this session on this host. A secret: do not log it. */
  readonly ticket: string;
  /** The reservation ends when the host has not seen the ticket by then, counted from the match. */
  readonly claimWithinMs: number;
  /** What will be streamed: the best that host and device can both do. */
  readonly stream: Matched['stream'];
  /** STUN and TURN servers, as `RTCPeerConnection` takes them; none when absent. Holds secrets: do not log it. */
  readonly iceServers: Matched['iceServers'];
  /** Which of the request's candidates it is: 1 is the most preferred. */
  readonly rank: number;
  readonly candidates: number;
  /** The measured round-trip time to the region, in milliseconds. */
  readonly rttMs: number;
  /** Why this host, in words. */
  readonly reason: string;
  readonly state: SessionState;
  /** Resolves when the session is over. Never rejects; stays pending when the client is closed before. */
  readonly ended: Promise<EndReason>;
  /** Adds a listener; the answer takes it away again. */
  on<Name extends keyof SessionEvents>(event: Name, listener: Listener<SessionEvents[Name]>): () => void;
  /**
   * Ends the session with `client_left`. Resolves when the broker says so, or that it knows nothing of the
   * session; while the connection is away, that is after it came back. Calling it again gives the same promise.
   *
   * @throws DusklineError `CLIENT_CLOSED`, or why the broker refuses
   */
  end(): Promise<void>;
  /**
   * Says something to the host, by way of the broker: an SDP, an ICE candidate. In order, and at most once: what
   * a dying socket takes with it is lost. While the connection is away up to 64 wait for it; those that were
   * meant for a host that is lost are dropped. Does nothing once the session is over.
   *
   * @param data 1 to 16384 characters
   * @throws TypeError for anything else
   * @throws DusklineError `TOO_MANY_SIGNALS` when 64 wait already
   */
  signal(data: string): void;
}

/** What a session asks of the request that it came from. */
export type SessionActions = Pick<Session, 'end' | 'signal'>;

/** A move that succeeded. */
export interface CompletedMove {
  /** Whether the application is at the new host; `undefined` while it is on its way. */
  readonly hasArrived: boolean | undefined;
  readonly outcome: { readonly promise: Promise<boolean> };
}

/** So many signals of the host are kept until somebody listens. */
const MAX_BUFFERED_SIGNALS = 64;

/** Where a session may go, as its client sees it: steps that were missed while the socket was away are skipped. */
const SESSION_TRANSITIONS = {
  reserved: ['active', 'connected', 'disconnected', 'moving', 'ended'],
  active: ['connected', 'disconnected', 'moving', 'ended'],
  connected: ['active', 'disconnected', 'moving', 'ended'],
  disconnected: ['active', 'connected', 'moving', 'ended'],
  moving: ['active', 'connected', 'disconnected', 'ended'],
  ended: [],
} as const satisfies Record<SessionState, readonly SessionState[]>;

/** The session that the application holds, with what the SDK does to it. */
export class LiveSession extends Assignment implements Session {
  readonly end: () => Promise<void>;
  readonly signal: (data: string) => void;
  readonly #ended = new Deferred<EndReason>();
  readonly #events: TypedEvents<SessionEvents>;
  #state: SessionState = 'reserved';
  /** Signals so far, until somebody listens: the host's first may come in one breath with the match. */
  #bufferedSignals: string[] | undefined = [];

  constructor(match: Match, actions: SessionActions, logger: Logger) {
    super(match);
    this.end = actions.end;
    this.signal = actions.signal;
    this.#events = new TypedEvents((event, error) =>
      logger.error({ event, error }, 'A listener of a session threw'),
    );
  }

  get state(): SessionState {
    return this.#state;
  }
  get ended(): Promise<EndReason> {
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

  /**
   * The broker repeated the match, perhaps with a fresh ticket, perhaps with another host.
   *
   * @param move how it came there, if its application was told to go before: it hears of it when it is there
   */
  applyMatch(match: Match, move?: CompletedMove): void {
    if (this.#state === 'ended' || match.epoch < this.epoch) return;
    const isNew = match.epoch > this.epoch;
    this.reassign(match);
    if (!isNew) return;
    this.#state = 'reserved';
    const notifyMoved = (hasArrived: boolean): void => {
      if (this.#state === 'ended' || match.epoch < this.epoch) return;
      this.#events.emit(hasArrived ? 'moved' : 'replaced', match.host);
    };
    if (move !== undefined && move.hasArrived === undefined) void move.outcome.promise.then(notifyMoved);
    else notifyMoved(move?.hasArrived === true);
  }

  /** States that the table does not allow from here are repeats or echoes, and states it does not know are new. */
  applyState(state: SessionState): void {
    if (state === 'ended' || !this.#isTransition(state)) return;
    this.#state = state;
    if (state !== 'reserved') this.#events.emit('state', state);
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

  notifyEnded(reason: EndReason): void {
    if (!this.#isTransition('ended')) return;
    this.#state = 'ended';
    this.#ended.resolve(reason);
    this.#events.emit('ended', reason);
  }

  #isTransition(state: SessionState): boolean {
    return (SESSION_TRANSITIONS[this.#state] as readonly SessionState[]).includes(state);
  }
}
