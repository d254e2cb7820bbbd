import { WebSocket, type RawData } from 'ws';
import { parseClientFrame, STREAM_CLOSE, type StreamToClient } from './stream-protocol.js';

/** What a simulated host does with its streams. */
export interface StreamHandler {
  /** A client shows its ticket: admit or refuse it, at once. */
  handleTicket(stream: Stream, ticket: string): void;
  /** A picture can be sent: its number in the session, or `undefined` when there is none to show now. */
  nextFrameCount(stream: Stream): number | undefined;
  /** An admitted client says good-bye. */
  handleLeave(stream: Stream): void;
  /** The connection of an admitted client is gone. Not told after `finish`. */
  handleLost(stream: Stream): void;
  /** Time has passed; called a few times a second. */
  sweep(nowMs: number): void;
}

/** One client's connection to one simulated host. */
export interface Stream {
  /** Says that it may come in; pictures follow. */
  admit(sessionId: string, epoch: number): void;
  /** Says the last word and closes. */
  finish(message?: StreamToClient, closeCode?: number): void;
}

/** How long a client may take to show its ticket. */
const TICKET_TIMEOUT_MS = 5_000;

/** A client that reads this slowly misses pictures, not numbers: the next one follows the last it got. */
const MAX_BUFFERED_BYTES = 16 * 1024;

/** How long the other side has to answer a close. */
const CLOSE_TIMEOUT_MS = 2_000;

type Phase =
  | { readonly kind: 'waiting'; readonly untilMs: number }
  | { readonly kind: 'streaming' }
  | { readonly kind: 'closing'; readonly untilMs: number };

/** A stream over a WebSocket. Sets no timer: the server of all streams calls `sweep` and `sendFrame`. */
export class StreamConnection implements Stream {
  readonly #socket: WebSocket;
  readonly #handler: StreamHandler;
  readonly #nowMs: () => number;
  #phase: Phase;
  #sentFrames = 0;

  constructor(socket: WebSocket, handler: StreamHandler, nowMs: () => number) {
    this.#socket = socket;
    this.#handler = handler;
    this.#nowMs = nowMs;
    this.#phase = { kind: 'waiting', untilMs: nowMs() + TICKET_TIMEOUT_MS };
    socket.on('message', (data, isBinary) => this.#handleFrame(data, isBinary));
    // A frame that is too large or malformed: the library closes the socket, and `close` follows.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#handleClose());
  }

  admit(sessionId: string, epoch: number): void {
    this.#phase = { kind: 'streaming' };
    this.#send({ type: 'admitted', sessionId, epoch });
  }

  finish(message?: StreamToClient, closeCode: number = STREAM_CLOSE.done): void {
    if (this.#phase.kind === 'closing') return;
    if (message !== undefined) this.#send(message);
    this.#phase = { kind: 'closing', untilMs: this.#nowMs() + CLOSE_TIMEOUT_MS };
    this.#socket.close(closeCode);
  }

  /** Whether the last word is said, and only the other side's close is awaited. */
  get isClosing(): boolean {
    return this.#phase.kind === 'closing';
  }

  terminate(): void {
    this.#phase = { kind: 'closing', untilMs: 0 };
    this.#socket.terminate();
  }

  sendFrame(): void {
    if (this.#phase.kind !== 'streaming' || this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) return;
    const frameCount = this.#handler.nextFrameCount(this);
    if (frameCount === undefined) return;
    this.#sentFrames += 1;
    this.#send({ type: 'frame', n: this.#sentFrames, count: frameCount });
  }

  sweep(nowMs: number): void {
    if (this.#phase.kind === 'waiting' && nowMs >= this.#phase.untilMs) {
      this.finish(undefined, STREAM_CLOSE.badFrame);
    } else if (this.#phase.kind === 'closing' && nowMs >= this.#phase.untilMs) {
      this.#socket.terminate();
    }
  }

  #handleFrame(data: RawData, isBinary: boolean): void {
    if (this.#phase.kind === 'closing') return;
    // The binary type of a Node socket is a Buffer.
    const frame = isBinary ? undefined : parseClientFrame((data as Buffer).toString('utf8'));
    if (frame?.type === 'ticket' && this.#phase.kind === 'waiting') {
      this.#handler.handleTicket(this, frame.ticket);
    } else if (frame?.type === 'bye' && this.#phase.kind === 'streaming') {
      this.#handler.handleLeave(this);
    } else {
      this.#refuseFrame();
    }
  }

  #refuseFrame(): void {
    const wasStreaming = this.#phase.kind === 'streaming';
    this.finish(undefined, STREAM_CLOSE.badFrame);
    if (wasStreaming) this.#handler.handleLost(this);
  }

  #handleClose(): void {
    const wasStreaming = this.#phase.kind === 'streaming';
    this.#phase = { kind: 'closing', untilMs: Infinity };
    if (wasStreaming) this.#handler.handleLost(this);
  }

  #send(message: StreamToClient): void {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify(message), () => undefined);
    }
  }
}
