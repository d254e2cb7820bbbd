import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import type { ErrorMessage } from '@duskline/protocol';
import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { Refusal, errorMessage } from '../broker/refusal.js';
import type { Channel } from '../broker/connections/connections.js';
import { scheduleWrite, type PendingWriter } from './write-queue.js';
import { textFrame } from './text-frame.js';

/** Bounds on one peer's socket. */
export interface SocketLimits {
  /** The most that may wait to be sent, in bytes; more, and the peer reads too slowly to keep. */
  readonly maxSocketBufferBytes: number;
}

/** How long a peer may take to answer a close before its socket is cut. */
export const CLOSE_GRACE_MS = 2_000;

/** RFC 6455: a close reason has room for 123 bytes. Only registry codes go there, no peer's text. */
type CloseReason = ErrorCode;

/** A channel over one `ws` socket: JSON text frames, a bounded buffer, and closes that say why. */
export class SocketChannel<Message> implements Channel<Message | ErrorMessage>, PendingWriter {
  readonly connectionId: string;
  readonly #socket: WebSocket;
  readonly #wire: Writable;
  readonly #limits: SocketLimits;
  /** Frames, a character a byte. */
  #unwritten = '';

  /** @param wire what the socket writes to, in order and at once, for it compresses nothing */
  constructor(connectionId: string, socket: WebSocket, wire: Writable, limits: SocketLimits) {
    this.connectionId = connectionId;
    this.#socket = socket;
    this.#wire = wire;
    this.#limits = limits;
  }

  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  send(message: Message | ErrorMessage): void {
    if (!this.open) return;
    if (this.#socket.bufferedAmount + this.#unwritten.length > this.#limits.maxSocketBufferBytes) {
      this.#close('SLOW_CONSUMER');
      return;
    }
    const text = JSON.stringify(message);
    const frame = textFrame(text);
    if (frame === undefined) {
      this.writePending();
      this.#socket.send(text);
      return;
    }
    if (this.#unwritten === '') scheduleWrite(this);
    this.#unwritten += frame;
  }

  writePending(): void {
    const frames = this.#unwritten;
    if (frames === '') return;
    this.#unwritten = '';
    // Nothing may follow a close frame.
    if (this.open) this.#wire.write(frames, 'latin1');
  }

  closeWith(code: ErrorCode, message?: string): void {
    if (!this.open) return;
    this.send(errorMessage(new Refusal(code, message === undefined ? {} : { message })));
    this.#close(code);
  }

  /** The peer said goodbye in order. */
  closeNormally(): void {
    this.#closeSocket(1000, '');
  }

  #close(code: CloseReason): void {
    this.#closeSocket(ERRORS[code].closeCode ?? 1008, code);
  }

  #closeSocket(closeCode: number, reason: string): void {
    if (!this.open) return;
    this.writePending();
    this.#socket.close(closeCode, reason);
    // A peer that does not read does not answer the close either.
    setTimeout(() => this.#socket.terminate(), CLOSE_GRACE_MS).unref();
  }
}
