import { mayReconnect } from '@duskline/protocol/codes';
import { CLIENT_PATH, SUBPROTOCOL } from '@duskline/protocol/constants';
import { WebSocket, type ClientOptions } from 'ws';
import { monotonicMs } from '../clock.js';
import type { PlayerContext } from './load-player.js';
import { reconnectDelayMs } from './reconnect-delay.js';

const SOCKET_OPTIONS: ClientOptions = {
  perMessageDeflate: false,
  handshakeTimeout: 10_000,
  skipUTF8Validation: true,
};

export interface PlayerConnectionOptions {
  readonly helloFrame: string;
  /** Index of the broker that is tried first. */
  readonly firstUrlIndex: number;
  readonly onFrame: (data: Buffer) => void;
  /** Called for each connection that closed, before the next attempt is scheduled. */
  readonly onClose: (code: number) => void;
}

/** The connection of a lean player: reconnects to the next broker after a delay, until a broker rejects the player. */
export class LeanPlayerConnection {
  readonly #context: Pick<PlayerContext, 'urls' | 'metrics' | 'wheel' | 'random'>;
  readonly #options: PlayerConnectionOptions;
  #socket: WebSocket | undefined;
  #urlIndex: number;
  #attempt = 0;
  #retryAfterMs = 0;
  #isRejected = false;
  #isClosed = false;

  constructor(
    context: Pick<PlayerContext, 'urls' | 'metrics' | 'wheel' | 'random'>,
    options: PlayerConnectionOptions,
  ) {
    this.#context = context;
    this.#options = options;
    this.#urlIndex = options.firstUrlIndex;
  }

  /** Whether a broker closed with a code after which clients must not reconnect. */
  get isRejected(): boolean {
    return this.#isRejected;
  }

  connect(): void {
    const { urls, metrics } = this.#context;
    const { helloFrame, onFrame } = this.#options;
    const url = urls[this.#urlIndex % urls.length] ?? '';
    this.#urlIndex += 1;
    this.#retryAfterMs = 0;
    const socket = new WebSocket(`${url}${CLIENT_PATH}`, SUBPROTOCOL, SOCKET_OPTIONS);
    this.#socket = socket;
    socket.on('open', () => socket.send(helloFrame));
    socket.on('message', onFrame);
    socket.on('unexpected-response', (request, response) => {
      this.#retryAfterMs = Number(response.headers['retry-after'] ?? 0) * 1_000;
      metrics.countConnectionError(`HTTP_${response.statusCode ?? 0}`);
      request.destroy();
      socket.emit('close', 1006, Buffer.alloc(0));
    });
    socket.on('error', () => undefined);
    socket.once('close', (code) => this.#handleClose(socket, code));
  }

  /** The broker sent `welcome`: the next reconnect starts with the shortest delay. */
  resetBackoff(): void {
    this.#attempt = 0;
  }

  send(frame: string): void {
    this.#socket?.send(frame);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.terminate();
  }

  #handleClose(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.#isRejected = !mayReconnect(code);
    this.#options.onClose(code);
    if (this.#isClosed || this.#isRejected) return;
    const { wheel, random } = this.#context;
    const delayMs = reconnectDelayMs(this.#attempt, random, this.#retryAfterMs);
    this.#attempt += 1;
    wheel.at(monotonicMs() + delayMs, () => {
      if (!this.#isClosed) this.connect();
    });
  }
}
