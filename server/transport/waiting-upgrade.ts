import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WaitingClient } from './admission-queue.js';

/** What a client may send before its upgrade request is answered, in bytes. A WebSocket client sends nothing before the answer. */
const MAX_EARLY_BYTES = 4_096;

/**
 * An upgrade request that waits for its admission.
 *
 * Its socket is read meanwhile: a paused socket does not notice that the client has closed it, and the broker would then
 * admit clients that gave up long ago. Under overload every client would give up before its turn.
 */
export class WaitingUpgrade implements WaitingClient {
  readonly #early: Buffer[];
  #earlyBytes = 0;
  #onLeft: () => void = () => undefined;

  /**
   * @param head what arrived behind the request
   * @param upgrade answers the request; `head` is all that has arrived until then
   */
  constructor(
    readonly request: IncomingMessage,
    readonly socket: Duplex,
    head: Buffer,
    private readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
  ) {
    this.#early = [head];
  }

  /** Reads the socket until `stopWaiting`, and destroys it when the client closes its end or sends too much. */
  startWaiting(onLeft: () => void): void {
    this.#onLeft = onLeft;
    this.socket.on('data', this.#onData).on('end', this.#onEnd).on('close', onLeft);
  }

  stopWaiting(): void {
    this.socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onLeft);
  }

  admit(): void {
    this.stopWaiting();
    this.upgrade(this.request, this.socket, Buffer.concat(this.#early));
  }

  readonly #onData = (data: Buffer): void => {
    this.#early.push(data);
    this.#earlyBytes += data.length;
    if (this.#earlyBytes > MAX_EARLY_BYTES) this.socket.destroy();
  };

  readonly #onEnd = (): void => {
    this.socket.destroy();
  };
}
