import type { ErrorCode } from '@duskline/protocol/codes';
import type { ParseResult } from '@duskline/protocol/validation';
import { Refusal, errorMessage, toRefusal } from '../broker/refusal.js';
import type { Logger } from '../broker/logger.js';
import { MessageBudget, type MessageRate } from './message-budget.js';
import type { PeerSocket, SocketListener } from './peer-socket.js';
import type { PingMonitor, MonitoredConnection } from './ping-monitor.js';
import { CLOSE_GRACE_MS, type SocketChannel } from './socket.js';

/** One side of a channel: what to do with its messages. `client-channel` and `host-channel` are the two. */
export interface MessageHandler<Message> {
  /** Reads one text frame. */
  parse(text: string): ParseResult<Message>;
  /** Handles one message; frames of a connection are handled in order. */
  handle(message: Message): Promise<void> | void;
  /** Whether the first message was accepted. Until then every mistake ends the connection. */
  readonly established: boolean;
  /** The socket is gone. */
  closed(): void;
}

/** What all conversations of a kind are held to. */
export interface ConnectionRules {
  /** Of everything but signals. */
  readonly rate: MessageRate;
  /**
   * Of signals, over all sessions: above what a session may have, so that a peer hears which ones were
   * dropped before it is sent away.
   */
  readonly signalRate: MessageRate;
  readonly helloDeadlineMs: number;
  readonly monitor: PingMonitor;
  readonly log: Logger;
  /** A socket is closed. */
  readonly onClosed: (socket: PeerSocket) => void;
}

/** After so many frames that are no valid message a peer is not worth listening to. */
export const MAX_INVALID_MESSAGES = 8;

/** How many messages may wait while the first one is looked at: nobody has shown a token yet. */
export const MAX_MESSAGES_BEFORE_HELLO = 32;

/** Messages that began to be handled between two moments at which somebody asked when all are done. */
interface MessageBatch {
  underWay: number;
  onHandled: (() => void) | undefined;
}

/**
 * A conversation on a socket: one frame after the other, within its budget, the first one in time; whatever goes wrong is
 * answered with a code and ends this connection at the most. A class, for tens of thousands of them may be idle: its
 * methods are shared, and what is seldom needed is made when it is.
 */
export class ConnectionHandler<Message extends { readonly type: string }>
  implements SocketListener, MonitoredConnection
{
  missedPings = 0;
  readonly #socket: PeerSocket;
  readonly #channel: SocketChannel<unknown>;
  readonly #conversation: MessageHandler<Message>;
  readonly #rules: ConnectionRules;
  readonly #budget: MessageBudget;
  #signals: MessageBudget | undefined;
  #invalidMessages = 0;
  #opening: Promise<void> | undefined;
  #waiting = 0;
  #helloTimer: NodeJS.Timeout | undefined;
  #batch: MessageBatch = { underWay: 0, onHandled: undefined };

  constructor(
    socket: PeerSocket,
    channel: SocketChannel<unknown>,
    conversation: MessageHandler<Message>,
    rules: ConnectionRules,
  ) {
    this.#socket = socket;
    this.#channel = channel;
    this.#conversation = conversation;
    this.#rules = rules;
    this.#budget = new MessageBudget(rules.rate, performance.now());
    this.#helloTimer = setTimeout(() => this.#closeOnHelloTimeout(), rules.helloDeadlineMs);
    socket.listen(this);
    rules.monitor.watch(this);
  }

  /** Resolves when every message that came so far has been handled. */
  async whenHandled(): Promise<void> {
    const era = this.#batch;
    this.#batch = { underWay: 0, onHandled: undefined };
    if (era.underWay === 0) return;
    await new Promise<void>((resolve) => {
      era.onHandled = resolve;
    });
  }

  /** Says why and closes. */
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
    const result = this.#conversation.parse(data.toString('utf8'));
    const nowMs = performance.now();
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

  /** `ws` reports what the peer did wrong (a frame too large, broken UTF-8) and closes, but waits half a minute for the answer. */
  onError(error: Error): void {
    this.#rules.log.debug({ err: error, connectionId: this.#channel.connectionId }, 'socket error');
    setTimeout(() => this.#socket.terminate(), CLOSE_GRACE_MS).unref();
  }

  onClose(): void {
    clearTimeout(this.#helloTimer);
    this.#rules.monitor.unwatch(this);
    this.#conversation.closed();
    this.#rules.onClosed(this.#socket);
  }

  ping(): void {
    this.#socket.ping();
  }

  terminate(): void {
    this.#rules.log.debug({ connectionId: this.#channel.connectionId }, 'peer is silent');
    this.#socket.terminate();
  }

  #closeOnHelloTimeout(): void {
    this.#helloTimer = undefined;
    if (!this.#conversation.established) this.#channel.closeWith('HELLO_TIMEOUT');
  }

  #budgetFor(result: ParseResult<Message>, nowMs: number): MessageBudget {
    if (!result.ok || result.message.type !== 'signal') return this.#budget;
    return (this.#signals ??= new MessageBudget(this.#rules.signalRate, nowMs));
  }

  #dispatchMessage(message: Message): void {
    if (this.#conversation.established) {
      void this.#handleMessage(message);
      return;
    }
    if (this.#opening === undefined) {
      this.#opening = this.#handleFirstMessage(message);
      return;
    }
    // Until the first message is through (its token may need a key from afar), the next ones wait for it:
    // each starts in its turn, before any that comes later, and none at all when the first was refused.
    this.#waiting += 1;
    if (this.#waiting > MAX_MESSAGES_BEFORE_HELLO) this.#channel.closeWith('TOO_MANY_MESSAGES');
    else void this.#opening.then(() => (this.#channel.open ? this.#handleMessage(message) : undefined));
  }

  async #handleFirstMessage(message: Message): Promise<void> {
    await this.#handleMessage(message);
    if (!this.#conversation.established) return;
    clearTimeout(this.#helloTimer);
    this.#helloTimer = undefined;
  }

  /** Every message passes here, so that no handler's failure goes unseen, and none is cut off by a stop. */
  #handleMessage(message: Message): Promise<void> | undefined {
    try {
      const work = this.#conversation.handle(message);
      return work === undefined ? undefined : this.#trackHandling(work, this.#batch);
    } catch (error) {
      this.#closeAfterFailure(error);
      return undefined;
    }
  }

  async #trackHandling(work: Promise<void>, era: MessageBatch): Promise<void> {
    era.underWay += 1;
    try {
      await work;
    } catch (error) {
      this.#closeAfterFailure(error);
    }
    era.underWay -= 1;
    if (era.underWay === 0) era.onHandled?.();
  }

  #refuseMessage(result: Extract<ParseResult<Message>, { ok: false }>): void {
    this.#invalidMessages += 1;
    const unreadable = result.code === 'BAD_MESSAGE' && !result.recognised;
    if (!this.#conversation.established || unreadable || this.#invalidMessages >= MAX_INVALID_MESSAGES) {
      this.#channel.closeWith('BAD_MESSAGE', result.detail);
      return;
    }
    this.#channel.send(errorMessage(new Refusal(result.code, { message: result.detail }), result));
  }

  #closeAfterFailure(error: unknown): void {
    const { code, message } = toRefusal(error);
    if (code === 'INTERNAL') {
      const { connectionId } = this.#channel;
      this.#rules.log.error({ err: error, connectionId }, 'a message could not be handled');
    }
    this.#channel.closeWith(code, message);
  }
}
