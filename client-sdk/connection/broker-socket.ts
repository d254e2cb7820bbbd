import type { BrokerToClient, ClientHello, ClientToBroker, ErrorMessage, Welcome } from '@duskline/protocol';
import { SUBPROTOCOL } from '@duskline/protocol/constants';
import { parseBrokerFrame } from './broker-frames.js';
import { closeError, localError, type DusklineError } from '../errors.js';
import { KeepAlive } from './keep-alive.js';
import type { Clock, Logger } from '@duskline/sdk-runtime';
import { Deferred } from '../runtime/promises.js';
import type { SocketLike, WebSocketConstructor } from './web-socket.js';

/** How long `close()` waits for the broker's close frame, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Protects brokers from their own configuration: a tiny interval would make all clients flood them. */
const MIN_PING_INTERVAL_MS = 1_000;

/** Messages about a play request or its session, and not about the connection. */
export type RequestMessage = Exclude<BrokerToClient, { readonly type: 'welcome' | 'pong' }>;

export interface BrokerSocketDependencies {
  readonly url: string;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Time limit for token, socket and `welcome` together. */
  readonly connectTimeoutMs: number;
  /** Overrides the interval in `welcome`. */
  readonly pingIntervalMs?: number | undefined;
  /** Builds the first message. Calls the token supplier if a token is needed. */
  readonly createHello: () => Promise<ClientHello>;
  /** Called for each message that is not about the connection itself. */
  readonly onMessage: (message: RequestMessage) => void;
}

/**
 * One connection to one broker, from the token to the close. Neither promise rejects: `opened` resolves to `undefined` if there
 * was no `welcome`, and `closed` to the error that ended the connection.
 */
export class BrokerSocket {
  readonly #dependencies: BrokerSocketDependencies;
  readonly #opened = new Deferred<Welcome | undefined>();
  readonly #closed = new Deferred<DusklineError>();
  readonly opened = this.#opened.promise;
  readonly closed = this.#closed.promise;
  /** The platform's socket has closed, or was never opened. */
  readonly #platformSocketClosed = new Deferred<void>();
  readonly #cancelConnectTimeout: () => void;
  /** The next connection needs no delay: this one was closed for a reason that concerns this device only. */
  isReplacedAtOnce = false;
  #state: 'opening' | 'open' | 'closed' = 'opening';
  #webSocket: SocketLike | undefined;
  #keepAlive: KeepAlive | undefined;
  #lastError: ErrorMessage | undefined;

  constructor(dependencies: BrokerSocketDependencies) {
    this.#dependencies = dependencies;
    this.#cancelConnectTimeout = dependencies.clock.setTimer(
      () => this.#closeWithError(localError('CONNECT_TIMEOUT')),
      dependencies.connectTimeoutMs,
    );
    dependencies.createHello().then(
      (hello) => this.#openWebSocket(hello),
      (cause: unknown) => this.#closeWithError(localError('TOKEN_UNAVAILABLE', { cause })),
    );
  }

  /** Sends if the connection is open. Returns whether it is. */
  send(message: ClientToBroker): boolean {
    if (this.#state !== 'open') return false;
    this.#sendFrame(message);
    return true;
  }

  /** Closes, so that another connection takes its place. */
  drop(isReplacedAtOnce: boolean): void {
    this.isReplacedAtOnce = isReplacedAtOnce;
    this.#closeWithError(localError('CONNECTION_LOST'));
  }

  /** The device may have slept. */
  wake(): void {
    this.#keepAlive?.wake();
  }

  /** Closes. Resolves when the broker has received everything that was sent before, or after a second. */
  async close(): Promise<void> {
    this.#closeWithError(localError('CLIENT_CLOSED'));
    const cancel = this.#dependencies.clock.setTimer(
      () => this.#platformSocketClosed.resolve(),
      CLOSE_TIMEOUT_MS,
    );
    await this.#platformSocketClosed.promise;
    cancel();
  }

  #openWebSocket(hello: ClientHello): void {
    if (this.#state === 'closed') return;
    const { url, WebSocket } = this.#dependencies;
    try {
      this.#webSocket = new WebSocket(url, SUBPROTOCOL);
    } catch (cause) {
      this.#closeWithError(localError('CONNECTION_LOST', { cause }));
      return;
    }
    this.#webSocket.addEventListener('open', () => {
      if (this.#state === 'opening') this.#sendFrame(hello);
    });
    this.#webSocket.addEventListener('message', ({ data }) => this.#handleFrame(data));
    // `close` follows and says more. But `ws` throws errors that have no listener.
    this.#webSocket.addEventListener('error', () => undefined);
    this.#webSocket.addEventListener('close', ({ code = 1006 }) => {
      this.#platformSocketClosed.resolve();
      this.#closeWithError(closeError(code, this.#lastError));
    });
  }

  #handleFrame(data: unknown): void {
    if (this.#state === 'closed') return;
    const message = parseBrokerFrame(data);
    this.#keepAlive?.recordTraffic(message?.type === 'pong' ? message.id : undefined);
    if (message === undefined) {
      this.#dependencies.logger.warn({}, 'Ignored a frame that is malformed or of an unknown type');
      return;
    }
    this.#dependencies.logger.debug({ type: message.type }, 'Received');
    switch (message.type) {
      case 'welcome':
        if (this.#state === 'opening') this.#handleWelcome(message);
        return;
      case 'pong':
        return;
      case 'error':
        if (message.requestId === undefined && message.sessionId === undefined)
          this.#handleConnectionError(message);
        else this.#dependencies.onMessage(message);
        return;
      default:
        this.#dependencies.onMessage(message);
    }
  }

  #handleWelcome(welcome: Welcome): void {
    this.#state = 'open';
    this.#cancelConnectTimeout();
    this.#keepAlive = new KeepAlive({
      clock: this.#dependencies.clock,
      intervalMs: this.#dependencies.pingIntervalMs ?? Math.max(MIN_PING_INTERVAL_MS, welcome.pingIntervalMs),
      sendPing: (id) => void this.send({ type: 'ping', id }),
      onDead: (afterSleep) => this.drop(afterSleep),
    });
    this.#opened.resolve(welcome);
  }

  /** Usually followed by a close, of which it is the reason. */
  #handleConnectionError(message: ErrorMessage): void {
    this.#dependencies.logger.warn({ code: message.code }, 'The broker sent an error');
    this.#lastError = message;
  }

  #sendFrame(message: ClientToBroker): void {
    this.#dependencies.logger.debug({ type: message.type }, 'Sent');
    try {
      this.#webSocket?.send(JSON.stringify(message));
    } catch (cause) {
      this.#closeWithError(localError('CONNECTION_LOST', { cause }));
    }
  }

  #closeWithError(error: DusklineError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelConnectTimeout();
    this.#keepAlive?.stop();
    if (this.#webSocket === undefined) this.#platformSocketClosed.resolve();
    else this.#webSocket.close(1000);
    this.#opened.resolve(undefined);
    this.#closed.resolve(error);
  }
}
