import type {
  BrokerToClient,
  ClientToBroker,
  ErrorMessage,
  Matched,
  Moving,
  SessionChanged,
} from '@duskline/protocol';
import { createClientRecording, type ClientRecording } from '../../history/client-recording.js';
import { hostName } from '../../history/events.js';
import type { WorkerMetrics } from '../worker-metrics.js';
import { monotonicMs } from '../clock.js';

/** A request as it stands, from the moment for which it was scheduled. */
interface PendingRequest {
  readonly requestId: string;
  readonly dueMs: number;
  readonly phase: number;
  answered: boolean;
  /** Had to wait in a queue. */
  waits: boolean;
  matched: boolean;
}

export interface LoggedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly host: string;
  readonly region: string;
}

/** What becomes of a request, for who acts on it. */
export type RequestOutcome = 'over' | 'refused';

/**
 * Follows one player's frames, whoever drives it, and measures: every time counts from the moment for which something was
 * scheduled, or from the loss of a socket, whatever happened in between.
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
  /** Where the session may go on, at a higher epoch. */
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

  /** Asked, and told nothing yet. */
  get isUnanswered(): boolean {
    return this.#request?.answered === false;
  }

  get isWaiting(): boolean {
    return this.#request?.answered === true && !this.#request.matched;
  }

  /** Has a request, and has not been told of it since its socket was lost. */
  get isUnresumed(): boolean {
    return this.#request !== undefined && this.#lostAtMs !== undefined;
  }

  /** The session is held still, or on its way to another host. */
  get isMoving(): boolean {
    return this.#isMoving;
  }

  /** It is to connect at that moment. */
  startConnect(dueMs: number): void {
    this.#connectDueMs = dueMs;
  }

  /** It asks, for the arrival at that moment. */
  startRequest(requestId: string, dueMs: number, phase: number): void {
    this.#request = { requestId, dueMs, phase, answered: false, waits: false, matched: false };
  }

  recordSent(frame: ClientToBroker): void {
    this.#recording.recordSent(frame);
  }

  /** @returns what the frame means for the request; `undefined`: it goes on */
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

  /** The run is over: what never had an answer counts with its age. */
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
    // Who has nothing has everything again.
    if (this.#request === undefined) this.#recordResume();
  }

  #recordResume(): void {
    if (this.#lostAtMs !== undefined)
      this.#metrics.recordTiming('resume', this.#request?.phase ?? 0, this.#lostAtMs);
    this.#lostAtMs = undefined;
  }

  #recordAnswer(asked: PendingRequest): void {
    this.#recordResume();
    if (asked.answered) return;
    asked.answered = true;
    this.#metrics.phaseCounts(asked.phase).answered += 1;
    this.#metrics.recordTiming('answer', asked.phase, asked.dueMs);
  }

  #handleMatched({ requestId, sessionId, epoch, region, pool, host }: Matched): void {
    const asked = this.#request;
    if (asked?.requestId !== requestId) return;
    this.#recordAnswer(asked);
    if (!asked.matched) {
      asked.matched = true;
      const counts = this.#metrics.phaseCounts(asked.phase);
      counts.matched += 1;
      if (!asked.waits) counts.matchedAtOnce += 1;
      this.#metrics.recordTiming(asked.waits ? 'wait' : 'match', asked.phase, asked.dueMs);
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

  #handleQueued(asked: PendingRequest): void {
    this.#recordAnswer(asked);
    if (asked.waits || asked.matched) return;
    asked.waits = true;
    this.#metrics.phaseCounts(asked.phase).queued += 1;
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
    const asked = this.#request;
    if (requestId === undefined && sessionId === undefined) {
      this.#metrics.countConnectionError(code);
      return undefined;
    }
    if (asked === undefined) return undefined;
    if (requestId === undefined) {
      if (code !== 'UNKNOWN_SESSION' || sessionId === undefined) return undefined;
      if (sessionId !== this.#session?.sessionId) return undefined;
      this.#metrics.addVanishedSession(sessionId);
      return this.#clearRequest();
    }
    // Neither ends a request that a broker has taken.
    if (requestId !== asked.requestId || code === 'NO_OFFER' || code === 'UNAVAILABLE') return undefined;
    this.#recordAnswer(asked);
    if (this.#session !== undefined) {
      this.#metrics.countEnded(code === 'CANCELLED' ? 'client_left' : code.toLowerCase());
      return this.#clearRequest();
    }
    // Taken back by the run itself.
    if (code !== 'CANCELLED') {
      this.#metrics.phaseCounts(asked.phase).refused += 1;
      this.#metrics.countRefused(code);
    }
    this.#clearRequest();
    return 'refused';
  }

  #clearRequest(): RequestOutcome {
    this.#request = undefined;
    this.#session = undefined;
    this.#move = undefined;
    this.#isMoving = false;
    return 'over';
  }
}
