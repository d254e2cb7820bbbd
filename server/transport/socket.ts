import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import type { ErrorMessage } from '@duskline/protocol';
import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { Refusal, errorMessage } from '../broker/refusal.js';
import type { Channel } from '../broker/connections/connections.js';
import type { Runtime } from '../runtime/runtime.js';
import type { PendingWriter, WriteQueue } from './write-queue.js';
import { textFrame } from './text-frame.js';

/** What all sockets of a server share. */
export interface SocketRules extends Runtime {
  /** Largest send buffer, in bytes. A peer that reads too slowly for it is disconnected with `SLOW_CONSUMER`. */
  readonly maxSocketBufferBytes: number;
  readonly writes: WriteQueue;
}

/** How long a peer may take to answer a close frame before its socket is terminated. */
export const CLOSE_GRACE_MS = 2_000;

/** A close reason has at most 123 bytes (RFC 6455). It is always an error code, never text of a peer. */
type CloseReason = ErrorCode;

/** Sends messages over one `ws` socket as JSON text frames, with a bounded buffer, and closes it with error codes. */
export class SocketChannel<Message> implements Channel<Message | ErrorMessage>, PendingWriter {
  readonly connectionId: string;
  readonly #socket: WebSocket;
  readonly #wire: Writable;
  readonly #rules: SocketRules;
  /** Frames that are not written yet, one character per byte. */
  #unwritten = '';

  /** @param wire the TCP or TLS stream of the socket. Frames may be written to it directly, since there is no compression. */
  constructor(connectionId: string, socket: WebSocket, wire: Writable, rules: SocketRules) {
    this.connectionId = connectionId;
    this.#socket = socket;
    this.#wire = wire;
    this.#rules = rules;
  }

  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Sends a message; does nothing if the socket is closing. Closes it if its buffer is full. */
  send(message: Message | ErrorMessage): void {
    if (!this.open) return;
    if (this.#socket.bufferedAmount + this.#unwritten.length > this.#rules.maxSocketBufferBytes) {
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
    if (this.#unwritten === '') this.#rules.writes.schedule(this);
    this.#unwritten += frame;
  }

  /** Writes the frames that `send` has collected. */
  writePending(): void {
    const frames = this.#unwritten;
    if (frames === '') return;
    this.#unwritten = '';
    // No frame may follow a close frame.
    if (this.open) this.#wire.write(frames, 'latin1');
  }

  /** Sends an error message and closes with its close code. `message` replaces the text of the registry. */
  closeWith(code: ErrorCode, message?: string, retryAfterMs?: number): void {
    if (!this.open) return;
    const refusal = new Refusal(code, {
      ...(message === undefined ? {} : { message }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
    this.send(errorMessage(refusal, this.#rules.random));
    this.#close(code);
  }

  /** Closes with 1000, after a host has left. */
  closeNormally(): void {
    this.#closeSocket(1000, '');
  }

  #close(code: CloseReason): void {
    this.#closeSocket(ERRORS[code].closeCode ?? ERRORS.INTERNAL.closeCode, code);
  }

  #closeSocket(closeCode: number, reason: string): void {
    if (!this.open) return;
    this.writePending();
    this.#socket.close(closeCode, reason);
    // A peer that does not read would never answer the close frame.
    this.#rules.clock.setBackgroundTimer(() => this.#socket.terminate(), CLOSE_GRACE_MS);
  }
}
