import type { Limit, Matched } from '@duskline/protocol';
import { Assignment, type Match } from './assignment.js';
import type { DusklineError } from '../errors.js';
import type { EndReason, HeldState, SessionState } from '@duskline/protocol/vocabulary';
import type { Logger } from '@duskline/sdk-runtime';
import { TypedEvents, type Listener } from '@duskline/sdk-runtime';
import { Deferred } from '../runtime/promises.js';

export interface SessionEvents {
  /** The new state, as the host reported it to the broker. States that passed during a reconnect are skipped. */
  state: HeldState;
  /**
   * The session has another host and a new epoch, because the host or the slot was lost, or because it moved although `onMove`
   * failed; or its host has returned at another endpoint. Connect to `session.host` with the new `session.ticket`.
   */
  replaced: Matched['host'];
  /** The session moved to the host that `onMove` connected to. The source host ends its stream now. */
  moved: Matched['host'];
  /** The session will be ended at a time limit, or no longer will be. */
  limit: SessionLimit;
  /** A signal from the host. Signals received before the first listener was added are kept for it. */
  signal: string;
  /** A signal did not reach the host (`PEER_AWAY`, `TOO_MANY_SIGNALS`, ...). The SDK does not send it again. */
  signalLost: DusklineError;
  ended: EndReason;
}

/** When the session will be ended, in milliseconds since 1970 by the broker's clock; `null` if it no longer will be. */
export type SessionLimit = Pick<Limit, 'kind' | 'endsAtMs'>;

/**
 * A session of the player on a host. Connect to `host.endpoint` and show the `ticket` within `claimWithinMs`. The stream does not
 * pass through the broker, so it continues while the client has no connection to a broker.
 */
export interface Session {
  readonly requestId: string;
  readonly sessionId: string;
  /** Increases by one each time the session gets another host. */
  readonly epoch: number;
  readonly title: string;
  readonly region: string;
  readonly pool: string;
  /** The host, and where to connect for the stream. */
  readonly host: Matched['host'];
  /** Admits one client to this session on this host. Secret: do not log it. */
  readonly ticket: string;
  /** The reservation expires if the host has not seen the ticket within this time of the match, in milliseconds. */
  readonly claimWithinMs: number;
  /** Codec, resolution and frame rate: the best that host and device both support. */
  readonly stream: Matched['stream'];
  /** STUN and TURN servers, as `RTCPeerConnection` takes them; absent if there are none. Secret: do not log them. */
  readonly iceServers: Matched['iceServers'];
  /** The rank of this host's region pool among the request's candidates; 1 is the best. */
  readonly rank: number;
  /** How many candidates the request had. */
  readonly candidates: number;
  /** The measured round-trip time to the region, in milliseconds; `undefined` if it could not be measured. */
  readonly rttMs: number | undefined;
  /** Why this host was chosen, in words. */
  readonly reason: string;
  readonly state: SessionState;
  /** Resolves when the session has ended. Never rejects; stays pending if the client is closed before. */
  readonly ended: Promise<EndReason>;
  /** Adds a listener. Returns a function that removes it. */
  on<Name extends keyof SessionEvents>(event: Name, listener: Listener<SessionEvents[Name]>): () => void;
  /**
   * Ends the session with the reason `client_left`. Resolves when the broker confirms the end, or has no record of the session;
   * without a connection, after the reconnect. Repeated calls return the same promise.
   *
   * @throws DusklineError `CLIENT_CLOSED`, or why the broker refused
   */
  end(): Promise<void>;
  /**
   * Sends a signal to the host through the broker, such as an SDP or an ICE candidate. Signals arrive in order and at most once:
   * those in transit when a connection breaks are lost. Without a connection up to 64 signals wait; they are dropped if the
   * session gets another host. Does nothing once the session has ended.
   *
   * @param data 1 to 16384 characters
   * @throws TypeError for anything else
   * @throws DusklineError `TOO_MANY_SIGNALS` if 64 signals are waiting
   */
  signal(data: string): void;
}

/** Methods of a session that its play request implements. */
export type SessionActions = Pick<Session, 'end' | 'signal'>;

/** A move that has completed at the broker. */
export interface CompletedMove {
  /** Whether the target host admitted the client in `onMove`; `undefined` while it is still running. */
  readonly isAdmitted: boolean | undefined;
  readonly outcome: { readonly promise: Promise<boolean> };
}

/** How many signals of the host are kept until a listener is added. */
const MAX_BUFFERED_SIGNALS = 64;

/** The transitions that a client can observe. They skip the states that it missed during a reconnect. */
const SESSION_TRANSITIONS = {
  reserved: ['active', 'connected', 'disconnected', 'moving', 'ended'],
  active: ['connected', 'disconnected', 'moving', 'ended'],
  connected: ['active', 'disconnected', 'moving', 'ended'],
  disconnected: ['active', 'connected', 'moving', 'ended'],
  moving: ['active', 'connected', 'disconnected', 'ended'],
  ended: [],
} as const satisfies Record<SessionState, readonly SessionState[]>;

/** The session object of the application, with the methods by which the SDK updates it. */
export class LiveSession extends Assignment implements Session {
  readonly end: () => Promise<void>;
  readonly signal: (data: string) => void;
  readonly #ended = new Deferred<EndReason>();
  readonly #events: TypedEvents<SessionEvents>;
  #state: SessionState = 'reserved';
  /** Signals received before the first listener: the host's first signal may arrive together with the match. */
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
   * Applies a match that the broker repeated, with a new ticket or another host.
   *
   * @param move the move that led to the host, if `onMove` was called for it: the event is emitted when `onMove` is done
   */
  applyMatch(match: Match, move?: CompletedMove): void {
    if (this.#state === 'ended' || match.epoch < this.epoch) return;
    const isNew = match.epoch > this.epoch;
    const hasOtherEndpoint = match.host.endpoint !== this.host.endpoint;
    this.reassign(match);
    if (!isNew) {
      const isAway = this.#state === 'reserved' || this.#state === 'disconnected';
      if (hasOtherEndpoint && isAway) this.#events.emit('replaced', match.host);
      return;
    }
    this.#state = 'reserved';
    const notifyMoved = (isAdmitted: boolean): void => {
      if (this.#state === 'ended' || match.epoch < this.epoch) return;
      this.#events.emit(isAdmitted ? 'moved' : 'replaced', match.host);
    };
    if (move !== undefined && move.isAdmitted === undefined) void move.outcome.promise.then(notifyMoved);
    else notifyMoved(move?.isAdmitted === true);
  }

  /** Ignores states that the table does not allow: they are repeated, late, or of a newer protocol version. */
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
