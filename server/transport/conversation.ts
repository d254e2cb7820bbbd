import type { ParseResult } from '@duskline/protocol/validation';
import type { RawData, WebSocket } from 'ws';
import { Refusal, errorMessage, toRefusal } from '../broker/refusal.js';
import type { Logger } from '../broker/logger.js';
import { MessageBudget, type MessageRate } from './message-budget.js';
import type { PingMonitor } from './ping-monitor.js';
import { CLOSE_GRACE_MS, type SocketChannel } from './socket.js';

/** One side of a channel: what to do with its messages. `client-channel` and `host-channel` are the two. */
export interface Conversation<Message> {
  /** Reads one text frame. */
  parse(text: string): ParseResult<Message>;
  /** Handles one message; frames of a connection are handled in order. */
  handle(message: Message): Promise<void> | void;
  /** Whether the first message was accepted. Until then every mistake ends the connection. */
  readonly established: boolean;
  /** The socket is gone. */
  closed(): void;
}

export interface ConversationOptions {
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
}

/** After so many frames that are no valid message a peer is not worth listening to. */
export const MAX_MISTAKES = 8;

/** How many messages may wait while the first one is looked at: nobody has shown a token yet. */
export const MAX_WAITING = 32;

/** A conversation that runs. */
export interface RunningConversation {
  /** Resolves when every message that came so far has been handled. */
  settled(): Promise<void>;
}

/**
 * Runs one conversation on a socket: one frame after the other, within its budget, the first one in time;
 * whatever goes wrong is answered with a code and ends this connection at the most.
 */
export function runConversation<Message extends { readonly type: string }>(
  socket: WebSocket,
  channel: SocketChannel<unknown>,
  conversation: Conversation<Message>,
  options: ConversationOptions,
): RunningConversation {
  const { monitor, log } = options;
  const budget = new MessageBudget(options.rate, performance.now());
  const signals = new MessageBudget(options.signalRate, performance.now());
  let mistakes = 0;
  let opening: Promise<void> | undefined;
  let waiting = 0;
  const underWay = new Set<Promise<void>>();

  const helloTimer = setTimeout(() => {
    if (!conversation.established) channel.closeWith('HELLO_TIMEOUT');
  }, options.helloDeadlineMs);

  function refuse(result: Extract<ParseResult<Message>, { ok: false }>): void {
    mistakes += 1;
    const unreadable = result.code === 'BAD_MESSAGE' && !result.recognised;
    if (!conversation.established || unreadable || mistakes >= MAX_MISTAKES) {
      channel.closeWith('BAD_MESSAGE', result.detail);
      return;
    }
    channel.send(errorMessage(new Refusal(result.code, { message: result.detail }), result));
  }

  function fail(error: unknown): void {
    const { code, message } = toRefusal(error);
    if (code === 'INTERNAL') {
      log.error({ err: error, connectionId: channel.connectionId }, 'a message could not be handled');
    }
    channel.closeWith(code, message);
  }

  /** Every message passes here, so that no handler's failure goes unseen, and none is cut off by a stop. */
  function handle(message: Message): Promise<void> {
    const work = runHandler(message).finally(() => underWay.delete(work));
    underWay.add(work);
    return work;
  }

  async function runHandler(message: Message): Promise<void> {
    try {
      await conversation.handle(message);
    } catch (error) {
      fail(error);
    }
  }

  function onMessage(data: RawData, isBinary: boolean): void {
    if (!channel.open) return;
    monitor.alive(socket);
    if (isBinary) {
      channel.closeWith('BINARY_FRAME');
      return;
    }
    // ws gives text frames as one Buffer unless told otherwise.
    const result = conversation.parse((data as Buffer).toString('utf8'));
    const spent = result.ok && result.message.type === 'signal' ? signals : budget;
    if (!spent.spend(performance.now())) {
      channel.closeWith('TOO_MANY_MESSAGES');
      return;
    }
    if (!result.ok) {
      refuse(result);
      return;
    }
    take(result.message);
  }

  function take(message: Message): void {
    if (conversation.established) {
      void handle(message);
      return;
    }
    if (opening === undefined) {
      opening = handle(message);
      return;
    }
    // Until the first message is through (its token may need a key from afar), the next ones wait for it:
    // each starts in its turn, before any that comes later, and none at all when the first was refused.
    waiting += 1;
    if (waiting > MAX_WAITING) channel.closeWith('TOO_MANY_MESSAGES');
    else void opening.then(() => (channel.open ? handle(message) : undefined));
  }

  socket.on('message', onMessage);
  socket.on('pong', () => monitor.alive(socket));
  // `ws` reports what the peer did wrong (a frame too large, broken UTF-8) and closes with the right code,
  // but waits half a minute for the answer.
  socket.on('error', (error) => {
    log.debug({ err: error, connectionId: channel.connectionId }, 'socket error');
    setTimeout(() => socket.terminate(), CLOSE_GRACE_MS).unref();
  });
  socket.on('close', () => {
    clearTimeout(helloTimer);
    monitor.forget(socket);
    conversation.closed();
  });
  monitor.watch(socket, () => log.debug({ connectionId: channel.connectionId }, 'peer is silent'));

  return {
    async settled() {
      await Promise.all(underWay);
    },
  };
}
