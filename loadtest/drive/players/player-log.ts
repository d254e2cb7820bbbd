import type {
  BrokerToClient,
  ClientToBroker,
  ErrorMessage,
  Matched,
  Moving,
  Replaced,
  SessionChanged,
} from '@duskline/protocol';
import { createClientRecording, type ClientRecording } from '../../history/client-recording.js';
import { hostName } from '../../history/events.js';
import type { WorkerMetrics } from '../worker-metrics.js';
import { monotonicMs } from '../clock.js';

/** The state of a request. */
interface PendingRequest {
  readonly requestId: string;
  /** The scheduled time of the arrival. */
  readonly dueMs: number;
  readonly phase: number;
  answered: boolean;
  /** Whether the player had to wait in a queue. */
  waits: boolean;
  matched: boolean;
}

export interface LoggedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly host: string;
  readonly region: string;
}

/** How a request ended. */
export type RequestOutcome = 'over' | 'refused';

/**
 * Derives the state of one player from its frames, with either driver, and measures. Times are measured from the scheduled
 * time of an arrival or connect, or from the loss of the connection, so that delays of the load test itself are included.
 */
export class PlayerLog {
  readonly #metrics: WorkerMetrics;
  readonly #recording: ClientRecording;
  #connectDueMs: number | undefined;
  #lostAtMs: number | undefined;
  #isConnected = false;
  #isFinished = false;
  #request: PendingRequest | undefined;
  #session: LoggedSession | undefined;
  /** The session on the target host of a move, at a higher epoch. */
  #move: LoggedSession | undefined;
  #isMoving = false;

  constructor(metrics: WorkerMetrics, player: string) {
    this.#metrics = metrics;
    this.#recording = createClientRecording(metrics.recorder, player);
  }

  get session(): LoggedSession | undefined {
    return this.#session;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Whether the request has no answer yet. */
  get isUnanswered(): boolean {
    return this.#request?.answered === false;
  }

  get isWaiting(): boolean {
    return this.#request?.answered === true && !this.#request.matched;
  }

  /** Whether no broker has answered the request again since the connection was lost. */
  get isUnresumed(): boolean {
    return this.#request !== undefined && this.#lostAtMs !== undefined;
  }

  /** Whether the session is paused for a move, or is moving to another host. */
  get isMoving(): boolean {
    return this.#isMoving;
  }

  /** @param dueMs the time for which the connect is scheduled */
  startConnect(dueMs: number): void {
    this.#connectDueMs = dueMs;
  }

  /** @param dueMs the time for which the arrival is scheduled */
  startRequest(requestId: string, dueMs: number, phase: number): void {
    this.#request = { requestId, dueMs, phase, answered: false, waits: false, matched: false };
  }

  recordSent(frame: ClientToBroker): void {
    this.#recording.recordSent(frame);
  }

  /** @returns how the frame ends the request; `undefined` when the request goes on */
  recordReceived(frame: BrokerToClient): RequestOutcome | undefined {
    this.#recording.recordReceived(frame);
    switch (frame.type) {
      case 'welcome':
        this.#handleWelcome();
        return undefined;
      case 'matched':
        this.#handleMatched(frame);
        return undefined;
      case 'queued':
      case 'offer':
        if (frame.requestId === this.#request?.requestId) this.#handleQueued(this.#request);
        return undefined;
      case 'session':
        return this.#handleSession(frame);
      case 'error':
        return this.#handleError(frame);
      case 'replaced':
        return this.#handleReplaced(frame);
      case 'moving':
        this.#handleMoving(frame);
        return undefined;
      case 'limit':
      case 'signal':
      case 'pong':
        return undefined;
    }
  }

  recordClose(code: number): void {
    this.#recording.recordClose(code);
    if (!this.#isConnected || this.#isFinished) return;
    this.#isConnected = false;
    this.#lostAtMs ??= monotonicMs();
    this.#metrics.countSocketLost();
  }

  /** Call it at the end of the run: requests and connects without an answer are recorded with their age. */
  finish(): boolean {
    this.#isFinished = true;
    if (this.#connectDueMs !== undefined) this.#metrics.recordTiming('connect', 0, this.#connectDueMs);
    if (this.#request?.answered !== false) return false;
    const { phase, dueMs } = this.#request;
    this.#metrics.recordTiming('match', phase, dueMs);
    this.#metrics.recordTiming('answer', phase, dueMs);
    return true;
  }

  #handleWelcome(): void {
    this.#isConnected = true;
    if (this.#connectDueMs !== undefined) this.#metrics.recordTiming('connect', 0, this.#connectDueMs);
    this.#connectDueMs = undefined;
    // A player without a request has nothing to resume: `welcome` ends the interruption.
    if (this.#request === undefined) this.#recordResume();
  }

  #recordResume(): void {
    if (this.#lostAtMs !== undefined)
      this.#metrics.recordTiming('resume', this.#request?.phase ?? 0, this.#lostAtMs);
    this.#lostAtMs = undefined;
  }

  #recordAnswer(request: PendingRequest): void {
    this.#recordResume();
    if (request.answered) return;
    request.answered = true;
    this.#metrics.phaseCounts(request.phase).answered += 1;
    this.#metrics.recordTiming('answer', request.phase, request.dueMs);
  }

  #handleMatched({ requestId, sessionId, epoch, region, pool, host }: Matched): void {
    const request = this.#request;
    if (request?.requestId !== requestId) return;
    this.#recordAnswer(request);
    if (!request.matched) {
      request.matched = true;
      const counts = this.#metrics.phaseCounts(request.phase);
      counts.matched += 1;
      if (!request.waits) counts.matchedAtOnce += 1;
      this.#metrics.recordTiming(request.waits ? 'wait' : 'match', request.phase, request.dueMs);
    } else if (epoch > (this.#session?.epoch ?? epoch) && epoch !== this.#move?.epoch) {
      this.#metrics.countReplaced();
    }
    this.#isMoving = false;
    this.#session = { sessionId, epoch, region, host: hostName(region, pool, host.hostId) };
  }

  #handleMoving({ sessionId, epoch, region, pool, host }: Moving): void {
    if (sessionId !== this.#session?.sessionId || epoch <= this.#session.epoch) return;
    this.#move = { sessionId, epoch, region, host: hostName(region, pool, host.hostId) };
    this.#isMoving = true;
  }

  #handleQueued(request: PendingRequest): void {
    this.#recordAnswer(request);
    if (request.waits || request.matched) return;
    request.waits = true;
    this.#metrics.phaseCounts(request.phase).queued += 1;
  }

  #handleSession({ sessionId, epoch, state, reason = 'error' }: SessionChanged): RequestOutcome | undefined {
    if (state !== 'ended') {
      if (sessionId !== this.#session?.sessionId || epoch < this.#session.epoch) return undefined;
      this.#isMoving = state === 'moving';
      if (epoch > this.#session.epoch && epoch === this.#move?.epoch) this.#session = this.#move;
      return undefined;
    }
    this.#metrics.removeVanishedSession(sessionId);
    if (this.#session?.sessionId !== sessionId) return undefined;
    this.#recordResume();
    this.#metrics.countEnded(reason);
    return this.#clearRequest();
  }

  #handleError({ code, requestId, sessionId }: ErrorMessage): RequestOutcome | undefined {
    const request = this.#request;
    if (requestId === undefined && sessionId === undefined) {
      this.#metrics.countConnectionError(code);
      return undefined;
    }
    if (request === undefined) return undefined;
    if (requestId === undefined) {
      if (code !== 'UNKNOWN_SESSION' || sessionId === undefined) return undefined;
      if (sessionId !== this.#session?.sessionId) return undefined;
      this.#metrics.addVanishedSession(sessionId);
      return this.#clearRequest();
    }
    // Neither code ends a request that a broker accepted.
    if (requestId !== request.requestId || code === 'NO_OFFER' || code === 'UNAVAILABLE') return undefined;
    this.#recordAnswer(request);
    if (this.#session !== undefined) {
      this.#metrics.countEnded(code === 'CANCELLED' ? 'client_left' : code.toLowerCase());
      return this.#clearRequest();
    }
    // `CANCELLED` answers a cancel that the run sent itself, and is no refusal.
    if (code !== 'CANCELLED') {
      this.#metrics.phaseCounts(request.phase).refused += 1;
      this.#metrics.countRefused(code);
    }
    this.#clearRequest();
    return 'refused';
  }

  /** Another connection of the player has the request. */
  #handleReplaced({ requestId }: Replaced): RequestOutcome | undefined {
    const request = this.#request;
    if (request?.requestId !== requestId) return undefined;
    this.#recordAnswer(request);
    const isHeld = this.#session !== undefined;
    if (isHeld) this.#metrics.countEnded('replaced');
    else {
      this.#metrics.phaseCounts(request.phase).refused += 1;
      this.#metrics.countRefused('REPLACED');
    }
    this.#clearRequest();
    return isHeld ? 'over' : 'refused';
  }

  #clearRequest(): RequestOutcome {
    this.#request = undefined;
    this.#session = undefined;
    this.#move = undefined;
    this.#isMoving = false;
    return 'over';
  }
}
