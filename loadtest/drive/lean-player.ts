import type { BrokerToClient, ClientToBroker, ErrorMessage, Matched, Moving } from '@duskline/protocol';
import { mayReconnect } from '@duskline/protocol/codes';
import { CLIENT_PATH, SUBPROTOCOL } from '@duskline/protocol/constants';
import { WebSocket, type ClientOptions } from 'ws';
import { hostName } from '../history/events.js';
import { reconnectDelayMs } from './backoff.js';
import { monotonicMs } from './clock.js';
import type { LoadPlayer, PlayerContext, PlayerOptions } from './load-player.js';
import { PlayerTape } from './player-tape.js';
import { showTicket } from './show-ticket.js';
import type { Timer } from './timer-wheel.js';

const SOCKET_OPTIONS: ClientOptions = {
  perMessageDeflate: false,
  handshakeTimeout: 10_000,
  skipUTF8Validation: true,
};

const RETRY_MS = 1_000;

/** A whole player in one socket: frames made beforehand, no promises, no timers of its own. */
export class LeanPlayer implements LoadPlayer {
  readonly name: string;
  readonly tape: PlayerTape;
  readonly #context: PlayerContext;
  readonly #rtt: Readonly<Record<string, number>>;
  readonly #helloFrame: string;
  /** What follows the requestId in every `play`. */
  readonly #playRest: string;
  #socket: WebSocket | undefined;
  #turn: number;
  #attempt = 0;
  #asked = 0;
  #requestId: string | undefined;
  #lengthMs = 0;
  #leaveTimer: Timer | undefined;
  /** At the host that it plays on. */
  #admittedEpoch = 0;
  /** At the host that its session moves to. */
  #arrivedEpoch = 0;
  #isLeaving = false;
  #isShutOut = false;
  #isClosed = false;
  #retryAfterMs = 0;

  constructor(context: PlayerContext, { name, token, rtt, canMove, first }: PlayerOptions) {
    this.name = name;
    this.tape = new PlayerTape(context.tally, name);
    this.#context = context;
    this.#rtt = rtt;
    this.#turn = first;
    const { device, title } = context;
    this.#helloFrame = JSON.stringify({ type: 'hello', token, device, sdk: 'duskline-loadtest/0.1.0' });
    const follows = canMove ? ',"canMove":true' : '';
    this.#playRest = `","title":${JSON.stringify(title)},"rtt":${JSON.stringify(rtt)}${follows}}`;
  }

  get isShutOut(): boolean {
    return this.#isShutOut;
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  connect(dueMs: number): void {
    this.tape.connects(dueMs);
    this.#open();
  }

  play(dueMs: number, phase: number, lengthMs: number): void {
    this.#asked += 1;
    this.#requestId = `${this.#context.runId}-${this.#asked}`;
    this.#lengthMs = lengthMs;
    this.#admittedEpoch = 0;
    this.#arrivedEpoch = 0;
    this.tape.asks(this.#requestId, dueMs, phase);
    this.#ask();
  }

  leave(): void {
    this.#leaveTimer?.cancel();
    this.#leaveTimer = undefined;
    if (this.#requestId === undefined) return;
    this.#isLeaving = true;
    this.#sayGoodbye();
  }

  close(): void {
    this.#isClosed = true;
    this.#leaveTimer?.cancel();
    this.#socket?.terminate();
  }

  #open(): void {
    const { urls } = this.#context;
    const url = urls[this.#turn % urls.length] ?? '';
    this.#turn += 1;
    this.#retryAfterMs = 0;
    const socket = new WebSocket(`${url}${CLIENT_PATH}`, SUBPROTOCOL, SOCKET_OPTIONS);
    this.#socket = socket;
    socket.on('open', () => socket.send(this.#helloFrame));
    socket.on('message', (data: Buffer) => this.#received(data));
    socket.on('unexpected-response', (request, response) => {
      this.#retryAfterMs = Number(response.headers['retry-after'] ?? 0) * 1_000;
      this.#context.tally.connectionError(`HTTP_${response.statusCode ?? 0}`);
      request.destroy();
      socket.emit('close', 1006, Buffer.alloc(0));
    });
    socket.on('error', () => undefined);
    socket.once('close', (code) => this.#closed(socket, code));
  }

  #closed(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.tape.closed(code);
    this.#isShutOut = !mayReconnect(code);
    this.#context.freed(this, false);
    if (this.#isClosed || this.#isShutOut) return;
    const { wheel, random } = this.#context;
    const delayMs = reconnectDelayMs(this.#attempt, random, this.#retryAfterMs);
    this.#attempt += 1;
    wheel.at(monotonicMs() + delayMs, () => {
      if (!this.#isClosed) this.#open();
    });
  }

  #received(data: Buffer): void {
    const frame = JSON.parse(data.toString()) as BrokerToClient;
    const hadSession = this.tape.session;
    if (this.tape.received(frame) !== undefined) {
      this.#over();
      return;
    }
    switch (frame.type) {
      case 'welcome':
        this.#attempt = 0;
        if (this.#requestId === undefined) this.#context.freed(this, true);
        else this.#ask();
        return;
      case 'offer':
        if (frame.requestId === this.#requestId) this.#accept(frame.requestId);
        return;
      case 'matched':
        if (frame.requestId === this.#requestId) this.#matched(frame);
        return;
      case 'session': {
        if (frame.sessionId !== hadSession?.sessionId || frame.epoch <= hadSession.epoch) return;
        if (frame.epoch === this.#arrivedEpoch) this.#admittedEpoch = frame.epoch;
        // It was placed again: the repeated match tells where.
        else this.#ask();
        return;
      }
      case 'moving':
        this.#follow(frame);
        return;
      case 'error':
        this.#failed(frame);
        return;
      case 'queued':
      case 'limit':
      case 'signal':
      case 'pong':
        return;
    }
  }

  #failed({ code, requestId, retryAfterMs = RETRY_MS }: ErrorMessage): void {
    if (code !== 'UNAVAILABLE' || requestId === undefined || requestId !== this.#requestId) return;
    const { wheel, random, tally } = this.#context;
    tally.connectionError(code);
    wheel.at(monotonicMs() + retryAfterMs * (1 + random()), () => {
      if (requestId === this.#requestId) this.#ask();
    });
  }

  #ask(): void {
    const { title } = this.#context;
    if (!this.tape.isConnected || this.#requestId === undefined) return;
    this.tape.sent({ type: 'play', requestId: this.#requestId, title, rtt: this.#rtt });
    this.#socket?.send(`{"type":"play","requestId":"${this.#requestId}${this.#playRest}`);
  }

  #accept(requestId: string): void {
    if (this.#isLeaving) {
      this.#sayGoodbye();
      return;
    }
    this.tape.sent({ type: 'accept', requestId });
    this.#socket?.send(`{"type":"accept","requestId":"${requestId}"}`);
  }

  #matched({ sessionId, epoch, region, pool, host, ticket }: Matched): void {
    if (this.#isLeaving) {
      this.#sayGoodbye();
      return;
    }
    const { wheel } = this.#context;
    if (epoch === this.#arrivedEpoch) this.#admittedEpoch = epoch;
    this.#leaveTimer ??= wheel.at(monotonicMs() + this.#lengthMs, () => this.leave());
    if (epoch > this.#admittedEpoch) {
      this.#show(hostName(region, pool, host.hostId), ticket, sessionId, epoch);
    }
  }

  #show(host: string, ticket: string, sessionId: string, epoch: number): void {
    const { desk, tally } = this.#context;
    if (!desk.plays(host)) return;
    const isCurrent = (): boolean =>
      this.tape.session?.sessionId === sessionId && this.tape.session.epoch === epoch;
    showTicket(this.#context, {
      ...{ host, claim: { ticket, sessionId, epoch, player: this.name } },
      goesOn: () => isCurrent() && !this.#isLeaving,
      done: (isIn) => {
        if (!isCurrent()) return;
        if (isIn) this.#admittedEpoch = epoch;
        else tally.notAdmitted();
      },
    });
  }

  /** Shows the ticket at the new host, and plays on at the old one until the broker says that the session has moved. */
  #follow({ sessionId, epoch, region, pool, host: { hostId }, ticket }: Moving): void {
    const isOn = (): boolean => this.tape.isMoving && this.tape.session?.sessionId === sessionId;
    if (!isOn() || this.#isLeaving || epoch <= this.#arrivedEpoch) return;
    showTicket(this.#context, {
      ...{ host: hostName(region, pool, hostId), claim: { ticket, sessionId, epoch, player: this.name } },
      goesOn: isOn,
      done: (isIn) => {
        if (this.tape.session?.sessionId !== sessionId) return;
        if (isIn) this.#arrivedEpoch = epoch;
        if (isIn && this.tape.session.epoch === epoch) this.#admittedEpoch = epoch;
        if (!isIn && isOn()) this.#say({ type: 'stay', sessionId, epoch });
      },
    });
  }

  /** To the host where it was let in, which tells the brokers; else to the broker. */
  #sayGoodbye(): void {
    const { desk } = this.#context;
    const { session } = this.tape;
    if (session === undefined) {
      this.#say({ type: 'cancel', requestId: this.#requestId ?? '' });
      return;
    }
    const { sessionId, epoch, host } = session;
    // While it moves, only the brokers know which host has it.
    if (this.#admittedEpoch !== epoch || this.tape.isMoving) {
      this.#say({ type: 'end', sessionId });
      return;
    }
    this.#context.tally.record({ type: 'left', player: this.name, sessionId });
    desk.call(host, { kind: 'bye', sessionId, epoch }, (done) => {
      if (!done && this.tape.session?.sessionId === sessionId) this.#say({ type: 'end', sessionId });
    });
  }

  #say(frame: Extract<ClientToBroker, { type: 'cancel' | 'end' | 'stay' }>): void {
    // Without a connection the repeated `play` is answered first, and good-bye said then.
    if (!this.tape.isConnected) return;
    this.tape.sent(frame);
    this.#socket?.send(JSON.stringify(frame));
  }

  #over(): void {
    this.#leaveTimer?.cancel();
    this.#leaveTimer = undefined;
    this.#requestId = undefined;
    this.#isLeaving = false;
    if (this.tape.isConnected) this.#context.freed(this, true);
  }
}
