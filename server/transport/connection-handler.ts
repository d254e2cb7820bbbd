import type { ErrorCode } from '@duskline/protocol/codes';
import type { ParseResult } from '@duskline/protocol/validation';
import { Refusal, errorMessage, toRefusal } from '../broker/refusal.js';
import type { Logger } from '../broker/logger.js';
import type { Runtime } from '../runtime/runtime.js';
import { MessageBudget, type MessageRate } from './message-budget.js';
import type { PeerSocket, SocketListener } from './peer-socket.js';
import type { PingMonitor, MonitoredConnection } from './ping-monitor.js';
import { CLOSE_GRACE_MS, type SocketChannel } from './socket.js';

/** Handles the messages of one connection: `ClientMessageHandler` or `HostMessageHandler`. */
export interface MessageHandler<Message> {
  /** Parses one text frame. */
  parse(text: string): ParseResult<Message>;
  /** Handles one message. Calls are made in the order of the frames, without waiting for the previous one. */
  handle(message: Message): Promise<void> | void;
  /** Whether the first message was accepted. Until then every invalid frame closes the connection. */
  readonly established: boolean;
  /** The socket was closed. */
  closed(): void;
}

/** Limits and collaborators that all connections of a kind share. */
export interface ConnectionRules extends Runtime {
  /** Rate of all messages except signals. */
  readonly rate: MessageRate;
  /**
   * Rate of signals over all sessions. Higher than the rate of one session (`SIGNAL_RATE`), so that a peer gets errors for
   * dropped signals before its connection is closed.
   */
  readonly signalRate: MessageRate;
  readonly helloDeadlineMs: number;
  readonly monitor: PingMonitor;
  readonly log: Logger;
  /** Called when the socket is closed. */
  readonly onClosed: (socket: PeerSocket) => void;
}

/** Number of invalid frames after which a connection is closed. */
export const MAX_INVALID_MESSAGES = 8;

/** Maximum number of messages that may wait while the first one is handled: the peer is not authenticated yet. */
export const MAX_MESSAGES_BEFORE_HELLO = 32;

/** The messages whose handling began between two calls of `whenHandled`. */
interface MessageBatch {
  pending: number;
  onHandled: (() => void) | undefined;
}

/**
 * Connects a socket with its message handler and enforces the limits: message rate, deadline of the first message, invalid
 * frames, pings. A failure is answered with an error code and closes at most this connection.
 *
 * It is a class, because a broker may have tens of thousands of idle connections: methods are shared, and fields that are
 * seldom needed are created late.
 */
export class ConnectionHandler<Message extends { readonly type: string }>
  implements SocketListener, MonitoredConnection
{
  missedPings = 0;
  readonly #socket: PeerSocket;
  readonly #channel: SocketChannel<unknown>;
  readonly #handler: MessageHandler<Message>;
  readonly #rules: ConnectionRules;
  readonly #budget: MessageBudget;
  #signals: MessageBudget | undefined;
  #invalidMessages = 0;
  /** Settles when the first message has been handled. */
  #firstMessage: Promise<void> | undefined;
  /** Messages that arrived before that. */
  #waitingMessages = 0;
  #cancelHelloTimer: (() => void) | undefined;
  #batch: MessageBatch = { pending: 0, onHandled: undefined };

  constructor(
    socket: PeerSocket,
    channel: SocketChannel<unknown>,
    handler: MessageHandler<Message>,
    rules: ConnectionRules,
  ) {
    this.#socket = socket;
    this.#channel = channel;
    this.#handler = handler;
    this.#rules = rules;
    this.#budget = new MessageBudget(rules.rate, rules.clock.monotonicMs());
    this.#cancelHelloTimer = rules.clock.setTimer(() => this.#closeOnHelloTimeout(), rules.helloDeadlineMs);
    socket.listen(this);
    rules.monitor.watch(this);
  }

  /** Resolves when every message that has arrived so far is handled. */
  async whenHandled(): Promise<void> {
    const batch = this.#batch;
    this.#batch = { pending: 0, onHandled: undefined };
    if (batch.pending === 0) return;
    await new Promise<void>((resolve) => {
      batch.onHandled = resolve;
    });
  }

  /** Sends the error and closes the connection with its close code. */
  closeWith(code: ErrorCode): void {
    this.#channel.closeWith(code);
  }

  onMessage(data: Buffer, isBinary: boolean): void {
    if (!this.#channel.open) return;
    this.missedPings = 0;
    if (isBinary) {
      this.#channel.closeWith('BINARY_FRAME');
      return;
    }
    const result = this.#handler.parse(data.toString('utf8'));
    const nowMs = this.#rules.clock.monotonicMs();
    if (!this.#budgetFor(result, nowMs).spend(nowMs)) {
      this.#channel.closeWith('TOO_MANY_MESSAGES');
      return;
    }
    if (result.ok) this.#dispatchMessage(result.message);
    else this.#refuseMessage(result);
  }

  onPong(): void {
    this.missedPings = 0;
  }

  /** `ws` reports protocol errors of the peer (frame too large, invalid UTF-8) and closes, but waits 30 s for the peer's close frame. */
  onError(error: Error): void {
    this.#rules.log.debug({ err: error, connectionId: this.#channel.connectionId }, 'socket error');
    this.#rules.clock.setBackgroundTimer(() => this.#socket.terminate(), CLOSE_GRACE_MS);
  }

  onClose(): void {
    this.#cancelHelloTimer?.();
    this.#rules.monitor.unwatch(this);
    this.#handler.closed();
    this.#rules.onClosed(this.#socket);
  }

  ping(): void {
    this.#socket.ping();
  }

  terminate(): void {
    this.#rules.log.debug(
      { connectionId: this.#channel.connectionId },
      'connection closed: the peer did not answer pings',
    );
    this.#socket.terminate();
  }

  #closeOnHelloTimeout(): void {
    this.#cancelHelloTimer = undefined;
    if (!this.#handler.established) this.#channel.closeWith('HELLO_TIMEOUT');
  }

  #budgetFor(result: ParseResult<Message>, nowMs: number): MessageBudget {
    if (!result.ok || result.message.type !== 'signal') return this.#budget;
    return (this.#signals ??= new MessageBudget(this.#rules.signalRate, nowMs));
  }

  #dispatchMessage(message: Message): void {
    if (this.#handler.established) {
      void this.#handleMessage(message);
      return;
    }
    if (this.#firstMessage === undefined) {
      this.#firstMessage = this.#handleFirstMessage(message);
      return;
    }
    // Verifying the token of the first message may need a fetch of keys. Later messages wait for it and are then handled
    // in order, or dropped if the first message was refused.
    this.#waitingMessages += 1;
    if (this.#waitingMessages > MAX_MESSAGES_BEFORE_HELLO) this.#channel.closeWith('TOO_MANY_MESSAGES');
    else void this.#firstMessage.then(() => (this.#channel.open ? this.#handleMessage(message) : undefined));
  }

  async #handleFirstMessage(message: Message): Promise<void> {
    await this.#handleMessage(message);
    if (!this.#handler.established) return;
    this.#cancelHelloTimer?.();
    this.#cancelHelloTimer = undefined;
  }

  /** Calls the handler. All messages pass here, so that every failure is handled and a stop waits for all of them. */
  #handleMessage(message: Message): Promise<void> | undefined {
    try {
      const work = this.#handler.handle(message);
      return work === undefined ? undefined : this.#trackHandling(work, this.#batch);
    } catch (error) {
      this.#closeAfterFailure(error);
      return undefined;
    }
  }

  async #trackHandling(work: Promise<void>, batch: MessageBatch): Promise<void> {
    batch.pending += 1;
    try {
      await work;
    } catch (error) {
      this.#closeAfterFailure(error);
    }
    batch.pending -= 1;
    if (batch.pending === 0) batch.onHandled?.();
  }

  #refuseMessage(result: Extract<ParseResult<Message>, { ok: false }>): void {
    this.#invalidMessages += 1;
    const isNoMessage = result.code === 'BAD_MESSAGE' && !result.recognised;
    if (!this.#handler.established || isNoMessage || this.#invalidMessages >= MAX_INVALID_MESSAGES) {
      this.#channel.closeWith('BAD_MESSAGE', result.detail);
      return;
    }
    this.#channel.send(
      errorMessage(new Refusal(result.code, { message: result.detail }), this.#rules.random, result),
    );
  }

  #closeAfterFailure(error: unknown): void {
    const { code, message } = toRefusal(error);
    if (code === 'INTERNAL') {
      const { connectionId } = this.#channel;
      this.#rules.log.error({ err: error, connectionId }, 'handling a message failed');
    }
    this.#channel.closeWith(code, message);
  }
}
