import type { BrokerToClient, ClientToBroker, ErrorMessage, Matched, Moving } from '@duskline/protocol';
import { hostName } from '../../history/events.js';
import { LeanPlayerConnection } from './lean-player-connection.js';
import { monotonicMs } from '../clock.js';
import type { LoadPlayer, PlayerContext, PlayerOptions } from './load-player.js';
import { PlayerLog } from './player-log.js';
import { claimReservation } from './claim-reservation.js';
import type { Timer } from '../timer-wheel.js';

const RETRY_MS = 1_000;

/** A player without the SDK, as cheap as possible: frames serialised beforehand, no promises, no timers of its own. */
export class LeanPlayer implements LoadPlayer {
  readonly name: string;
  readonly log: PlayerLog;
  readonly #context: PlayerContext;
  readonly #rtt: Readonly<Record<string, number>>;
  readonly #connection: LeanPlayerConnection;
  /** The part of every `play` frame after the request id. */
  readonly #playFrameSuffix: string;
  #requestCount = 0;
  #requestId: string | undefined;
  #lengthMs = 0;
  #leaveTimer: Timer | undefined;
  /** The epoch at which the current host admitted the player; 0 for none. */
  #admittedEpoch = 0;
  /** The epoch at which the target host of a move admitted the player; 0 for none. */
  #targetAdmittedEpoch = 0;
  #isLeaving = false;

  constructor(context: PlayerContext, { name, token, rtt, canMove, firstUrlIndex }: PlayerOptions) {
    this.name = name;
    this.log = new PlayerLog(context.metrics, name);
    this.#context = context;
    this.#rtt = rtt;
    const { device, title } = context;
    this.#connection = new LeanPlayerConnection(context, {
      helloFrame: JSON.stringify({ type: 'hello', token, device, sdk: 'duskline-loadtest/0.1.0' }),
      firstUrlIndex,
      onFrame: (data) => this.#handleFrame(data),
      onClose: (code) => {
        this.log.recordClose(code);
        context.setFree(this, false);
      },
    });
    const follows = canMove ? ',"canMove":true' : '';
    this.#playFrameSuffix = `","title":${JSON.stringify(title)},"rtt":${JSON.stringify(rtt)}${follows}}`;
  }

  get isRejected(): boolean {
    return this.#connection.isRejected;
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  connect(dueMs: number): void {
    this.log.startConnect(dueMs);
    this.#connection.connect();
  }

  play(dueMs: number, phase: number, lengthMs: number): void {
    this.#requestCount += 1;
    this.#requestId = `${this.#context.runId}-${this.#requestCount}`;
    this.#lengthMs = lengthMs;
    this.#admittedEpoch = 0;
    this.#targetAdmittedEpoch = 0;
    this.log.startRequest(this.#requestId, dueMs, phase);
    this.#sendPlay();
  }

  leave(): void {
    this.#leaveTimer?.cancel();
    this.#leaveTimer = undefined;
    if (this.#requestId === undefined) return;
    this.#isLeaving = true;
    this.#leaveSession();
  }

  close(): void {
    this.#leaveTimer?.cancel();
    this.#connection.close();
  }

  #handleFrame(data: Buffer): void {
    const frame = JSON.parse(data.toString()) as BrokerToClient;
    const hadSession = this.log.session;
    if (this.log.recordReceived(frame) !== undefined) {
      this.#finishRequest();
      return;
    }
    switch (frame.type) {
      case 'welcome':
        this.#connection.resetBackoff();
        if (this.#requestId === undefined) this.#context.setFree(this, true);
        else this.#sendPlay();
        return;
      case 'offer':
        if (frame.requestId === this.#requestId) this.#acceptOffer(frame.requestId);
        return;
      case 'matched':
        if (frame.requestId === this.#requestId) this.#handleMatched(frame);
        return;
      case 'session': {
        if (frame.sessionId !== hadSession?.sessionId || frame.epoch <= hadSession.epoch) return;
        if (frame.epoch === this.#targetAdmittedEpoch) this.#admittedEpoch = frame.epoch;
        // The session was placed on another host: the answer to the repeated request names the host.
        else this.#sendPlay();
        return;
      }
      case 'moving':
        this.#claimTargetReservation(frame);
        return;
      case 'error':
        this.#handleError(frame);
        return;
      case 'queued':
      case 'replaced':
      case 'limit':
      case 'signal':
      case 'pong':
        return;
    }
  }

  #handleError({ code, requestId, retryAfterMs = RETRY_MS }: ErrorMessage): void {
    if (code !== 'UNAVAILABLE' || requestId === undefined || requestId !== this.#requestId) return;
    const { wheel, random, metrics } = this.#context;
    metrics.countConnectionError(code);
    wheel.at(monotonicMs() + retryAfterMs * (1 + random()), () => {
      if (requestId === this.#requestId) this.#sendPlay();
    });
  }

  #sendPlay(): void {
    const { title } = this.#context;
    if (!this.log.isConnected || this.#requestId === undefined) return;
    this.log.recordSent({ type: 'play', requestId: this.#requestId, title, rtt: this.#rtt });
    this.#connection.send(`{"type":"play","requestId":"${this.#requestId}${this.#playFrameSuffix}`);
  }

  #acceptOffer(requestId: string): void {
    if (this.#isLeaving) {
      this.#leaveSession();
      return;
    }
    this.log.recordSent({ type: 'accept', requestId });
    this.#connection.send(`{"type":"accept","requestId":"${requestId}"}`);
  }

  #handleMatched({ sessionId, epoch, region, pool, host, ticket }: Matched): void {
    if (this.#isLeaving) {
      this.#leaveSession();
      return;
    }
    const { wheel } = this.#context;
    if (epoch === this.#targetAdmittedEpoch) this.#admittedEpoch = epoch;
    this.#leaveTimer ??= wheel.at(monotonicMs() + this.#lengthMs, () => this.leave());
    if (epoch > this.#admittedEpoch) {
      this.#claimReservation(hostName(region, pool, host.hostId), ticket, sessionId, epoch);
    }
  }

  #claimReservation(host: string, ticket: string, sessionId: string, epoch: number): void {
    const { hostCalls, metrics } = this.#context;
    if (!hostCalls.hasHost(host)) return;
    const isCurrent = (): boolean =>
      this.log.session?.sessionId === sessionId && this.log.session.epoch === epoch;
    claimReservation(this.#context, {
      ...{ host, claim: { ticket, sessionId, epoch, player: this.name } },
      shouldRetry: () => isCurrent() && !this.#isLeaving,
      onResult: (isAdmitted) => {
        if (!isCurrent()) return;
        if (isAdmitted) this.#admittedEpoch = epoch;
        else metrics.countNotAdmitted();
      },
    });
  }

  /** Shows the ticket to the target host. The player stays on its host until the broker reports that the session moved. */
  #claimTargetReservation({ sessionId, epoch, region, pool, host: { hostId }, ticket }: Moving): void {
    const isMoving = (): boolean => this.log.isMoving && this.log.session?.sessionId === sessionId;
    if (!isMoving() || this.#isLeaving || epoch <= this.#targetAdmittedEpoch) return;
    claimReservation(this.#context, {
      ...{ host: hostName(region, pool, hostId), claim: { ticket, sessionId, epoch, player: this.name } },
      shouldRetry: isMoving,
      onResult: (isAdmitted) => {
        if (this.log.session?.sessionId !== sessionId) return;
        if (isAdmitted) this.#targetAdmittedEpoch = epoch;
        if (isAdmitted && this.log.session.epoch === epoch) this.#admittedEpoch = epoch;
        if (!isAdmitted && isMoving()) this.#sendFrame({ type: 'stay', sessionId, epoch });
      },
    });
  }

  /** Leaves through the host that admitted the player, which reports the end to the brokers; otherwise through the broker. */
  #leaveSession(): void {
    const { hostCalls } = this.#context;
    const { session } = this.log;
    if (session === undefined) {
      this.#sendFrame({ type: 'cancel', requestId: this.#requestId ?? '' });
      return;
    }
    const { sessionId, epoch, host } = session;
    // During a move, only the brokers know which host holds the session.
    if (this.#admittedEpoch !== epoch || this.log.isMoving) {
      this.#sendFrame({ type: 'end', sessionId });
      return;
    }
    this.#context.metrics.record({ type: 'left', player: this.name, sessionId });
    hostCalls.callHost(host, { kind: 'bye', sessionId, epoch }, (done) => {
      if (!done && this.log.session?.sessionId === sessionId) this.#sendFrame({ type: 'end', sessionId });
    });
  }

  #sendFrame(frame: Extract<ClientToBroker, { type: 'cancel' | 'end' | 'stay' }>): void {
    // Without a connection, the player leaves after the reconnect, when the repeated `play` is answered.
    if (!this.log.isConnected) return;
    this.log.recordSent(frame);
    this.#connection.send(JSON.stringify(frame));
  }

  #finishRequest(): void {
    this.#leaveTimer?.cancel();
    this.#leaveTimer = undefined;
    this.#requestId = undefined;
    this.#isLeaving = false;
    if (this.log.isConnected) this.#context.setFree(this, true);
  }
}
