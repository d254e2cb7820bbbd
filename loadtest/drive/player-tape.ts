import type {
  BrokerToClient,
  ClientToBroker,
  ErrorMessage,
  Matched,
  Moving,
  SessionChanged,
} from '@duskline/protocol';
import { createClientRecording, type ClientRecording } from '../history/client-recording.js';
import { hostName } from '../history/events.js';
import type { Tally } from './tally.js';
import { monotonicMs } from './clock.js';

/** A request as it stands, from the moment for which it was scheduled. */
interface Asked {
  readonly requestId: string;
  readonly dueMs: number;
  readonly phase: number;
  answered: boolean;
  /** Had to wait in a queue. */
  waits: boolean;
  matched: boolean;
}

export interface TapedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly host: string;
  readonly region: string;
}

/** What becomes of a request, for who acts on it. */
export type Outcome = 'over' | 'refused';

/**
 * Follows one player's frames, whoever drives it, and measures: every time counts from the moment for which something was
 * scheduled, or from the loss of a socket, whatever happened in between.
 */
export class PlayerTape {
  readonly #tally: Tally;
  readonly #recording: ClientRecording;
  #connectDueMs: number | undefined;
  #lostAtMs: number | undefined;
  #isConnected = false;
  #isFinished = false;
  #asked: Asked | undefined;
  #session: TapedSession | undefined;
  /** Where the session may go on, at a higher epoch. */
  #move: TapedSession | undefined;
  #isMoving = false;

  constructor(tally: Tally, player: string) {
    this.#tally = tally;
    this.#recording = createClientRecording(tally.recorder, player);
  }

  get session(): TapedSession | undefined {
    return this.#session;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Asked, and told nothing yet. */
  get isUnanswered(): boolean {
    return this.#asked?.answered === false;
  }

  get isWaiting(): boolean {
    return this.#asked?.answered === true && !this.#asked.matched;
  }

  /** Has a request, and has not been told of it since its socket was lost. */
  get isUnresumed(): boolean {
    return this.#asked !== undefined && this.#lostAtMs !== undefined;
  }

  /** The session is held still, or on its way to another host. */
  get isMoving(): boolean {
    return this.#isMoving;
  }

  /** It is to connect at that moment. */
  connects(dueMs: number): void {
    this.#connectDueMs = dueMs;
  }

  /** It asks, for the arrival at that moment. */
  asks(requestId: string, dueMs: number, phase: number): void {
    this.#asked = { requestId, dueMs, phase, answered: false, waits: false, matched: false };
  }

  sent(frame: ClientToBroker): void {
    this.#recording.sent(frame);
  }

  /** @returns what the frame means for the request; `undefined`: it goes on */
  received(frame: BrokerToClient): Outcome | undefined {
    this.#recording.received(frame);
    switch (frame.type) {
      case 'welcome':
        this.#welcomed();
        return undefined;
      case 'matched':
        this.#matched(frame);
        return undefined;
      case 'queued':
      case 'offer':
        if (frame.requestId === this.#asked?.requestId) this.#waits(this.#asked);
        return undefined;
      case 'session':
        return this.#changed(frame);
      case 'error':
        return this.#failed(frame);
      case 'moving':
        this.#goes(frame);
        return undefined;
      case 'limit':
      case 'signal':
      case 'pong':
        return undefined;
    }
  }

  closed(code: number): void {
    this.#recording.closed(code);
    if (!this.#isConnected || this.#isFinished) return;
    this.#isConnected = false;
    this.#lostAtMs ??= monotonicMs();
    this.#tally.socketLost();
  }

  /** The run is over: what never had an answer counts with its age. */
  finish(): boolean {
    this.#isFinished = true;
    if (this.#connectDueMs !== undefined) this.#tally.took('connect', 0, this.#connectDueMs);
    if (this.#asked?.answered !== false) return false;
    const { phase, dueMs } = this.#asked;
    this.#tally.took('match', phase, dueMs);
    this.#tally.took('answer', phase, dueMs);
    return true;
  }

  #welcomed(): void {
    this.#isConnected = true;
    if (this.#connectDueMs !== undefined) this.#tally.took('connect', 0, this.#connectDueMs);
    this.#connectDueMs = undefined;
    // Who has nothing has everything again.
    if (this.#asked === undefined) this.#resumed();
  }

  #resumed(): void {
    if (this.#lostAtMs !== undefined) this.#tally.took('resume', this.#asked?.phase ?? 0, this.#lostAtMs);
    this.#lostAtMs = undefined;
  }

  #answered(asked: Asked): void {
    this.#resumed();
    if (asked.answered) return;
    asked.answered = true;
    this.#tally.phase(asked.phase).answered += 1;
    this.#tally.took('answer', asked.phase, asked.dueMs);
  }

  #matched({ requestId, sessionId, epoch, region, pool, host }: Matched): void {
    const asked = this.#asked;
    if (asked?.requestId !== requestId) return;
    this.#answered(asked);
    if (!asked.matched) {
      asked.matched = true;
      const counts = this.#tally.phase(asked.phase);
      counts.matched += 1;
      if (!asked.waits) counts.matchedAtOnce += 1;
      this.#tally.took(asked.waits ? 'wait' : 'match', asked.phase, asked.dueMs);
    } else if (epoch > (this.#session?.epoch ?? epoch) && epoch !== this.#move?.epoch) {
      this.#tally.replaced();
    }
    this.#isMoving = false;
    this.#session = { sessionId, epoch, region, host: hostName(region, pool, host.hostId) };
  }

  #goes({ sessionId, epoch, region, pool, host }: Moving): void {
    if (sessionId !== this.#session?.sessionId || epoch <= this.#session.epoch) return;
    this.#move = { sessionId, epoch, region, host: hostName(region, pool, host.hostId) };
    this.#isMoving = true;
  }

  #waits(asked: Asked): void {
    this.#answered(asked);
    if (asked.waits || asked.matched) return;
    asked.waits = true;
    this.#tally.phase(asked.phase).queued += 1;
  }

  #changed({ sessionId, epoch, state, reason = 'error' }: SessionChanged): Outcome | undefined {
    if (state !== 'ended') {
      if (sessionId !== this.#session?.sessionId || epoch < this.#session.epoch) return undefined;
      this.#isMoving = state === 'moving';
      if (epoch > this.#session.epoch && epoch === this.#move?.epoch) this.#session = this.#move;
      return undefined;
    }
    this.#tally.told(sessionId);
    if (this.#session?.sessionId !== sessionId) return undefined;
    this.#resumed();
    this.#tally.ended(reason);
    return this.#over();
  }

  #failed({ code, requestId, sessionId }: ErrorMessage): Outcome | undefined {
    const asked = this.#asked;
    if (requestId === undefined && sessionId === undefined) {
      this.#tally.connectionError(code);
      return undefined;
    }
    if (asked === undefined) return undefined;
    if (requestId === undefined) {
      if (code !== 'UNKNOWN_SESSION' || sessionId === undefined) return undefined;
      if (sessionId !== this.#session?.sessionId) return undefined;
      this.#tally.vanished(sessionId);
      return this.#over();
    }
    // Neither ends a request that a broker has taken.
    if (requestId !== asked.requestId || code === 'NO_OFFER' || code === 'UNAVAILABLE') return undefined;
    this.#answered(asked);
    if (this.#session !== undefined) {
      this.#tally.ended(code === 'CANCELLED' ? 'client_left' : code.toLowerCase());
      return this.#over();
    }
    // Taken back by the run itself.
    if (code !== 'CANCELLED') {
      this.#tally.phase(asked.phase).refused += 1;
      this.#tally.refused(code);
    }
    this.#over();
    return 'refused';
  }

  #over(): Outcome {
    this.#asked = undefined;
    this.#session = undefined;
    this.#move = undefined;
    this.#isMoving = false;
    return 'over';
  }
}
