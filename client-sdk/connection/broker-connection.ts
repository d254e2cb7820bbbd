import type { ClientHello, ClientToBroker, Device } from '@duskline/protocol';
import { BrokerSocket, type RequestMessage } from './broker-socket.js';
import { mayReconnect } from '../close-codes.js';
import { isStatusTransition, type ClientStatus, type ReadyStatus } from './client-status.js';
import { localError, type DusklineError } from '../errors.js';
import type { ReconnectPolicy } from './reconnect-policy.js';
import { SDK_VERSION } from './sdk-version.js';
import type { WebSocketConstructor } from './web-socket.js';
import type { Clock, Logger } from '@duskline/sdk-runtime';
import { Deferred, onAbort } from '../runtime/promises.js';
import { setWatchedTimer } from '../runtime/watched-timer.js';
import type { WakeSignals } from './wake-signals.js';

/** A shorter connection does not reset the retry count, so that a broker that refuses late is not overloaded. */
const STABLE_AFTER_MS = 5_000;

/** The client closes after this many expired tokens in a row: the supplier has no valid one. */
const MAX_EXPIRED_TOKENS = 3;

/** The options of the client that its connection reads. */
export interface BrokerConnectionSettings {
  readonly urls: readonly string[];
  readonly token: string | (() => string | Promise<string>);
  readonly device: Device;
  readonly WebSocket: WebSocketConstructor;
  readonly reconnect: ReconnectPolicy;
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs?: number | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly wakeSignals: WakeSignals;
}

export interface BrokerConnectionDependencies {
  readonly options: BrokerConnectionSettings;
  readonly onStatus: (status: ClientStatus) => void;
  readonly onMessage: (message: RequestMessage) => void;
}

/** Keeps the client connected to one of the brokers, until it is closed. */
export class BrokerConnection {
  readonly #dependencies: BrokerConnectionDependencies;
  readonly #closing = new AbortController();
  #status: ClientStatus = { state: 'idle' };
  #ready = new Deferred<ReadyStatus>();
  #socket: BrokerSocket | undefined;
  /** Ends the wait for the next attempt, unless the broker named a time. */
  #endWait: (() => void) | undefined;
  #stopWakeSignals: (() => void) | undefined;
  /** From the last `welcome`. Secret. */
  #resumeToken: string | undefined;

  constructor(dependencies: BrokerConnectionDependencies) {
    this.#dependencies = dependencies;
  }

  get status(): ClientStatus {
    return this.#status;
  }

  /** Aborts when the client is closed. The reason is a `DusklineError`. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * Resolves with the current connection, or the next one.
   *
   * @throws DusklineError why the client closed
   */
  get ready(): Promise<ReadyStatus> {
    return this.#ready.promise;
  }

  /** Starts to connect. Repeated calls do nothing. */
  start(): void {
    if (this.#status.state !== 'idle') return;
    this.#stopWakeSignals = this.#dependencies.options.wakeSignals(() => {
      this.#socket?.wake();
      this.#endWait?.();
    });
    // Only the application's reconnect policy can throw here.
    this.#keepConnected().catch((cause: unknown) => {
      this.#dependencies.options.logger.error({ error: cause }, 'The reconnect policy threw');
      void this.close(localError('CLIENT_CLOSED', { cause }));
    });
  }

  /** Returns whether the message was handed to an open socket. It may still be lost. */
  send(message: ClientToBroker): boolean {
    return this.#socket?.send(message) ?? false;
  }

  /** Replaces the current connection by another one. */
  reconnect(): void {
    this.#socket?.drop(true);
  }

  /** Closes permanently. Resolves when the socket is closed, after a second at the latest. */
  async close(error?: DusklineError): Promise<void> {
    this.#setStatus({ state: 'closed', ...(error && { error }) });
    await this.#socket?.close();
  }

  async #keepConnected(): Promise<void> {
    const { clock, reconnect, urls } = this.#dependencies.options;
    let startedAtMs = clock.monotonicMs();
    let expiredTokens = 0;
    let retryCount = 0;
    for (let attemptIndex = 0; ; attemptIndex += 1) {
      const { error, heldForMs, isReplacedAtOnce } = await this.#runAttempt(
        urls[attemptIndex % urls.length] ?? '',
        retryCount + 1,
      );
      if (this.#isClosed()) return;
      if (heldForMs !== undefined) {
        startedAtMs = clock.monotonicMs();
        expiredTokens = 0;
        if (heldForMs >= STABLE_AFTER_MS) retryCount = 0;
      }
      if (error.code === 'TOKEN_EXPIRED') expiredTokens += 1;
      const elapsedMs = clock.monotonicMs() - startedAtMs;
      const delayMs = this.#mayRetry(error, expiredTokens)
        ? reconnect.nextRetryDelayInMs({ retryCount, elapsedMs, error })
        : null;
      if (delayMs === null) {
        void this.close(error);
        return;
      }
      retryCount += 1;
      // Random delays spread the devices that lost the same broker. Here only this device lost its connection.
      const retryInMs = isReplacedAtOnce === true ? 0 : delayMs;
      this.#setStatus({ state: 'waiting', attempt: retryCount, retryInMs, error });
      await this.#wait(retryInMs, error.retryAfterMs === undefined);
      if (this.#isClosed()) return;
    }
  }

  /** Waits for the next attempt. Ends early when the client closes, and when the device wakes. */
  async #wait(delayMs: number, mayEndEarly: boolean): Promise<void> {
    const { promise, resolve } = new Deferred<void>();
    const cancelTimer = setWatchedTimer(this.#dependencies.options.clock, delayMs, {
      onDue: resolve,
      onGap: resolve,
    });
    const removeListener = onAbort(this.closing, resolve);
    if (mayEndEarly) this.#endWait = resolve;
    await promise;
    this.#endWait = undefined;
    cancelTimer();
    removeListener();
  }

  /** Runs one attempt and its connection, until that ends. `heldForMs` is absent if there was no `welcome`. */
  async #runAttempt(
    url: string,
    attempt: number,
  ): Promise<{ error: DusklineError; heldForMs?: number; isReplacedAtOnce?: boolean }> {
    const { clock } = this.#dependencies.options;
    this.#setStatus({ state: 'connecting', attempt, url });
    if (this.#isClosed()) return { error: localError('CLIENT_CLOSED') };
    let socket = this.#openSocket(url);
    let welcome = await socket.opened;
    const isRefused =
      welcome === undefined && this.#resumeToken !== undefined && isFinalError(await socket.closed);
    if (isRefused && !this.#isClosed()) {
      // The resume token was used, expired or unknown to this broker: an earlier broker may have died after it consumed the token.
      // The player's own token is still valid, so retry with it at once.
      this.#resumeToken = undefined;
      socket = this.#openSocket(url);
      welcome = await socket.opened;
    }
    if (welcome === undefined) return { error: await socket.closed };
    const { connectionId, playerId, regions } = welcome;
    this.#resumeToken = welcome.resumeToken;
    const readyAtMs = clock.monotonicMs();
    this.#setStatus({ state: 'ready', connectionId, playerId, regions });
    const error = await socket.closed;
    return { error, heldForMs: clock.monotonicMs() - readyAtMs, isReplacedAtOnce: socket.isReplacedAtOnce };
  }

  #openSocket(url: string): BrokerSocket {
    const { options, onMessage } = this.#dependencies;
    this.#socket = new BrokerSocket({ ...options, url, createHello: () => this.#createHello(), onMessage });
    return this.#socket;
  }

  /** Uses the resume token if there is one, so that a reconnect needs no token of the application. */
  async #createHello(): Promise<ClientHello> {
    const { token, device } = this.#dependencies.options;
    const resumeToken = this.#resumeToken;
    return {
      type: 'hello',
      ...(resumeToken !== undefined
        ? { resumeToken }
        : { token: typeof token === 'string' ? token : await token() }),
      device,
      sdk: `duskline-client/${SDK_VERSION}`,
    };
  }

  #mayRetry(error: DusklineError, expiredTokens: number): boolean {
    if (error.code === 'TOKEN_EXPIRED') {
      return typeof this.#dependencies.options.token === 'function' && expiredTokens < MAX_EXPIRED_TOKENS;
    }
    return !isFinalError(error);
  }

  #isClosed(): boolean {
    return this.#status.state === 'closed';
  }

  #setStatus(status: ClientStatus): void {
    if (!isStatusTransition(this.#status, status)) return;
    const wasReady = this.#status.state === 'ready';
    this.#status = status;
    if (wasReady) this.#ready = new Deferred();
    if (status.state === 'ready') this.#ready.resolve(status);
    if (status.state === 'closed') {
      const reason = status.error ?? localError('CLIENT_CLOSED');
      this.#ready.reject(reason);
      this.#closing.abort(reason);
      this.#stopWakeSignals?.();
    }
    const { logger } = this.#dependencies.options;
    const error = 'error' in status ? status.error : undefined;
    if (error === undefined) logger.info({ state: status.state }, 'Connection');
    else logger.warn({ state: status.state, code: error.code, closeCode: error.closeCode }, 'Connection');
    this.#dependencies.onStatus(status);
  }
}

/** A reconnect with the same credentials would fail again. */
function isFinalError({ code, closeCode }: DusklineError): boolean {
  return code !== 'TOKEN_NOT_YET_VALID' && closeCode !== undefined && !mayReconnect(closeCode);
}
