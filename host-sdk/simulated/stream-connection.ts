import { WebSocket, type RawData } from 'ws';
import { parseClientFrame, STREAM_CLOSE, type StreamToClient } from './stream-protocol.js';

/** What a simulated host does about its streams. */
export interface StreamHandler {
  /** A client shows its ticket. Admit or refuse it, now or within some seconds. */
  handleTicket(stream: Stream, ticket: string): void;
  /** Returns the number of the session's next frame, or `undefined` if it shows none now. */
  nextFrameCount(stream: Stream): number | undefined;
  /** An admitted client sent `bye`. */
  handleLeave(stream: Stream): void;
  /** An admitted client lost its connection. Not called after `finish`. */
  handleLost(stream: Stream): void;
  /** Called several times a second, for deadlines. */
  sweep(nowMs: number): void;
}

/** One client's connection to one simulated host. */
export interface Stream {
  /** The connection is lost, or its last message was sent. */
  readonly isClosing: boolean;
  /** Sends `admitted`. Frames follow. */
  admit(sessionId: string, epoch: number): void;
  /** Sends a last message and closes. */
  finish(message?: StreamToClient, closeCode?: number): void;
}

/** Time limit for the ticket of a new connection. */
const TICKET_TIMEOUT_MS = 5_000;

/** A client that reads too slowly gets fewer frames. They are still numbered without a gap. */
const MAX_BUFFERED_BYTES = 16 * 1024;

/** How long to wait for the client's close frame. */
const CLOSE_TIMEOUT_MS = 2_000;

type Phase =
  | { readonly kind: 'waiting'; readonly untilMs: number }
  | { readonly kind: 'deciding' }
  | { readonly kind: 'streaming' }
  | { readonly kind: 'closing'; readonly untilMs: number };

/** A stream over a WebSocket. Has no timer: the stream server calls `sweep` and `sendFrame`. */
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
    // After a malformed or too large frame, `ws` closes the socket and emits `close`.
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
      this.#phase = { kind: 'deciding' };
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
